import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MetaInput } from "#server/auth/metas.ts";
import { BIT } from "#server/auth/permission-bits.ts";
import type { User } from "#server/auth/users.ts";
import { openWorld, type World } from "./world.ts";

const NOTHING: Omit<MetaInput, "path"> = {
  password: "",
  passwordSub: false,
  write: false,
  writeSub: false,
  hide: "",
  hideSub: false,
  readme: "",
  readmeSub: false,
  header: "",
  headerSub: false,
};

const ann: User = {
  id: 9,
  name: "ann",
  role: "general",
  basePath: "/",
  permission: BIT.webdav_read | BIT.webdav_manage | BIT.move | BIT.copy | BIT.delete,
  disabled: false,
  passwordChangedAt: 0,
};

describe("rules of folders (alist-api.md §4.9)", () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  const add = (path: string, rules: Partial<MetaInput>) => world.auth.metas.create({ ...NOTHING, ...rules, path });
  const rights = (folderPassword = "", user: Partial<User> = {}) =>
    world.auth.permissions.of({ ...ann, ...user }, { front: "api", folderPassword, address: "10.0.0.1" });

  it("ask for a password at the folder, and below it with `p_sub`; bit 1 needs none", async () => {
    await add("/flat", { password: "open" });
    await add("/deep", { password: "open", passwordSub: true });
    const may = (path: string, password?: string, bits = 0) => rights(password, { permission: bits }).may("read", path);
    expect([may("/flat"), may("/flat/a"), may("/deep"), may("/deep/a/b")]).toEqual([false, true, false, false]);
    expect([may("/flat", "open"), may("/deep/a", "open"), may("/deep/a", "OPEN")]).toEqual([true, true, false]);
    expect(may("/deep/a", "", BIT.access_without_password)).toBe(true);
    expect(() => rights().demand("read", "/deep")).toThrow("password is incorrect or you have no permission");
  });

  it("are those of the nearest folder alone", async () => {
    await add("/a", { password: "open", passwordSub: true, hide: "^x$", hideSub: true });
    await add("/a/b", { readme: "here", readmeSub: true });
    expect(rights().may("read", "/a/c")).toBe(false);
    expect(rights().may("read", "/a/b/c")).toBe(true);
    expect(rights().hiddenIn("/a/b")).toBeUndefined();
    expect(rights().wordsAt("/a/b/c")).toEqual({ readme: "here", header: "" });
    expect(rights().wordsAt("/a")).toEqual({ readme: "", header: "" });
  });

  it("count wrong passwords of a folder by address, and no missing ones", async () => {
    await add("/deep", { password: "open", passwordSub: true });
    for (let i = 0; i < 20; i++) expect(rights().may("read", "/deep")).toBe(false);
    for (let i = 0; i < 5; i++) expect(rights(`guess ${i}`).may("read", "/deep")).toBe(false);
    expect(() => rights("open").may("read", "/deep")).toThrow(expect.objectContaining({ code: 429 }));
    world.clock.turn(5_000);
    expect(rights("open").may("read", "/deep")).toBe(true);
  });

  it("let everybody store where `write` says so, in the folder and below it with `w_sub`", async () => {
    await add("/flat", { write: true });
    await add("/deep", { write: true, writeSub: true });
    const may = (path: string) => rights().may("write", path);
    expect([may("/flat/a"), may("/flat/a/b"), may("/deep/a/b"), may("/flat"), may("/x")]).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
    // A file client's own bit is still needed, and nothing else is allowed by it.
    const webdav = (permission: number) =>
      world.auth.permissions.of({ ...ann, permission }, { front: "webdav" }).may("webdav-write", "/flat/a");
    expect([webdav(BIT.webdav_read), webdav(BIT.webdav_read | BIT.webdav_manage)]).toEqual([false, true]);
    expect(rights("", { permission: 0 }).may("remove", "/flat/a")).toBe(false);
    expect(rights("", { basePath: "/flat" }).may("write", "/flat")).toBe(false);
  });

  it("hide names, what lies below them, and nothing from who has bit 0", async () => {
    await add("/a", { hide: "\\.tmp$", hideSub: true });
    const isHidden = (path: string, user: Partial<User> = {}) => rights("", user).isHidden(path);
    expect([isHidden("/a/x.tmp"), isHidden("/a/b/x.tmp"), isHidden("/a/x.tmp/deep"), isHidden("/a/x")]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(isHidden("/a/x.tmp", { permission: BIT.see_hides })).toBe(false);
    // Whoever has his root there was put there.
    expect(isHidden("/a/x.tmp/deep", { basePath: "/a/x.tmp" })).toBe(false);
    expect(rights().may("write", "/a/x.tmp")).toBe(false);
  });

  it("keep folders whole in which something is kept: they are neither moved, copied nor removed", async () => {
    await add("/a/secret", { password: "open", passwordSub: true });
    await add("/b", { hide: "^x$", hideSub: true });
    expect(() => rights().demandWhole("/a")).toThrow("kept from you");
    expect(() => rights().demandTransfer("copy", "/a", "/c")).toThrow();
    expect(() => rights("open").demandWhole("/a")).not.toThrow();
    expect(() => rights("", { role: "admin" }).demandWhole("/a")).not.toThrow();
    expect(rights().wouldShow("/b/d", "/c/d")).toBe(true);
    expect(rights().wouldShow("/b/d", "/b/e")).toBe(false);
  });

  it("are sealed, outlive a restart, and are one a folder", async () => {
    const { id } = await add("/deep/", { password: "open", passwordSub: true });
    const rows = await world.store.db.selectFrom("meta").selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain("open");
    await expect(add("/deep", {})).rejects.toMatchObject({ kind: "already-exists" });
    const again = await world.restart();
    expect(again.metas.get(id)).toMatchObject({ path: "/deep", hasPassword: true });
    expect(again.metas.get(id)?.isPassword("open")).toBe(true);
    await again.metas.update(id, { ...NOTHING, path: "/other", password: undefined });
    expect(again.metas.nearest("/other/x")?.isPassword("open")).toBe(true);
    expect(again.metas.nearest("/deep/x")).toBeUndefined();
    await again.metas.remove(id);
    await expect(again.metas.remove(id)).rejects.toMatchObject({ kind: "not-found" });
  });
});
