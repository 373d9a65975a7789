import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { staticHash } from "#server/auth/passwords.ts";
import { BIT, READING_BITS } from "#server/auth/permission-bits.ts";
import { matchTotp, totpCode } from "#server/auth/totp.ts";
import { ADMIN_PASSWORD, openWorld, type World } from "./world.ts";

const basicOf = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
const code = (wanted: number) => expect.objectContaining({ code: wanted });

describe("API tokens", () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
    await world.addUser("ann", "ann-secret", { permission: 0x3ff, basePath: "/home" });
  });
  afterEach(() => world.close());

  const make = async (
    name: string,
    more: { scope?: "read" | "write" | "admin"; path?: string; expiresAt?: number } = {},
  ) => world.auth.tokens.create((await world.auth.users.find(name))!, { name: "t", scope: "read", path: "/", ...more });

  it("are good at every front, as Bearer, raw, and in the password's place, and outlive a restart", async () => {
    const { token } = await make("ann", { scope: "write", path: "/docs" });
    const { authenticator } = await world.restart();
    const expected = { by: "api-token", user: { name: "ann", basePath: "/home/docs", permission: 0x3ff } };
    for (const header of [token, `Bearer ${token}`]) {
      expect(await authenticator.token(header)).toMatchObject(expected);
      expect(await authenticator.basic(header, "10.0.0.1")).toMatchObject(expected);
    }
    expect(await authenticator.basic(basicOf("ann", token), "10.0.0.1")).toMatchObject(expected);
    await expect(authenticator.basic(basicOf("admin", token), "10.0.0.1")).rejects.toEqual(code(401));
  });

  it("are kept as hashes: nothing in the database is one", async () => {
    const { token, info } = await make("ann");
    expect(JSON.stringify(await world.store.db.selectFrom("api_token").selectAll().execute())).not.toContain(token);
    expect(JSON.stringify(info)).not.toContain(token);
  });

  it("give no more than their scope: reading keeps the bits that change nothing, and only `admin` administers", async () => {
    const userOf = async (made: { token: string }) => world.auth.tokens.verify(made.token).user;
    expect((await userOf(await make("ann"))).permission).toBe(0x3ff & READING_BITS);
    const owner = await userOf(await make("admin", { scope: "write" }));
    expect(owner).toMatchObject({ role: "general", permission: 0xffff });
    await world.auth.tokens.revoke(1);
    const own = await world.auth.tokens.create(await world.auth.users.owner(), {
      name: "a",
      scope: "admin",
      path: "/",
    });
    expect((await userOf(own)).role).toBe("admin");
    await expect(make("ann", { scope: "admin" })).rejects.toMatchObject({ kind: "invalid-config" });
    await expect(make("admin", { scope: "admin", path: "/x" })).rejects.toMatchObject({ kind: "invalid-config" });
  });

  it("end with their time, with a revocation, and with their user; rights that he loses they lose at once", async () => {
    const { token } = await make("ann", { scope: "write", expiresAt: world.clock.now() + 60_000 });
    const ann = (await world.auth.users.find("ann"))!;
    await world.auth.users.update(ann.id, { ...ann, permission: BIT.webdav_read });
    expect(world.auth.tokens.verify(token).user.permission).toBe(BIT.webdav_read);
    await world.auth.users.update(ann.id, { ...ann, disabled: true });
    expect(() => world.auth.tokens.verify(token)).toThrow("Current user is disabled");
    await world.auth.users.update(ann.id, ann);
    world.clock.turn(60_000);
    expect(() => world.auth.tokens.verify(token)).toThrow("token is expired");
    const other = await world.auth.tokens.create(ann, { name: "other", scope: "read", path: "/" });
    await expect(world.auth.tokens.revoke(other.info.id, ann.id + 1)).rejects.toMatchObject({ kind: "not-found" });
    await world.auth.tokens.revoke(other.info.id, ann.id);
    expect(() => world.auth.tokens.verify(other.token)).toThrow("token is invalidated");
    const third = await world.auth.tokens.create(ann, { name: "third", scope: "read", path: "/" });
    await world.auth.users.remove(ann.id);
    expect(() => world.auth.tokens.verify(third.token)).toThrow("token is invalidated");
  });

  it("count as no guess of a password when they are wrong", async () => {
    for (let i = 0; i < 10; i++) {
      await expect(world.auth.authenticator.basic(basicOf("ann", `pandav_${i}`), "10.0.0.1")).rejects.toEqual(
        code(401),
      );
    }
    expect((await world.auth.authenticator.basic(basicOf("ann", "ann-secret"), "10.0.0.1")).by).toBe("password");
  });
});

describe("the second factor", () => {
  const SECRET = "JBSWY3DPEHPK3PXP";
  const NOW = 1_767_225_600_000;
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
    await world.addUser("ann", "ann-secret", { permission: 0x3ff });
    const ann = (await world.auth.users.find("ann"))!;
    // The code of the step before, so that the present one is still unused.
    await world.auth.authenticator.enrol(ann, SECRET, "849280");
  });
  afterEach(() => world.close());

  const login = (otp: string, password = "ann-secret", address = "10.0.0.1") =>
    world.auth.authenticator.login("ann", staticHash(password), otp, address);

  it("is asked for with 402 where the password is right (alist-api.md §3, §4.3), and good once", async () => {
    await expect(login("")).rejects.toEqual(code(402));
    await expect(login("000000")).rejects.toEqual(code(402));
    await expect(login("260025", "wrong")).rejects.toEqual(code(400));
    expect((await login("260025")).name).toBe("ann");
    await expect(login("260025")).rejects.toEqual(code(402));
  });

  it("is no way around the counting: asking for it forgets no failure, and wrong codes count from any address", async () => {
    for (let i = 0; i < 4; i++) await expect(login("000000")).rejects.toEqual(code(402));
    await expect(login("")).rejects.toEqual(code(402));
    await expect(login("000000")).rejects.toEqual(code(402));
    await expect(login("260025")).rejects.toEqual(code(429));
    await expect(login("260025", "ann-secret", "10.0.0.2")).rejects.toEqual(code(429));
    world.clock.turn(30_000);
    expect((await login("307890", "ann-secret", "10.0.0.2")).name).toBe("ann");
  });

  it("shuts WebDAV to the password alone, and lets a token in", async () => {
    const basic = (password: string) => world.auth.authenticator.basic(basicOf("ann", password), "10.0.0.1");
    await expect(basic("ann-secret")).rejects.toThrow("make an API token");
    const ann = (await world.auth.users.find("ann"))!;
    const { token } = await world.auth.tokens.create(ann, { name: "t", scope: "read", path: "/" });
    expect((await basic(token)).by).toBe("api-token");
  });

  it("is sealed, and taken away by an administrator", async () => {
    expect(JSON.stringify(await world.store.db.selectFrom("user").selectAll().execute())).not.toContain(SECRET);
    const again = await world.restart();
    const ann = (await again.users.find("ann"))!;
    expect(ann.hasTotp).toBe(true);
    expect((await again.users.credential("ann"))?.totp?.secret).toBe(SECRET);
    await again.users.setTotp(ann.id, undefined);
    expect((await again.authenticator.login("ann", staticHash("ann-secret"), "", "10.0.0.1")).name).toBe("ann");
    await expect(again.authenticator.enrol(ann, SECRET, "000000")).rejects.toEqual(code(400));
  });

  it("changes nothing for who has none", async () => {
    const { authenticator } = world.auth;
    expect((await authenticator.login("admin", staticHash(ADMIN_PASSWORD), "", "10.0.0.1")).name).toBe("admin");
    expect(matchTotp(SECRET, totpCode(Buffer.from("48656c6c6f21deadbeef", "hex"), NOW / 30_000), NOW)).toBe(
      NOW / 30_000,
    );
  });
});

describe("the guest at a front for file clients (alist-api.md §17.2)", () => {
  it("brings the password of folders in the place of his own, once he is enabled", async () => {
    const world = await openWorld();
    try {
      const guest = await world.auth.users.guest();
      const basic = () => world.auth.authenticator.basic(basicOf("guest", "open"), "10.0.0.1");
      await expect(basic()).rejects.toEqual(code(401));
      await world.auth.users.update(guest.id, { ...guest, disabled: false });
      expect(await basic()).toMatchObject({ by: "guest", folderPassword: "open", user: { role: "guest" } });
    } finally {
      await world.close();
    }
  });
});
