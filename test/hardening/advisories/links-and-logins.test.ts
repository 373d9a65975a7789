/** Links that ignored folder passwords (AlistGo/alist#160), guesses that one front counted and another did not, and stored forms that opened the door. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { ALL_BITS, BIT } from "#server/auth/permission-bits.ts";
import { openPermissionWorld } from "#test/server/permissions/world.ts";
import { openHardened, PASSWORD } from "../world.ts";

const JSON_TYPE = { "Content-Type": "application/json" };

describe("a direct link", () => {
  it("of a file below a folder's password is made, signed or named for nobody who may not open the folder (AlistGo/alist#160)", async () => {
    const world = await openPermissionWorld({ secret: { "s.txt": "s", "s.srt": "s" }, "open.txt": "o" });
    onTestFinished(() => world.close());
    await world.addMeta({ path: "/m/secret", password: "say it", passwordSub: true });
    const { users, sessions } = world.deps.auth;
    const permission = ALL_BITS & ~BIT.access_without_password;
    const ann = await users.create({ name: "ann", basePath: "/m", permission, disabled: false }, "secret");
    const headers = { ...JSON_TYPE, Authorization: await sessions.start(ann, "") };
    const get = (body: object) =>
      world.ask({ method: "POST", target: "/api/fs/get", headers, body: JSON.stringify(body) });
    const link = (path: string) =>
      world.ask({ method: "GET", target: `/api/pandav/fs/link?${new URLSearchParams({ path })}`, headers });
    for (const answer of [await get({ path: "/secret/s.txt" }), await link("/secret/s.txt")]) {
      expect(answer.code).toBe(403);
      expect(answer.text).not.toMatch(/sign|raw_url|http/);
    }
    // A neighbour's listing, an index and WebDAV give the content no other way.
    for (const target of ["/dav/secret/s.txt", "/dav/secret/"]) {
      const { status } = await world.ask({
        method: "GET",
        target,
        headers: { Authorization: `Basic ${btoa("ann:secret")}` },
      });
      expect([target, status]).toEqual([target, 403]);
    }
    expect((await get({ path: "/secret/s.txt", password: "say it" })).text).toMatch(/raw_url":"http[^"]+sign=/);
    expect((await get({ path: "/open.txt" })).code).toBe(200);
  });
});

describe("logins", () => {
  it("guessed at WebDAV count as those at the API do, and shut both (AList counts none at WebDAV)", async () => {
    const { ask } = await openHardened();
    const wrong = { Authorization: `Basic ${btoa("admin:guess")}` };
    for (let i = 0; i < 5; i++) expect((await ask("GET", "/dav/m/", wrong)).status).toBe(401);
    const shut = await ask("GET", "/dav/m/", { Authorization: `Basic ${btoa(`admin:${PASSWORD}`)}` });
    expect([shut.status, shut.headers["retry-after"]]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    const login = JSON.stringify({ username: "admin", password: PASSWORD });
    expect(JSON.parse(String((await ask("POST", "/api/auth/login", JSON_TYPE, login)).body))).toMatchObject({
      code: 429,
    });
  });

  it("take nothing that the database holds for a password: neither what is stored nor a hash of it", async () => {
    const { ask, deps } = await openHardened();
    const { stored } = (await deps.auth.users.credential("admin"))!;
    const hash = createHash("sha256").update(`${stored}-https://github.com/alist-org/alist`).digest("hex");
    for (const [form, password] of [
      ["login", stored],
      ["login/hash", stored],
      ["login/hash", stored.split("$").at(-1)!],
      ["login/hash", hash],
    ] as const) {
      const body = JSON.stringify({ username: "admin", password });
      const reply = JSON.parse(String((await ask("POST", `/api/auth/${form}`, JSON_TYPE, body)).body));
      expect([form, reply.code]).toEqual([form, 400]);
    }
  });
});

it("whatever proves who somebody is, is compared in constant time (AList compares signatures byte by byte)", () => {
  for (const file of ["link-signature", "passwords", "totp", "metas", "authenticator"]) {
    const source = readFileSync(new URL(`../../../server/auth/${file}.ts`, import.meta.url), "utf8");
    expect([file, source.includes("timingSafeEqual(")]).toEqual([file, true]);
    expect(source.match(/\b(?:signature|digest|hash|token|code|secret) === (?!"|undefined|null)/g), file).toBeNull();
  }
});
