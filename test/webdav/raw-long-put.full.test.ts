/** An upload that takes longer than Node's own limit of a request, 300 s (webdav.md §5, §8). */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { startServer } from "#test/support/server.ts";

const SECONDS = 330;

it(
  "a PUT of five and a half minutes is stored",
  async () => {
    const server = await startServer();
    onTestFinished(() => server.stop().then(() => undefined));
    const basic = Buffer.from(`admin:${server.password}`).toString("base64");
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write(
      `PUT /dav/local/slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Basic ${basic}\r\nContent-Length: ${SECONDS}\r\n\r\n`,
    );
    for (let second = 0; second < SECONDS; second++) {
      await sleep(1_000);
      expect(answer).toBe("");
      socket.write("x");
    }
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    expect(readFileSync(join(server.dataDir, "files", "slow"), "utf8")).toBe("x".repeat(SECONDS));
  },
  10 * 60_000,
);
