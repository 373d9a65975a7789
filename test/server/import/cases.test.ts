import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { secret } from "#drivers/contract/config.ts";
import { defineDriver } from "#drivers/contract/driver.ts";
import { local } from "#drivers/local/index.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { changesIn } from "#server/api/setting-items.ts";
import { parseDump } from "#server/import/dump.ts";
import { readAlistFile } from "#server/import/read-file.ts";
import { rightsOf } from "#server/import/rights.ts";
import { createBox } from "#test/support/box.ts";
import { forever } from "#test/support/vfs.ts";
import { type ImportWorld, openImportWorld, said } from "./world.ts";

let world: ImportWorld;
const folders: string[] = [];
afterEach(async () => {
  await world?.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "pandav-import-test-"));
  folders.push(folder);
  return folder;
}

const USER = {
  id: 9,
  username: "carl",
  pwd_hash: "",
  salt: "",
  base_path: "/",
  role: 0,
  disabled: false,
  permission: 8,
};

describe("what stands in the way of an import", () => {
  it("is named with a remedy, and nothing of it is touched", async () => {
    world = await openImportWorld({ flavour: "openlist" });
    const { vfs, auth } = world.api.deps;
    await vfs.storages.add({ mountPath: "/docs", driver: "memory", settings: {} }, forever);
    await auth.users.create({ name: "alice", basePath: "/", permission: 0, disabled: false }, "of another alice");
    await world.api.post("/api/admin/meta/create", { path: "/docs/hide", hide: "other" });
    await world.api.post("/api/share/create", { id: "shared1", files: ["/docs"], pwd: "4321" });
    const before = await auth.users.credential("alice");
    const rows = await world.run(true);
    const notes = Object.fromEntries(
      rows.filter(({ outcome }) => outcome === "conflict").map(({ name, note }) => [name, note]),
    );
    expect(notes).toEqual({
      "/docs": expect.stringContaining('"pandav storage remove /docs"'),
      alice: expect.stringContaining('"pandav user remove alice"'),
      "/docs/hide": expect.stringContaining("take those away"),
      shared1: expect.stringContaining("delete it"),
    });
    expect(vfs.storages.list()[0]).toMatchObject({ mountPath: "/docs", driver: "memory" });
    expect(await auth.users.credential("alice")).toEqual(before);
    await vfs.storages.remove(vfs.storages.list()[0]!.id);
    expect(said(await world.run(true))).toContain("storage /docs: add");
  });

  it("is no folder of the first start that nobody has used", async () => {
    world = await openImportWorld({ flavour: "alist" });
    const { vfs } = world.api.deps;
    const root = join(world.api.dataDir, "files");
    mkdirSync(root);
    await vfs.storages.add({ mountPath: "/docs", driver: "local", settings: { root } }, forever);
    const file = join(root, "mine.txt");
    writeFileSync(file, "mine");
    expect(said(await world.run(false))).toContain("storage /docs: conflict");
    rmSync(file);
    expect(said(await world.run(true))).toContain("storage /docs: add");
    expect(vfs.storages.list()[0]).toMatchObject({ mountPath: "/docs", settings: { root: world.docs } });
  });

  it("is what the environment fixes", async () => {
    world = await openImportWorld({ flavour: "alist", api: { settings: { token: "alist-fixed-by-the-environment" } } });
    const rows = await world.run(true);
    expect(rows.find(({ name }) => name === "token")).toMatchObject({
      outcome: "conflict",
      note: expect.stringContaining("fixed"),
    });
  });

  it("keeps nothing else out: a thing that fails is told of, and taken by the next import", async () => {
    world = await openImportWorld({ flavour: "alist" });
    const dump = world.dump();
    const dave = {
      ...dump.users.find(({ username }) => username === "bob")!,
      username: "dave",
      otp_secret: "no base32",
    };
    const rows = await world.run(true, { ...dump, users: [...dump.users, dave] });
    expect(rows.find(({ name }) => name === "dave")).toMatchObject({
      outcome: "failed",
      note: expect.stringContaining("second factor"),
    });
    expect(await world.api.deps.auth.users.find("dave")).toBeUndefined();
    expect(said(rows)).toContain("storage /docs: add");
  });
});

describe("an import that is cut off", () => {
  it("is finished by the next one, wherever it was", async () => {
    world = await openImportWorld({ flavour: "openlist" });
    const { deps, dataDir } = world.api;
    const settingChanges = (items: Parameters<typeof changesIn>[0]) => changesIn(items, deps.settings);
    const all = await world.run(false);
    for (let rows = 0; rows < all.length; rows += 3) {
      const signal = new AbortController();
      const run = async () => {
        let seen = 0;
        for await (const _ of deps.importer.run(world.dump(), { apply: true, settingChanges, signal: signal.signal })) {
          if (seen++ === rows) signal.abort(new Error("the client left"));
        }
      };
      await run().catch((error: Error) => expect(error.message).toBe("the client left"));
    }
    // Written down, and killed before it was made.
    await deps.auth.users.remove((await deps.auth.users.find("alice"))!.id);
    expect(said(await world.run(true))).toContain("user alice: add");
    expect((await world.run(true)).filter(({ outcome }) => outcome !== "same" && outcome !== "skip")).toEqual([]);
    expect(deps.vfs.storages.list().map(({ mountPath }) => mountPath)).toEqual(["/docs", "/off", "/115"]);
    expect(readdirSync(dataDir).filter((name) => name.startsWith("import-"))).toEqual([]);
  });
});

describe("files that can be imported", () => {
  it("have what a running server has written and not yet moved into its database", async () => {
    const meta = "insert into x_meta values (3, '/docs/late', '', 0, 0, 0, 'late', 0, '', 0, '', 0)";
    world = await openImportWorld({ flavour: "alist", inWal: true, more: [meta] });
    const before = world.source();
    expect(before).toContain("data.db-wal");
    expect(world.dump().metas.map(({ path }) => path)).toContain("/docs/late");
    expect(world.source()).toBe(before);
  });

  it("are backups too, whose users get their passwords by the database later", async () => {
    world = await openImportWorld({ flavour: "openlist" });
    const { auth } = world.api.deps;
    const dump = world.dump();
    const backup = {
      settings: dump.settings,
      metas: dump.metas,
      storages: dump.storages,
      users: dump.users.map(({ pwd_hash, salt, pwd_ts, otp_secret, role, ...user }) => ({
        ...user,
        role: role[0],
        password: "",
      })),
    };
    const rows = await world.run(true, parseDump(JSON.parse(JSON.stringify(backup))));
    expect(rows.find(({ name }) => name === "alice")?.note).toContain('"pandav user passwd alice"');
    expect(said(rows)).toContain("user admin: same");
    expect((await auth.users.credential("alice"))?.stored).toBe("!");
    const { data: byBackup } = await world.api.post(
      "/api/auth/login",
      { username: "alice", password: "" },
      { token: null },
    );
    expect(byBackup).toBeNull();
    const later = await world.run(true);
    expect(said(later)).toEqual(
      expect.arrayContaining(["user alice: replace", "user admin: replace", "storage /docs: same"]),
    );
    expect((await auth.users.credential("alice"))?.stored).toMatch(/^\$alist\$/);
    expect((await world.run(true, parseDump(backup))).filter(({ outcome }) => outcome === "add")).toEqual([]);
  });

  it.each([
    ["text", "hello", "neither an SQLite file nor JSON"],
    ["other JSON", '{"a":[]}', "neither storages nor users"],
    ["an encrypted backup", '{"encrypted":"x","users":"U2FsdGVkX1","storages":"U2Fs"}', "without a password"],
    ["a damaged database", `SQLite format 3\0${"x".repeat(4096)}`, "no database and no backup"],
  ])("are not %s", (_what, content, why) => {
    const folder = scratch();
    const file = join(folder, "data.db");
    writeFileSync(file, content);
    expect(() => parseDump(readAlistFile(file, { scratchIn: folder }))).toThrow(why);
    expect(() => readAlistFile(join(folder, "none"), { scratchIn: folder })).toThrow("cannot be read");
  });
});

describe("the rights of a user of AList with roles (alist-api.md §1, §4.7)", () => {
  const user = (more: object) => parseDump({ users: [{ ...USER, ...more }] }).users[0]!;
  const roles = (...scopes: { path: string; permission: number }[]) =>
    parseDump({
      users: [],
      roles: scopes.map((scope, i) => ({ id: i + 3, name: `r${i}`, raw_permission: JSON.stringify([scope]) })),
    }).roles;

  it.each([
    [
      "those of the roles around his folder",
      { role: [3, 4], base_path: "/docs" },
      [
        { path: "/", permission: 8 },
        { path: "/docs", permission: 16 },
      ],
      { basePath: "/docs", permission: 24 },
    ],
    [
      "none of what only holds further down, which is told",
      { role: [3] },
      [{ path: "/docs", permission: 8 }],
      { basePath: "/", permission: 0, note: expect.stringContaining("/docs") },
    ],
    [
      "one folder, where his role lets him see only that (bit 14)",
      { role: [3] },
      [{ path: "/docs", permission: 16_384 + 8 }],
      { basePath: "/docs", permission: 8, isUnclear: false },
    ],
    [
      "none and disabled, where his roles let him see several",
      { role: [3, 4] },
      [
        { path: "/a", permission: 16_384 },
        { path: "/b", permission: 16_384 },
      ],
      { permission: 0, isUnclear: true },
    ],
    [
      "no right to share by a bit that means something else there",
      { role: [3] },
      [{ path: "/", permission: 0xffff & ~16_384 }],
      { permission: 0x3fff },
    ],
    ["his own bits, where there are no roles", { role: 0, permission: 0x7fff }, [], { permission: 0x7fff }],
  ])("are %s", (_what, more, scopes, expected) => {
    expect(rightsOf(user(more), roles(...scopes))).toMatchObject(expected);
  });
});

describe("a storage with a login", () => {
  const box = createBox();
  const alist = {
    fields: z.object({ cookie: secret({ title: "Cookie", description: "As the browser has it." }) }),
    async from(addition: unknown) {
      const [, user, token] = /^box:(\w+):(\S+)$/.exec((addition as { cookie: string }).cookie) ?? [];
      return { settings: {}, credential: { user, token } };
    },
    to: () => ({ cookie: "" }),
  };
  const driver = defineDriver({ ...box.driver, alist } as never);
  const api = { drivers: [local, createMemoryDriver(), driver], accountKinds: [box.kind] };
  const insert = (path: string, cookie: string, disabled = 0) =>
    `insert into x_storages (mount_path, "order", driver, cache_expiration, addition, remark, disabled, webdav_policy)
     values ('${path}', 9, 'Box', 60, '{"cookie":"${cookie}"}', '', ${disabled}, '302_redirect')`;

  it("gets the account whose login it has, and a disabled one when it is enabled", async () => {
    box.tokens.add("t-1").add("t-2");
    world = await openImportWorld({
      flavour: "alist",
      api,
      more: [insert("/box", "box:ann:t-1"), insert("/later", "box:ben:t-2", 1)],
    });
    const { vfs, accounts } = world.api.deps;
    const rows = await world.run(true);
    expect(said(rows)).toEqual(expect.arrayContaining(["storage /box: add", "storage /later: keep"]));
    expect(box.calls).not.toContain("identify ben");
    expect(vfs.storages.list().find(({ mountPath }) => mountPath === "/box")).toMatchObject({
      account: { name: "ann" },
      freshness: { default: 3_600_000 },
    });
    const later = vfs.storages.list().find(({ mountPath }) => mountPath === "/later")!;
    expect((await world.api.post(`/api/admin/storage/enable?id=${later.id}`, {})).code).toBe(200);
    expect(vfs.storages.get(later.id)).toMatchObject({ driver: "box", disabled: false, account: { name: "ben" } });
    expect(vfs.storages.get(later.id)).not.toHaveProperty("isKept");
    expect(accounts.list().map(({ name }) => name)).toEqual(["ann", "ben"]);
    expect((await world.run(true)).filter(({ outcome }) => outcome !== "same" && outcome !== "skip")).toEqual([]);
  });

  it("is kept where the service refuses the login, and mounted by another one later", async () => {
    world = await openImportWorld({ flavour: "alist", api, more: [insert("/box", "box:nobody:t-0")] });
    const { vfs, accounts } = world.api.deps;
    const rows = await world.run(true);
    expect(rows.find(({ name }) => name === "/box")).toMatchObject({
      outcome: "keep",
      note: expect.stringContaining("pandav auth --kind box"),
    });
    await accounts.add("box", { user: "ann", token: "t-1" }, forever);
    const kept = vfs.storages.list().find(({ mountPath }) => mountPath === "/box")!;
    expect((await world.api.post(`/api/admin/storage/enable?id=${kept.id}`, {})).code).toBe(200);
    expect(vfs.storages.get(kept.id)).toMatchObject({ account: { name: "ann" } });
  });
});
