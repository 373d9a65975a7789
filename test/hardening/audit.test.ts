/** The record of logins, changes and deletions. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { AUDITED_ROUTES } from "#server/api/audited.ts";
import { openAudit } from "#server/auth/audit.ts";
import { systemClock } from "#server/upstream/clock.ts";
import { openTestVfs, silentLog } from "#test/support/vfs.ts";
import { BASIC, openHardened, PASSWORD, TOKEN } from "./world.ts";

const api = { Authorization: TOKEN, "Content-Type": "application/json" };
const basic = (name: string, password: string) => ({
  Authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`,
});

describe("a row is left by", () => {
  it("logins, right and wrong, at both fronts; by a file client once, not with each request", async () => {
    const server = await openHardened();
    const login = (body: object) => server.ask("POST", "/api/auth/login", api, JSON.stringify(body));
    await login({ username: "admin", password: PASSWORD });
    await login({ username: "admin", password: "guess" });
    for (let i = 0; i < 3; i++) await server.ask("GET", "/dav/m/a.txt", { Authorization: BASIC });
    await server.ask("GET", "/dav/m/a.txt", basic("mei", "guess"));
    await server.ask("GET", "/dav/m/a.txt");
    const rows = (await server.deps.auth.audit.list({ limit: 10 })).reverse();
    expect(rows.map(({ action, ok, user, address }) => [action, ok, user, address])).toEqual([
      ["login", true, "admin", "127.0.0.1"],
      ["login", false, "admin", "127.0.0.1"],
      ["login.webdav", true, "admin", "127.0.0.1"],
      ["login.webdav", false, "mei", "127.0.0.1"],
    ]);
    expect(Math.abs((rows[0]?.at ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it("changes of users, passwords, tokens, rules and storages, without a secret, and only where they succeeded", async () => {
    const server = await openHardened();
    const post = (path: string, body: object) => server.ask("POST", path, api, JSON.stringify(body));
    const secret = "a secret of mei";
    await post("/api/admin/user/create", { username: "mei", password: secret, base_path: "/m" });
    await post("/api/admin/user/create", { username: "mei", password: secret });
    await post("/api/pandav/user/password", { name: "mei", password: `${secret}2` });
    await post("/api/pandav/tokens", { name: "kodi", user: "mei" });
    await post("/api/admin/meta/create", { path: "/m/dir", password: secret });
    await post("/api/admin/storage/create", { mount_path: "/n", driver: "memory", addition: "{}" });
    const { data } = JSON.parse((await server.ask("GET", "/api/pandav/audit?limit=50", api)).text);
    expect(data.map(({ action, subject, user }: Record<string, string>) => [action, subject, user]).reverse()).toEqual([
      ["user.create", "mei", "admin"],
      ["user.password", "mei", "admin"],
      ["token.create", "mei kodi", "admin"],
      ["meta.create", "/m/dir", "admin"],
      ["storage.create", "/n", "admin"],
    ]);
    expect(JSON.stringify(data)).not.toContain(secret);
  });

  it("deletions, by every front, with who and where", async () => {
    const server = await openHardened({ seed: { a: "", b: "", c: "" } });
    await server.ask("DELETE", "/dav/m/a", { Authorization: BASIC });
    await server.ask("POST", "/api/fs/remove", api, JSON.stringify({ dir: "/m", names: ["b"] }));
    await server.ask("DELETE", "/dav/m/none", { Authorization: BASIC });
    await vi.waitFor(async () => {
      const rows = await server.deps.auth.audit.list({ limit: 10, action: "file" });
      expect(rows.map(({ action, subject, user, address }) => [action, subject, user, address]).reverse()).toEqual([
        ["file.remove", "/m/a", "admin", "127.0.0.1"],
        ["file.remove", "/m/b", "admin", "127.0.0.1"],
      ]);
    }, 5000);
  });

  it("every route of administrators that changes something (drift: a new one must be in the table, or here)", async () => {
    const server = await openHardened();
    const { paths } = JSON.parse((await server.ask("GET", "/api/openapi.json")).text) as {
      paths: Record<string, Record<string, { readonly summary: string }>>;
    };
    const quiet = new Set([
      "/api/admin/user/del_cache",
      "/api/admin/setting/default",
      "/api/admin/session/clean",
      "/api/admin/storage/load_all",
      // What is indexed changes nobody's rights and no file.
      "/api/admin/index/build",
      "/api/admin/index/update",
      "/api/admin/index/stop",
      "/api/admin/index/clear",
      "/api/pandav/mounts/use",
      "/api/pandav/accounts/{id}/check",
      "/api/pandav/logins/{id}",
      "/api/pandav/logins/{id}/answer",
    ]);
    const changing = Object.entries(paths)
      .filter(
        ([path, methods]) => !("get" in methods && !("post" in methods) && !("delete" in methods)) && path !== "/",
      )
      // What is always refused changes nothing.
      .filter(([, { post }]) => !post?.summary.startsWith("Refused: "))
      .map(([path]) => path)
      // Tasks say themselves who asked for them, and what they delete is told of as it goes.
      .filter((path) => !path.startsWith("/api/admin/task/"))
      .filter((path) => /^\/api\/(admin|pandav\/(user|tokens|storages|accounts|logins|mounts))/.test(path));
    expect(changing.length).toBeGreaterThan(15);
    expect(changing.filter((path) => !(path in AUDITED_ROUTES) && !quiet.has(path))).toEqual([]);
    expect(Object.keys(AUDITED_ROUTES).filter((path) => !(path in paths))).toEqual([]);
  });
});

describe("the record", () => {
  it("is shown to administrators alone", async () => {
    const server = await openHardened();
    const { users, sessions } = server.deps.auth;
    const mei = await users.create({ name: "mei", basePath: "/", permission: 0xffff, disabled: false }, "a password");
    const asked = await server.ask("GET", "/api/pandav/audit", { Authorization: await sessions.start(mei, "") });
    expect(JSON.parse(asked.text).code).toBe(403);
    expect(JSON.parse((await server.ask("GET", "/api/pandav/audit")).text).code).toBe(401);
  });

  it("is read by pages, and by action or user", async () => {
    const { audit } = await openRecord();
    for (let i = 0; i < 5; i++)
      audit.record({ action: "user.create", ok: true, user: i % 2 ? "a" : "b", subject: `${i}` });
    audit.record({ action: "username", ok: true });
    const first = await audit.list({ limit: 2, action: "user" });
    const second = await audit.list({ limit: 2, action: "user", before: first.at(-1)!.id });
    expect([...first, ...second].map(({ subject }) => subject)).toEqual(["4", "3", "2", "1"]);
    expect((await audit.list({ limit: 9, user: "a" })).map(({ subject }) => subject)).toEqual(["3", "1"]);
  });

  it("is bounded: guesses do not push out what others did, and what is a year old goes", async () => {
    const clock = { ...systemClock, now: () => now };
    let now = 1_800_000_000_000;
    const { audit, store } = await openRecord(clock);
    audit.record({ action: "user.create", ok: true, subject: "kept" });
    for (let i = 0; i < 5_600; i++) {
      audit.record({ action: "login", ok: false, user: `guess ${i}` });
      if (i % 1_000 === 999) await audit.close();
    }
    await audit.close();
    const count = async (ok: 0 | 1) =>
      (await store.db.selectFrom("audit").select("id").where("ok", "=", ok).execute()).length;
    expect(await count(0)).toBeLessThanOrEqual(5_500);
    expect(await count(1)).toBe(1);
    now += 366 * 86_400_000;
    for (let i = 0; i < 500; i++) audit.record({ action: "login", ok: true });
    await audit.close();
    expect(await count(1)).toBe(500);
    expect(await count(0)).toBe(0);
  });

  it("takes names that people make up: long, with control characters and halves of characters", async () => {
    const { audit } = await openRecord();
    audit.record({ action: "login", ok: false, user: `\u0000\n\ud800${"x".repeat(5_000)}` });
    const [row] = await audit.list({ limit: 1 });
    expect(row?.user).toMatch(/^���x+$/u);
    expect(row?.user.length).toBe(1_024);
  });
});

async function openRecord(clock = systemClock) {
  const test = await openTestVfs({ drivers: [] });
  const audit = openAudit(test.store, clock, silentLog);
  onTestFinished(async () => {
    await audit.close();
    await test.dispose();
  });
  return { audit, store: test.store };
}
