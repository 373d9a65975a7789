import { readFileSync } from "node:fs";
import { sign } from "hono/utils/jwt/jwt";
import { afterEach, describe, expect, it } from "vitest";
import { signLink } from "#server/auth/link-signature.ts";
import { staticHash } from "#server/auth/passwords.ts";
import { totpCode } from "#server/auth/totp.ts";
import {
  ALIST_COOKIE,
  ALIST_JWT_SECRET,
  ALIST_PASSWORDS,
  ALIST_TOKEN,
  ALIST_TOTP,
} from "#test/support/alist-database.ts";
import { type ImportWorld, openImportWorld, said } from "./world.ts";

/** The bytes of ALIST_TOTP (alist-api.md §19). */
const TOTP_BYTES = Buffer.from("Hello!\xde\xad\xbe\xef", "latin1");

let world: ImportWorld;
afterEach(() => world?.close());

describe.each(["alist", "openlist"] as const)("importing a database of %s (alist-api.md §20)", (flavour) => {
  it("tells what it would do, and does nothing", async () => {
    world = await openImportWorld({ flavour });
    const { api } = world;
    const before = world.source();
    const rows = await world.run(false);
    expect(said(rows)).toEqual(
      expect.arrayContaining([
        "setting token: replace",
        "setting jwt_secret: replace",
        "setting site_title: replace",
        "setting logo: skip",
        "user admin: replace",
        "user guest: same",
        "user alice: add",
        "user bob: add",
        "meta /docs/secret: add",
        "storage /docs: add",
        "storage /off: add",
        "storage /115: keep",
        "other LDAP (1): skip",
        "other entries of the search index (1): skip",
        ...(flavour === "openlist" ? ["share shared1: add"] : []),
      ]),
    );
    expect(rows.filter(({ outcome, note }) => outcome === "skip" && !note)).toEqual([]);
    expect(api.deps.vfs.storages.list()).toEqual([]);
    expect((await api.deps.auth.users.list()).map(({ name }) => name)).toEqual(["admin", "guest"]);
    expect(api.deps.auth.metas.list()).toEqual([]);
    expect(api.deps.settings.get("site_title")).toBe("Pandav");
    expect(world.source()).toBe(before);
  });

  it("lets people in with their old passwords, and changes nothing the second time", async () => {
    world = await openImportWorld({ flavour });
    const { api } = world;
    const before = world.source();
    const first = await world.run(true);
    expect(first.filter(({ outcome }) => outcome === "failed" || outcome === "conflict")).toEqual([]);
    for (const [username, password] of Object.entries(ALIST_PASSWORDS)) {
      const login = await api.post("/api/auth/login", { username, password }, { token: null });
      expect([username, login.code]).toEqual([username, 200]);
      expect((await api.post("/api/auth/login", { username, password: "another" }, { token: null })).code).toBe(400);
      const hash = await api.post(
        "/api/auth/login/hash",
        { username, password: staticHash(password) },
        { token: null },
      );
      expect((await api.get("/api/me", { token: hash.data.token })).data.username).toBe(username);
    }
    const alice = (await api.deps.auth.users.find("alice"))!;
    expect(alice).toMatchObject({
      basePath: "/docs",
      permission: 13_306,
      role: "general",
      passwordChangedAt: 1_700_000_000,
    });
    expect(await api.deps.auth.authenticator.basic(basic("alice", ALIST_PASSWORDS.alice), "")).toMatchObject({
      user: { name: "alice" },
    });

    const stored = await api.deps.auth.users.credential("alice");
    expect(stored?.stored).toMatch(/^\$argon2id\$/);
    const again = await world.run(true);
    expect(again.filter(({ outcome }) => outcome !== "same" && outcome !== "skip")).toEqual([]);
    expect(await api.deps.auth.users.credential("alice")).toEqual(stored);
    expect(world.source()).toBe(before);
  });

  it("keeps the static token and the links that were signed with it", async () => {
    world = await openImportWorld({ flavour });
    const { api } = world;
    await world.run(true);
    expect((await api.get("/api/me", { token: ALIST_TOKEN })).data.username).toBe("admin");
    const { signatures } = api.deps.auth;
    expect(() => signatures.check("/docs/a.txt", signLink(ALIST_TOKEN, "/docs/a.txt", 0))).not.toThrow();
    expect(() => signatures.check("/docs/a.txt", signLink("another", "/docs/a.txt", 0))).toThrow("sign invalid");
    const { data } = await api.post("/api/fs/get", { path: "/docs/a.txt" });
    expect(data.sign).toBe(signLink(ALIST_TOKEN, "/docs/a.txt", 0));
  });

  it("mounts what can be, keeps disabled what was, and the rest as it came with its secrets sealed", async () => {
    world = await openImportWorld({ flavour });
    const { api } = world;
    await world.run(true);
    const [docs, off, kept] = api.deps.vfs.storages.list();
    expect(docs).toMatchObject({
      mountPath: "/docs",
      driver: "local",
      remark: "of old",
      disabled: false,
      delivery: "proxy",
    });
    expect(off).toMatchObject({ mountPath: "/off", driver: "local", disabled: true, settings: { root: world.folder } });
    expect(kept).toMatchObject({ mountPath: "/115", driver: "115 Cloud", disabled: true, isKept: true, settings: {} });
    expect(kept?.error).toContain("kept as it was imported");
    const { data } = await api.post("/api/fs/list", { path: "/" });
    expect(data.content.map(({ name }: { name: string }) => name)).toEqual(["docs"]);
    const { data: page } = await api.get("/api/admin/storage/list");
    expect(page.content[2]).toMatchObject({
      mount_path: "/115",
      driver: "115 Cloud",
      status: "disabled",
      addition: "{}",
    });
    const enabled = await api.post(`/api/admin/storage/enable?id=${kept?.id}`, {});
    expect([enabled.code, enabled.message]).toEqual([400, expect.stringContaining('no driver "115 Cloud" here yet')]);
    const database = readFileSync(`${dataDirOf(world)}/pandav.db`);
    expect(database.includes(ALIST_COOKIE)).toBe(false);
    expect(database.includes("open sesame")).toBe(false);
    expect((await api.post(`/api/admin/storage/delete?id=${kept?.id}`, {})).code).toBe(200);
  });

  it("takes the rules of folders with their passwords, before what they protect is there", async () => {
    world = await openImportWorld({ flavour });
    const { api } = world;
    const rows = await world.run(true);
    const order = rows.map(({ what }) => what);
    expect(order.lastIndexOf("meta")).toBeLessThan(order.indexOf("storage"));
    const [secret, hide] = api.deps.auth.metas.list();
    expect(secret).toMatchObject({ path: "/docs/secret", readme: "# read me", readmeSub: true, passwordSub: true });
    expect(secret?.isPassword("open sesame")).toBe(true);
    expect(hide?.hides("x.tmp")).toBe(true);
  });

  it("lets open logins go on until somebody ends them (alist-api.md §4.4)", async () => {
    world = await openImportWorld({ flavour });
    const { api } = world;
    const now = Math.floor(Date.now() / 1000);
    const token = (claims: object, key = ALIST_JWT_SECRET) =>
      sign(
        { username: "alice", pwd_ts: 1_700_000_000, exp: now + 3600, nbf: now - 60, iat: now - 60, ...claims },
        key,
        "HS256",
      );
    const old = await token({});
    await world.run(true);
    expect((await api.get("/api/me", { token: old })).data?.username).toBe("alice");
    expect((await api.get("/api/me", { token: await token({ pwd_ts: 1 }) })).code).toBe(401);
    expect((await api.get("/api/me", { token: await token({}, "another key of 16+") })).code).toBe(401);
    expect((await api.get("/api/me", { token: await token({ iat: now + 60, nbf: now - 60 }) })).message).toBe(
      "token is invalidated",
    );
    expect((await api.get("/api/me", { token: await token({ username: "nobody" }) })).code).toBe(401);
    expect((await api.get("/api/auth/logout", { token: old })).code).toBe(200);
    expect((await api.get("/api/me", { token: old })).message).toBe("token is invalidated");
    const other = await token({ iat: now - 120 });
    expect((await api.get("/api/me", { token: other })).code).toBe(200);
    await api.deps.auth.users.setPassword("alice", "a new one of hers");
    expect((await api.get("/api/me", { token: other })).message).toBe("Password has been changed, login please");
  });

  it("keeps second factors", async () => {
    world = await openImportWorld({ flavour });
    await world.run(true);
    const { users } = world.api.deps.auth;
    expect((await users.credential("bob"))?.totp?.secret).toBe(ALIST_TOTP);
    const body = { username: "bob", password: "bob unused" };
    expect((await world.api.post("/api/auth/login", body, { token: null })).code).toBe(402);
    const code = totpCode(TOTP_BYTES, Math.floor(Date.now() / 30_000));
    expect((await world.api.post("/api/auth/login", { ...body, otp_code: code }, { token: null })).code).toBe(200);
  });
});

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
}

function dataDirOf({ api }: ImportWorld): string {
  return api.dataDir;
}
