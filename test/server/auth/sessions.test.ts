import { sign } from "hono/utils/jwt/jwt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { User } from "#server/auth/users.ts";
import { openWorld, type World } from "./world.ts";

const SECRET = "0123456789abcdef";
/** alist-api.md §19. */
const VECTOR =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6ImFkbWluIiwicHdkX3RzIjowLCJleHAiOjE3NjczOTg0MDAsIm5iZiI6MTc2NzIyNTYwMCwiaWF0IjoxNzY3MjI1NjAwfQ.p5KLn-TGh4yDSBGJOr1iyUg6vyqDmjEvWpTK5oJutkQ";
const CHINESE_VECTOR =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6IuW8oOS4iSIsInB3ZF90cyI6MTczNTY4OTYwMCwiZXhwIjo0MTAyNDQ0ODAwLCJuYmYiOjE3NjcyMjU2MDAsImlhdCI6MTc2NzIyNTYwMH0.1SOYaSE_APfIB_wLKJpmyRwCKTqXBnyPR7C2pi18mac";

describe("sessions", () => {
  let world: World;
  let admin: User;
  beforeEach(async () => {
    world = await openWorld({ jwt_secret: SECRET });
    admin = await world.auth.users.owner();
  });
  afterEach(() => world.close());

  const verify = (token: string) => world.auth.sessions.verify(token);
  const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  const unauthorized = (message: string) =>
    expect.objectContaining({ code: 401, message: expect.stringContaining(message) });

  it("signs as AList does, Chinese user names included (alist-api.md §19)", async () => {
    const claims = { username: "admin", pwd_ts: 0, exp: 1767398400, nbf: 1767225600, iat: 1767225600 };
    expect(await sign(claims, SECRET, "HS256")).toBe(VECTOR);
    const chinese = { username: "张三", pwd_ts: 1735689600, exp: 4102444800, nbf: 1767225600, iat: 1767225600 };
    expect(await sign(chinese, SECRET, "HS256")).toBe(CHINESE_VECTOR);
  });

  it("issues the claims of the wire, in its order, for 48 hours, and the session's id (alist-api.md §4.4)", async () => {
    const token = await world.auth.sessions.start(admin, "a client");
    const { sid, ...claims } = claimsOf(token);
    expect(Object.entries(claims)).toEqual([
      ["username", "admin"],
      ["pwd_ts", 0],
      ["exp", 1767398400],
      ["nbf", 1767225600],
      ["iat", 1767225600],
    ]);
    expect(await verify(token)).toEqual({ user: admin, id: sid });
  });

  it("gives two logins of one second different tokens, and ends them one by one", async () => {
    const [one, two] = [await world.auth.sessions.start(admin, ""), await world.auth.sessions.start(admin, "")];
    expect(one).not.toBe(two);
    await world.auth.sessions.end((await verify(one)).id);
    await expect(verify(one)).rejects.toEqual(unauthorized("token is invalidated"));
    expect((await verify(two)).user.name).toBe("admin");
  });

  it("outlives a restart", async () => {
    const token = await world.auth.sessions.start(admin, "");
    const again = await world.restart();
    expect((await again.sessions.verify(token)).user.name).toBe("admin");
  });

  it("refuses garbage, forgeries and tokens that were never issued (alist-api.md §3)", async () => {
    const token = await world.auth.sessions.start(admin, "");
    const forged = await sign(claimsOf(token), "another-secret-of-16", "HS256");
    const unsigned = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url")}.${token.split(".")[1]}.`;
    const neverIssued = await sign({ ...claimsOf(token), sid: "nobody" }, SECRET, "HS256");
    const otherHash = await sign(claimsOf(token), SECRET, "HS512");
    for (const bad of ["garbage", "a.b.c", "", forged, unsigned, neverIssued, otherHash, VECTOR]) {
      await expect(verify(bad)).rejects.toEqual(unauthorized("token is invalidated"));
    }
  });

  it("refuses an expired token and one of the future", async () => {
    const token = await world.auth.sessions.start(admin, "");
    world.clock.turn(-5000);
    await expect(verify(token)).rejects.toEqual(unauthorized("token not active yet"));
    world.clock.turn(5000 + 48 * 3_600_000);
    await expect(verify(token)).rejects.toEqual(unauthorized("token is expired"));
  });

  it("ends with a password change (alist-api.md §4.4), and says so", async () => {
    const token = await world.auth.sessions.start(admin, "");
    await world.auth.users.setPassword("admin", "another");
    await expect(verify(token)).rejects.toEqual(unauthorized("Password has been changed, login please"));
    expect(await world.store.db.selectFrom("session").selectAll().execute()).toEqual([]);
  });

  it("ends for a disabled user (alist-api.md §3)", async () => {
    const token = await world.auth.sessions.start(admin, "");
    await world.store.db.updateTable("user").set({ disabled: 1 }).where("id", "=", admin.id).execute();
    await expect(verify(token)).rejects.toEqual(unauthorized("Current user is disabled, replace please"));
  });

  it("clears away what has expired", async () => {
    await world.auth.sessions.start(admin, "");
    world.clock.turn(49 * 3_600_000);
    await world.auth.sessions.start(admin, "");
    expect(await world.store.db.selectFrom("session").selectAll().execute()).toHaveLength(1);
  });
});
