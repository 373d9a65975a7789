/** Locks with programs that take them, beside other fronts, and over a kill (webdav.md §5.1). */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { runCadaver } from "./cadaver-run.ts";

let server: RunningServer;
let folder: string;
beforeAll(async () => {
  server = await startServer();
  folder = mkdtempSync(join(tmpdir(), "pandav-locks-"));
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Headers = Readonly<Record<string, string>>;

function ask(method: string, path: string, headers: Headers = {}, body?: string): Promise<Response> {
  return askAt(server, method, path, headers, body);
}

function askAt(at: RunningServer, method: string, path: string, headers: Headers = {}, body?: string) {
  const Authorization = `Basic ${Buffer.from(`${at.user}:${at.password}`).toString("base64")}`;
  const init = { method, headers: { Authorization, ...headers }, signal: AbortSignal.timeout(10_000) };
  return fetch(`${at.url}/dav/local/${path}`, body === undefined ? init : { ...init, body });
}

withTools(["cadaver"])("cadaver", () => {
  const cadaver = (...commands: readonly string[]) => runCadaver(server, folder, commands);

  it("locks, writes with its lock while others are refused, and unlocks", async () => {
    writeFileSync(join(folder, "mine.txt"), "written under the lock");
    await ask("PUT", "file.txt", {}, "old");
    const locked = await cadaver("lock file.txt", "showlocks", "put mine.txt file.txt", "discover file.txt");
    expect(locked).toMatch(/Locking `file.txt': succeeded/);
    expect(locked).toMatch(/Lock token <urn:uuid:[0-9a-f-]{36}>/);
    expect(locked).toMatch(/Uploading mine.txt to `\/dav\/local\/file.txt':.*succeeded/s);
    expect(await (await ask("GET", "file.txt")).text()).toBe("written under the lock");
    // The session has ended without unlocking.
    expect((await ask("PUT", "file.txt", {}, "theirs")).status).toBe(423);
    const token = /urn:uuid:[0-9a-f-]{36}/.exec(locked)![0];
    const unlocked = await cadaver("steal file.txt", "unlock file.txt");
    expect(unlocked).toContain(`<${token}>`);
    expect(unlocked).toMatch(/Unlocking `file.txt': succeeded/);
    expect((await ask("PUT", "file.txt", {}, "free")).status).toBe(204);
  });

  it("locks a directory, and its members with it", async () => {
    await ask("MKCOL", "folder");
    const output = await cadaver("lock folder", "mkcol folder/inner", "delete folder", "ls");
    expect(output).toMatch(/Locking collection `folder': succeeded/);
    expect(output).toMatch(/Creating `folder\/inner': succeeded/);
  });
});

describe("the HTTP API beside a WebDAV client", () => {
  async function api(
    token: string,
    path: string,
    body: unknown,
  ): Promise<{ code: number; message: string; data: never }> {
    const reply = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { Authorization: token, "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    return (await reply.json()) as { code: number; message: string; data: never };
  }
  const logIn = async (username: string, password: string) =>
    ((await api("", "/api/auth/login", { username, password })).data as { token: string }).token;

  it("refuses what somebody else has locked, to whomever, and lets one change what he locked himself", async () => {
    const info =
      '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>';
    const admin = await logIn(server.user, server.password);
    const user = { username: "eve", password: "eve's own", base_path: "/", permission: 0x3ff };
    expect(await api(admin, "/api/admin/user/create", { ...user, role: 0 })).toMatchObject({ code: 200 });
    const eve = await logIn("eve", "eve's own");
    expect((await ask("LOCK", "api.txt", { Depth: "0" }, info)).status).toBe(201);
    const remove = { dir: "/local", names: ["api.txt"] };
    const refused = await api(eve, "/api/fs/remove", remove);
    expect([refused.code, refused.message]).toEqual([423, expect.stringContaining("is locked by another")]);
    const put = (token: string) =>
      fetch(`${server.url}/api/pandav/fs/content?conflict=replace&path=/local/api.txt`, {
        method: "PUT",
        headers: { Authorization: token },
        body: "x",
        signal: AbortSignal.timeout(10_000),
      });
    expect((await put(eve)).status).toBe(423);
    expect((await put(admin)).status).toBe(200);
    expect(await api(admin, "/api/fs/remove", remove)).toMatchObject({ code: 200 });
  });
});

describe("a kill", () => {
  it("takes no granted lock, and leaves none on another file (webdav.md §5.1)", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "pandav-locks-kill-"));
    const info =
      '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>';
    const tokens = new Map<string, string>();
    const moved = new Set<string>();
    try {
      const killed = await startServer({ dataDir });
      // Locks, and moves of what is locked, until the process dies in the middle of them.
      const work = Promise.allSettled(
        Array.from({ length: 40 }, async (_, i) => {
          const name = `f${i}.txt`;
          const locked = await askAt(killed, "LOCK", name, { Depth: "0" }, info);
          const token = locked.headers.get("lock-token")!.slice(1, -1);
          tokens.set(name, token);
          if (i % 2 === 1) return;
          moved.add(name);
          const to = `/dav/local/moved-${name}`;
          await askAt(killed, "MOVE", name, { Destination: to, If: `(<${token}>)` });
        }),
      );
      await expect.poll(() => tokens.size, { interval: 1, timeout: 20_000 }).toBeGreaterThan(20);
      await killed.kill9();
      await work;
      const again = await startServer({ dataDir });
      expect(again.pid).not.toBe(killed.pid);
      const put = async (path: string, headers: Headers = {}) => (await askAt(again, "PUT", path, headers, "x")).status;
      for (const [name, token] of tokens) {
        // Nobody ever locked the new name.
        expect([name, await put(`moved-${name}`)]).not.toEqual([name, 423]);
        if (moved.has(name)) continue;
        expect([name, await put(name), await put(name, { If: `(<${token}>)` })]).toEqual([name, 423, 204]);
      }
      await again.stop();
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});
