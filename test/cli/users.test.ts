import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunOptions, runPandav } from "#test/support/pandav.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

describe("pandav user and pandav token", () => {
  let dataDir: string;
  let server: RunningServer;
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "pandav-users-"));
    server = await startServer({ dataDir });
    mkdirSync(join(dataDir, "files", "ann"));
    writeFileSync(join(dataDir, "files", "ann", "mine.txt"), "mine");
    writeFileSync(join(dataDir, "files", "others.txt"), "others");
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const pandav = (args: readonly string[], options?: RunOptions) => runPandav([...args, "--data", dataDir], options);
  const remote = (args: readonly string[], env: Record<string, string>) =>
    runPandav(args, { env: { PANDAV_SERVER: server.url, ...env } });

  it("make a user who sees and may do what was said, in every front, and take all of it back", async () => {
    const add = ["user", "add", "ann", "--base-path", "/local/ann", "--rights", "read,write"];
    expect(await pandav(add, { stdin: "ann's own\n" })).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await pandav(add, { stdin: "ann's own\n" })).toMatchObject({
      code: 1,
      stderr: 'pandav: user add: there is a user "ann" already\n',
    });
    const { stdout } = await pandav(["user", "list", "--json"]);
    const users = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(users[2]).toEqual({
      id: 3,
      name: "ann",
      role: "general",
      basePath: "/local/ann",
      permission: 8 + 16 + 32 + 64 + 128 + 256 + 512,
      rights: ["write", "rename", "move", "copy", "delete", "webdav_read", "webdav_manage"],
      disabled: false,
      secondFactor: false,
    });
    expect((await pandav(["user", "list"])).stdout).toMatch(/^admin +admin +\/ +everything$/m);
    const login = { PANDAV_USER: "ann", PANDAV_PASSWORD: "ann's own" };
    expect(await remote(["find"], login)).toMatchObject({ code: 0, stdout: "/\n/mine.txt\n" });
    const made = await pandav(["token", "add", "backup", "--user", "ann", "--expires", "90d"]);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^pandav_[\w-]{43}\n$/) });
    const token = { PANDAV_TOKEN: made.stdout.trim() };
    expect(await remote(["cat", "/mine.txt"], token)).toMatchObject({ code: 0, stdout: "mine" });
    expect(await remote(["mkdir", "/new"], token)).toMatchObject({ code: 1, stderr: /permission denied/ });
    const dav = await fetch(`${server.url}/dav/mine.txt`, {
      headers: { Authorization: `Bearer ${token.PANDAV_TOKEN}` },
    });
    expect([dav.status, await dav.text()]).toEqual([200, "mine"]);
    const [row] = (await pandav(["token", "list", "--json"])).stdout.trim().split("\n");
    const known = { id: 1, user: "ann", name: "backup", scope: "read", path: "/" };
    expect(JSON.parse(row!)).toMatchObject({ ...known, createdAt: expect.any(Number), lastUsedAt: expect.any(Number) });
    expect(await remote(["token", "list", "--json"], login)).toMatchObject({ code: 0, stdout: `${row}\n` });
    expect(await pandav(["token", "revoke", "backup"])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await remote(["cat", "/mine.txt"], token)).toMatchObject({ code: 3 });
    expect(await pandav(["user", "remove", "ann"])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await remote(["find"], login)).toMatchObject({ code: 3 });
  }, 60_000);

  it.each([
    [["user", "remove", "nobody"], 4, "user remove: nobody: there is no such user (pandav user list shows them)"],
    [["user", "remove", "admin"], 1, "user remove: cannot delete admin or guest"],
    [["user", "add", "x", "--rights", "fly"], 2, 'user add: --rights knows no "fly" (pandav user add --help)'],
    [
      ["user", "passwd", "nobody", "--no-2fa"],
      4,
      "user passwd: nobody: there is no such user (pandav user list shows them)",
    ],
    [["token", "revoke", "none"], 4, "token revoke: none: there is no such token (pandav token list shows them)"],
    [["token", "add", "x", "--scope", "all"], 2, "token add: --scope is read, write or admin"],
    [["token", "add", "x", "--expires", "soon"], 2, 'token add: --expires is 12h, 90d, 4w, 1y or a date, not "soon"'],
    [["token", "add", "x", "--user", "nobody"], 4, 'token add: there is no user "nobody"'],
    [
      ["token", "add", "x", "--scope", "admin", "--path", "/a"],
      2,
      "token add: who administers does so everywhere: a token of scope admin has no path",
    ],
  ])("%j is exit %i and one line", async (args, code, line) => {
    expect(await pandav(args)).toEqual({ code, stdout: "", stderr: `pandav: ${line}\n` });
  });
});
