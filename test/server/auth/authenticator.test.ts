import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBasic } from "#server/auth/basic.ts";
import { alistStored, staticHash } from "#server/auth/passwords.ts";
import { ADMIN_PASSWORD, openWorld, type World } from "./world.ts";

const basicOf = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;

describe("Basic credentials (RFC 7617)", () => {
  it.each([
    ["the first colon parts them (§2)", basicOf("a", "b:c:"), { name: "a", password: "b:c:" }],
    ["an empty password is one", basicOf("a", ""), { name: "a", password: "" }],
    ["UTF-8 (§2.1)", basicOf("张三", "密码"), { name: "张三", password: "密码" }],
    [
      "else Latin-1 (appendix B.3)",
      `Basic ${Buffer.from("jos\xe9:p\xe4ss", "latin1").toString("base64")}`,
      { name: "josé", password: "päss" },
    ],
    [
      "the scheme's case does not matter (§2)",
      basicOf("a", "b").replace("Basic", "bAsIc"),
      { name: "a", password: "b" },
    ],
    ["no colon", `Basic ${Buffer.from("abc").toString("base64")}`, undefined],
    ["no base64", "Basic a b", undefined],
    ["nothing", "Basic", undefined],
  ])("%s", (_, header, expected) => {
    expect(parseBasic(header)).toEqual(expected);
  });
});

describe("the authenticator", () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  const basic = (name: string, password: string, address = "10.0.0.1") =>
    world.auth.authenticator.basic(basicOf(name, password), address);
  const code = (wanted: number) => expect.objectContaining({ code: wanted });

  it("knows the admin of the first start by the given password, and makes no other at the next", async () => {
    expect(world.auth.firstPassword).toBe(ADMIN_PASSWORD);
    expect((await basic("admin", ADMIN_PASSWORD)).user).toMatchObject({ name: "admin", role: "admin", basePath: "/" });
    expect((await world.restart()).firstPassword).toBeUndefined();
    expect((await world.auth.users.list()).map(({ name }) => name)).toEqual(["admin", "guest"]);
  });

  it.each(["constructor", "__proto__", "toString", "", "admin\0"])("has no user %j", async (name) => {
    await expect(basic(name, ADMIN_PASSWORD)).rejects.toEqual(code(401));
  });

  it("lets nobody in as guest by password, whatever it is (alist-api.md §4.5)", async () => {
    for (const password of ["guest", "", "!"]) await expect(basic("guest", password)).rejects.toEqual(code(401));
  });

  it("asks again for a missing, malformed or unknown header", async () => {
    for (const header of [undefined, "", "Basic %%%", "Digest x", "Bearer x"]) {
      await expect(world.auth.authenticator.basic(header, "10.0.0.1")).rejects.toEqual(code(401));
    }
  });

  it("checks a right password once in five minutes, and at once again after a change", async () => {
    await basic("admin", ADMIN_PASSWORD);
    const before = process.cpuUsage();
    for (let i = 0; i < 20; i++) await basic("admin", ADMIN_PASSWORD);
    const { user, system } = process.cpuUsage(before);
    // Twenty runs of argon2 cost 400 ms of processor time at least, on any load.
    expect((user + system) / 1000).toBeLessThan(200);
    await world.auth.users.setPassword("admin", "another");
    await expect(basic("admin", ADMIN_PASSWORD)).rejects.toEqual(code(401));
    expect((await basic("admin", "another")).user.name).toBe("admin");
  });

  it("refuses a disabled user from the next request on, though his password was right a moment ago", async () => {
    await world.addUser("alice", "secret", { permission: 256 });
    await basic("alice", "secret");
    await world.store.db.updateTable("user").set({ disabled: 1 }).where("name", "=", "alice").execute();
    await expect(basic("alice", "secret")).rejects.toEqual(code(403));
  });

  it("merges checks of one header that run at once", async () => {
    const wrong = Array.from({ length: 20 }, () => basic("admin", "wrong").catch((error: unknown) => error));
    expect((await Promise.all(wrong)).every((error) => (error as { code: number }).code === 401)).toBe(true);
    // One failure, not twenty: the account is not delayed.
    expect((await basic("admin", ADMIN_PASSWORD)).user.name).toBe("admin");
  });

  it("delays an account and address after five wrong passwords, longer each time, and no other", async () => {
    for (let i = 0; i < 5; i++) await expect(basic("admin", `wrong ${i}`)).rejects.toEqual(code(401));
    await expect(basic("admin", ADMIN_PASSWORD)).rejects.toEqual(
      expect.objectContaining({ code: 429, retryAfterMs: 5000 }),
    );
    expect((await basic("admin", ADMIN_PASSWORD, "10.0.0.2")).user.name).toBe("admin");
    world.clock.turn(5000);
    await expect(basic("admin", "wrong 6")).rejects.toEqual(code(401));
    await expect(basic("admin", "wrong 7")).rejects.toEqual(
      expect.objectContaining({ code: 429, retryAfterMs: 10_000 }),
    );
    world.clock.turn(10_000);
    expect((await basic("admin", ADMIN_PASSWORD)).user.name).toBe("admin");
    // A right one forgets the wrong ones.
    await expect(basic("admin", "wrong 8")).rejects.toEqual(code(401));
  });

  it("counts guesses that are sent at once", async () => {
    const guesses = Array.from({ length: 30 }, (_, i) =>
      basic("admin", `guess ${i}`).catch((error: unknown) => (error as { code: number }).code),
    );
    const codes = await Promise.all(guesses);
    expect(codes.filter((one) => one === 401)).toHaveLength(5);
    expect(codes.filter((one) => one === 429)).toHaveLength(25);
  });

  it("takes one client for one address, mapped into IPv6 or not", async () => {
    for (let i = 0; i < 5; i++)
      await expect(basic("admin", `w${i}`, i % 2 ? "::ffff:10.0.0.9" : "10.0.0.9")).rejects.toEqual(code(401));
    await expect(basic("admin", ADMIN_PASSWORD, "10.0.0.9")).rejects.toEqual(code(429));
  });

  it("does not count an invalid token as a wrong password", async () => {
    for (let i = 0; i < 10; i++) {
      await expect(world.auth.authenticator.basic("Bearer nonsense", "10.0.0.1")).rejects.toEqual(code(401));
    }
    expect((await basic("admin", ADMIN_PASSWORD)).user.name).toBe("admin");
  });

  it("takes the static token for the admin, with and without Bearer, at every front (alist-api.md §4.1)", async () => {
    const token = world.settings.get("token");
    for (const header of [token, `Bearer ${token}`, `bearer ${token}`]) {
      expect(await world.auth.authenticator.token(header)).toMatchObject({ by: "token", user: { name: "admin" } });
      expect(await world.auth.authenticator.basic(header, "10.0.0.1")).toMatchObject({ by: "token" });
    }
    await expect(world.auth.authenticator.token(token.slice(1))).rejects.toEqual(code(401));
  });

  it("takes no token for the guest, who is disabled until enabled (alist-api.md §4.5)", async () => {
    await expect(world.auth.authenticator.token(undefined)).rejects.toEqual(
      expect.objectContaining({ code: 401, message: "Guest user is disabled, login please" }),
    );
    await world.store.db.updateTable("user").set({ disabled: 0 }).where("name", "=", "guest").execute();
    expect(await world.auth.authenticator.token("")).toMatchObject({ by: "guest", user: { role: "guest" } });
  });

  it("logs in by static hash, in either case, and says the same of a wrong user and a wrong password (alist-api.md §4.3)", async () => {
    const login = (name: string, password: string) =>
      world.auth.authenticator.login(name, staticHash(password), "", "10.0.0.1");
    expect((await login("admin", ADMIN_PASSWORD)).name).toBe("admin");
    expect((await world.auth.authenticator.login("admin", staticHash(ADMIN_PASSWORD).toUpperCase(), "", "")).name).toBe(
      "admin",
    );
    const wrong = expect.objectContaining({ code: 400, message: "username or password is incorrect" });
    await expect(login("admin", "x")).rejects.toEqual(wrong);
    await expect(login("nobody", "x")).rejects.toEqual(wrong);
  });

  it("replaces AList's stored form by argon2id at the first right password, sessions staying as they are", async () => {
    await world.addUser("alice", "x");
    const old = alistStored("2f81865833b55099a5e6a0c8b9fa89f5c67c173fa8d1545d28f25a3dcee2874a", "0123456789abcdef");
    await world.store.db.updateTable("user").set({ password: old }).where("name", "=", "alice").execute();
    const token = await world.auth.sessions.start((await world.auth.users.find("alice"))!, "");
    expect((await basic("alice", "admin")).user.name).toBe("alice");
    expect((await world.auth.users.credential("alice"))?.stored).toMatch(/^\$argon2id\$/);
    expect((await world.auth.sessions.verify(token)).user.name).toBe("alice");
    expect((await basic("alice", "admin")).user.name).toBe("alice");
  });

  it("takes the caller of the control socket for the owner", async () => {
    expect(await world.auth.authenticator.owner()).toMatchObject({
      by: "owner",
      user: { name: "admin", role: "admin" },
    });
  });
});

describe("users", () => {
  it("makes up a random password of 95 bits where none is given, and refuses an empty or unknown one", async () => {
    const world = await openWorld();
    try {
      await world.store.db.deleteFrom("user").execute();
      const { firstPassword, users } = await world.restart();
      expect(firstPassword).toMatch(/^[A-Za-z0-9]{16}$/);
      await expect(users.setPassword("admin", "")).rejects.toMatchObject({ kind: "invalid-config" });
      await expect(users.setPassword("nobody", "x")).rejects.toMatchObject({ kind: "not-found" });
    } finally {
      await world.close();
    }
  });
});
