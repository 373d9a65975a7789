import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { controlSocketPath, openControlSocket } from "#server/start/control-socket.ts";

describe("the control socket", () => {
  let parent: string;
  let server: Server;

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "pandav-socket-"));
    server = createServer((_request, response) => response.end("hello"));
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(parent, { recursive: true, force: true });
  });

  const listener = () => ({
    listen: (where: { path: string } | { port: number; host: string }) =>
      new Promise<string>((resolve, reject) => {
        server.once("error", reject);
        server.listen(where, () => resolve(""));
      }),
  });

  function get(socketPath: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const sent = request({ socketPath, path: "/", agent: false }, (response) => {
        response.setEncoding("utf8").once("data", resolve);
      });
      sent.once("error", reject).end();
    });
  }

  it("lies in the data folder, for its owner alone", async () => {
    const path = await openControlSocket(parent, listener());
    expect(path).toBe(join(parent, "control.sock"));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await get(controlSocketPath(parent))).toBe("hello");
  });

  it("takes the place of the file that a killed server left", async () => {
    writeFileSync(join(parent, "control.sock"), "");
    await openControlSocket(parent, listener());
    expect(await get(controlSocketPath(parent))).toBe("hello");
  });

  it("lies in a private folder of the system's temporary one where its path would be too long (unix(7): 108 bytes)", async () => {
    const dataDir = join(parent, "x".repeat(60), "y".repeat(60));
    mkdirSync(dataDir, { recursive: true });
    const path = await openControlSocket(dataDir, listener());
    expect(path.length).toBeLessThan(104);
    expect(readFileSync(join(dataDir, "control.path"), "utf8")).toBe(path);
    expect([statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(await get(controlSocketPath(dataDir))).toBe("hello");
  });
});
