import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runPandav } from "#test/support/pandav.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

describe("a server on another machine", () => {
  let server: RunningServer;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-remote-"));
    server = await startServer({ dataDir: folder });
    mkdirSync(join(folder, "files/d"), { recursive: true });
    writeFileSync(join(folder, "files/d/a"), "hello");
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const login = () => ({ PANDAV_USER: server.user, PANDAV_PASSWORD: server.password });
  async function token(): Promise<string> {
    const reply = await fetch(`${server.url}/api/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: server.user, password: server.password }),
    });
    return ((await reply.json()) as { data: { token: string } }).data.token;
  }

  it("is reached with --server before or after the verb, as a user or with a token", async () => {
    for (const args of [
      ["cat", "d/a", "--server", server.url],
      ["--server", `${server.url}/`, "cat", "/local/d/a"],
    ]) {
      expect(await runPandav(args, { env: login() })).toEqual({ code: 0, stdout: "hello", stderr: "" });
    }
    const env = { PANDAV_SERVER: server.url, PANDAV_TOKEN: await token() };
    expect(await runPandav(["ls", "d"], { env })).toEqual({ code: 0, stdout: "a\n", stderr: "" });
  });

  it("serves the same verbs that change things", async () => {
    const env = { ...login(), PANDAV_SERVER: server.url };
    for (const line of ["mkdir -p x/y", "cp d/a x/y", "mv x/y/a x/b", "use /local", "rm -r x"]) {
      expect(await runPandav(line.split(" "), { env })).toEqual({ code: 0, stdout: "", stderr: "" });
    }
    expect((await runPandav(["find", "-type", "f"], { env })).stdout).toBe("/d/a\n");
  });

  it("that wants a login is exit 3 (sjtu-pan.md §9.4), and no secret is said", async () => {
    const none = await runPandav(["ls", "--server", server.url]);
    expect(none).toMatchObject({ code: 3, stdout: "" });
    expect(none.stderr).toMatch(/^pandav: ls: .*PANDAV_USER.*\n$/);
    const wrong = { PANDAV_USER: "admin", PANDAV_PASSWORD: "wrong-secret" };
    const refused = await runPandav(["ls", "--server", server.url], { env: wrong });
    expect(refused).toMatchObject({ code: 3, stdout: "" });
    expect(refused.stderr).toMatch(/^pandav: ls: (?!.*wrong-secret).*\n$/);
    const stale = await runPandav(["ls", "--server", server.url], { env: { PANDAV_TOKEN: "stale-secret" } });
    expect(stale).toMatchObject({ code: 3, stdout: "" });
    expect(stale.stderr).not.toContain("stale-secret");
  });

  it("that is not there is exit 1 and named", async () => {
    const { code, stderr } = await runPandav(["ls", "--server", "http://127.0.0.1:1"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^pandav: ls: http:\/\/127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED.*\n$/),
    });
  });

  it("needs both halves of a login", async () => {
    const { code, stderr } = await runPandav(["ls", "--server", server.url], { env: { PANDAV_USER: "admin" } });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: "pandav: ls: PANDAV_USER and PANDAV_PASSWORD go together: set both, or PANDAV_TOKEN\n",
    });
  });
});
