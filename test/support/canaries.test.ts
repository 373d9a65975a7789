/** The check for secrets must be able to fail, wherever the suite collects what leaves Pandav. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningSjtuPan, startSjtuPan } from "#test/simulators/sjtu-pan/start.ts";
import { addCanary, addPassword, CanaryFound, expectNoCanary, watchPan } from "./canaries.ts";
import { expectNoCanaryIn } from "./canary-folder.ts";
import { takeFound } from "./canary-tap.ts";
import { runPandav } from "./pandav.ts";
import { startServer } from "./server.ts";
import { installPandav, runShell } from "./shell.ts";

const CANARY = "CaNaRy-5d0c1b7e";

describe("what leaves Pandav", () => {
  let folder: string;
  let pan: RunningSjtuPan;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-canary-"));
    pan = await startSjtuPan();
    watchPan(pan);
    addCanary("key", CANARY);
  });
  afterAll(async () => {
    await pan.close();
    rmSync(folder, { recursive: true });
  });

  it("is searched for all that the simulated service gave out, at the time of the search", () => {
    const { cookie, userToken, accessToken } = pan.credentials();
    for (const [kind, value] of Object.entries({ cookie, "user token": userToken, "access token": accessToken })) {
      const line = `{"message":"refused","url":"/x?a=${value}"}`;
      expect(() => expectNoCanary("a line", line)).toThrow(`a line holds a secret (${kind}), after: `);
      expect(() => expectNoCanary("a line", Buffer.from(line))).toThrow(CanaryFound);
      // What the failure of a test prints is read by people too.
      expect(() => expectNoCanary("a line", line)).not.toThrow(value);
    }
    expectNoCanary("a line", "nothing");
  });

  it("is searched for signatures of the store, but where they are meant to be", () => {
    const signature = pan.world.signed("0123456789abcdef".repeat(4));
    expect(() => expectNoCanary("a link", `X-Amz-Signature=${signature}`)).toThrow("store signature");
    expectNoCanary("a link", `X-Amz-Signature=${signature}`, ["store signature"]);
  });

  it("is searched for a password as it is, in an Authorization header, and in an address", () => {
    addPassword("ann", "grün & blau");
    for (const form of ["grün & blau", "YW5uOmdyw7xuICYgYmxhdQ==", "gr%C3%BCn%20%26%20blau"]) {
      expect(() => expectNoCanary("a line", `… ${form} …`)).toThrow("(password)");
    }
  });

  it("is what a run prints: it fails", async () => {
    const args = ["auth", "--timeout", CANARY, "--data", folder];
    await expect(runPandav(args)).rejects.toThrow(/^standard error holds a secret \(key\)/);
    const bin = installPandav(join(folder, "bin"));
    await expect(runShell(`echo ${CANARY}`, { bin, cwd: folder })).rejects.toThrow(/^standard output holds a secret/);
    expect(await runShell(`echo ${CANARY}`, { bin, cwd: folder, mayShow: ["key"] })).toMatchObject({ code: 0 });
  });

  it("is what lies in a data folder when its server has ended", async () => {
    const server = await startServer();
    writeFileSync(join(server.dataDir, "note"), `… ${CANARY}`);
    await expect(server.stop()).rejects.toThrow(/^the file note of the data folder holds a secret/);
    const killed = await startServer();
    writeFileSync(join(killed.dataDir, "files", "of-a-user"), CANARY);
    expectNoCanaryIn(killed.dataDir);
    writeFileSync(join(killed.dataDir, "note"), CANARY);
    await expect(killed.kill9()).rejects.toThrow(CanaryFound);
  });

  it("is what a server logs", async () => {
    const server = await startServer({ env: { PANDAV_LOG: "debug" } });
    await fetch(`${server.url}/dav/local/${CANARY}`, { headers: { authorization: "Basic eDp5" } });
    await expect(server.stop()).rejects.toThrow(/^the log of the server holds a secret/);
  });

  it.each(["application/json", "application/xml; charset=utf-8"])(
    "is a reply of %s, in its head and its body",
    async (type) => {
      const server = createServer((request, response) => {
        const isHead = request.url === "/head";
        response.writeHead(200, { "content-type": type, ...(isHead && { location: `/?token=${CANARY}` }) });
        // In two pieces.
        response.write(isHead ? "{}" : `{"a":"${CANARY.slice(0, 8)}`);
        setTimeout(() => response.end(isHead ? "" : `${CANARY.slice(8)}"}`), 20);
      }).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      for (const path of ["/head", "/body"]) {
        await (await fetch(origin + path)).text();
        expect([path, String(takeFound())]).toEqual([path, expect.stringContaining(`the reply to GET ${path} holds`)]);
        await new Promise((resolve) => get(origin + path, (response) => resolve(text(response))));
        expect([path, String(takeFound())]).toEqual([path, expect.stringContaining(`the reply to GET ${path} holds`)]);
      }
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  );

  it("is not what the simulated service answers itself", async () => {
    const { cookie } = pan.credentials();
    const authorize = new URL("/oauth2/authorize", pan.origins.jaccount);
    authorize.search = String(
      new URLSearchParams({
        response_type: "code",
        client_id: "pan",
        redirect_uri: "https://pan.sjtu.edu.cn/login",
        scope: "basic",
      }),
    );
    const reply = await fetch(authorize, { redirect: "manual", headers: { cookie: `JAAuthCookie=${cookie}` } });
    expect(reply.headers.get("location")).toMatch(/code=/);
    expect(takeFound()).toEqual([]);
  });
});
