import { performance } from "node:perf_hooks";
import { describe, expect, it } from "vitest";
import { AuthError } from "#server/auth/auth-error.ts";
import { alistStored, hashPassword, staticHash, verifyPassword } from "#server/auth/passwords.ts";

/** argon2id of `password` with salt `somesalt`. */
const VECTOR = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

describe("passwords", () => {
  it.each([
    ["admin", "6fcb57cd10b2c11d765dcf16148d99130afd895082af83725ee8bb181b1d2b0f"],
    ["guest", "58dbc53287db56c2f3d2c1ff16620af6d6cc4a09ae5109620f2162313f345ec2"],
    ["123456", "e166b45e39301021e897e3a6713e11171893217ad2901cf28c2c09c8d54e55d9"],
    ["correct horse", "868a2a62ef8a39acd794c078cf2d45099873986d993d35949db697e1b1ca32bb"],
    ["密码", "41e5ec28ac4275a76b1a97dd1364ba417d26f4c4db52d1d6e2573b712da0f724"],
    ["", "263d6a3a1bc3780769ef456641d81a41ea52b66dd25fe02b5959967fd852127d"],
  ])("hashes %j on the client's side as AList does (alist-api.md §19)", (password, hash) => {
    expect(staticHash(password)).toBe(hash);
  });

  it.each([
    ["admin", "0123456789abcdef", "2f81865833b55099a5e6a0c8b9fa89f5c67c173fa8d1545d28f25a3dcee2874a"],
    ["guest", "AbCdEfGhIjKlMnOp", "b8d051734af98a2548a1fff165ebe33ab393cbe6d3dda976e25abee923e9cf74"],
    ["密码", "salt16saltsalt16", "8b25ea5a3c89b407c34172f5e19133263d40e8ef7604db1ecbdd9e6783a10d3b"],
  ])("accepts AList's stored form of %j and asks for an upgrade (alist-api.md §19)", async (password, salt, stored) => {
    expect(await verifyPassword(alistStored(stored, salt), staticHash(password))).toEqual({ ok: true, upgrade: true });
    expect((await verifyPassword(alistStored(stored, salt), staticHash(`${password}x`))).ok).toBe(false);
  });

  it("stores argon2id of 19 MiB, two passes and one lane as PHC text, salted anew each time", async () => {
    const [one, two] = await Promise.all([hashPassword(staticHash("p")), hashPassword(staticHash("p"))]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.toBe(two);
    expect(await verifyPassword(one, staticHash("p"))).toEqual({ ok: true, upgrade: false });
    expect(await verifyPassword(one, staticHash("q"))).toEqual({ ok: false, upgrade: false });
  });

  it("verifies the reference implementation's vector (phc-winner-argon2, test.c), and asks to upgrade its weaker cost", async () => {
    expect(await verifyPassword(VECTOR, "password")).toEqual({ ok: true, upgrade: true });
  });

  it("takes as long for a user who does not exist, and never says yes", async () => {
    const started = performance.now();
    const answer = await verifyPassword(undefined, staticHash("x"));
    expect(answer.ok).toBe(false);
    // An answer without argon2 takes some microseconds.
    expect(performance.now() - started).toBeGreaterThan(2);
  });

  it("refuses what no stored form matches, such as the guest's", async () => {
    expect((await verifyPassword("!", "!")).ok).toBe(false);
  });

  it("refuses logins beyond a bounded queue instead of holding them", async () => {
    const results = await Promise.allSettled(Array.from({ length: 110 }, () => verifyPassword(VECTOR, "no")));
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused).toHaveLength(8);
    expect(refused.every(({ reason }) => reason instanceof AuthError && reason.code === 429)).toBe(true);
  });
});
