import { describe, expect, it } from "vitest";
import { expectViolations, open } from "./fixture.ts";
import type { TestClient } from "./test-client.ts";

const MINUTE = 60_000;
const VERIFY = "/user/v1/sign-in/verify-account-login/xpw8ou8y";

/** Follows redirects with the cookie until a page or an address with a code. */
async function authorize(client: TestClient, cookie: string, address: string): Promise<string> {
  for (let at = address, i = 0; i < 10; i++) {
    if (new URL(at).searchParams.has("code")) return at;
    const isJaccount = new URL(at).host === "jaccount.sjtu.edu.cn";
    const { headers } = await client.follow(at, isJaccount ? { headers: { cookie: `JAAuthCookie=${cookie}` } } : {});
    if (headers.location === undefined) return at;
    at = headers.location;
  }
  throw new Error("too many redirects");
}

async function codeOf(client: TestClient): Promise<string> {
  const { body } = await client.send("pan", "GET", "/user/v1/sign-in/sso-login-redirect/xpw8ou8y?auto_redirect=false");
  return new URL(await authorize(client, client.cookie, body.url)).searchParams.get("code") ?? "";
}

describe("from a cookie to a user token", () => {
  it.each(["", "?auto_redirect=true&from=web&custom_state=4ycSqbzfqM9mPuzOKmvTUQ%25253D%25253D"])(
    "sends a browser to jAccount with 302: %s (sjtu-pan.md §2.3)",
    async (query) => {
      const { client } = await open();
      const { status, headers } = await client.send(
        "pan",
        "GET",
        `/user/v1/sign-in/sso-login-redirect/xpw8ou8y${query}`,
      );
      expect(status).toBe(302);
      expect(headers.location).toMatch(/^https:\/\/jaccount\.sjtu\.edu\.cn\/oauth2\/authorize\?/);
      const end = new URL(await authorize(client, client.cookie, headers.location ?? ""));
      expect([end.origin, end.pathname]).toEqual(["https://pan.sjtu.edu.cn", "/login"]);
      expect(end.searchParams.get("code")).toMatch(/^[0-9a-f]{32}$/);
      if (query !== "") expect(end.searchParams.get("state")).toBe("4ycSqbzfqM9mPuzOKmvTUQ%253D%253D");
      expect((await client.follow(end.href)).status).toBe(200);
    },
  );

  it("names the corporation, and knows no other (sjtu-pan.md §2.3, §2.9)", async () => {
    const { client } = await open();
    const { body } = await client.send("pan", "GET", "/user/v1/organization/login-org-list");
    expect(body.organizationList[0].corpId).toBe("xpw8ou8y");
    const other = await client.send("pan", "GET", "/user/v1/sign-in/sso-login-redirect/abc?auto_redirect=false");
    expect([other.status, other.body.code]).toEqual([400, "InvalidOrganizationId"]);
  });

  it("ends on the login page of jAccount without a living cookie (sjtu-pan.md §2.3)", async () => {
    const { client, pan } = await open();
    pan.end("cookies");
    const { body } = await client.send(
      "pan",
      "GET",
      "/user/v1/sign-in/sso-login-redirect/xpw8ou8y?auto_redirect=false",
    );
    expect(await authorize(client, client.cookie, body.url)).toMatch(
      /^https:\/\/jaccount\.sjtu\.edu\.cn\/jaccount\/jalogin/,
    );
  });

  it("takes a code once, for five minutes (sjtu-pan.md §2.9)", async () => {
    const { client, clock } = await open();
    const code = await codeOf(client);
    const verify = (credential: string) =>
      client.send("pan", "POST", `${VERIFY}?device_id=jdisk-0123&type=sso&credential=${credential}`);
    const good = await verify(code);
    expect(good.status).toBe(200);
    expect(good.body.userToken).toHaveLength(128);
    expect(good.body).toMatchObject({ userId: 100200, expiresIn: 30 * 24 * 3600, isNewUser: false });
    expect(good.body.organizations[0]).toMatchObject({ id: 1, isLastSignedIn: true, orgUser: { nickname: "林小明" } });
    expect((await verify(code)).body).toMatchObject({ status: 403, code: "AuthorizationCodeHasBeenUsed" });
    const second = await codeOf(client);
    clock.advance(5 * MINUTE);
    expect((await verify(second)).body).toMatchObject({ status: 403, code: "AuthorizationCodeExpired" });
    expect((await verify("abc")).body).toMatchObject({ status: 400, code: "ParamInvalid" });
  });

  it("takes the code from a JSON body too (sjtu-pan.md §2.4)", async () => {
    const { client } = await open();
    const json = { credential: await codeOf(client) };
    const { body } = await client.send("pan", "POST", `${VERIFY}?device_id=x&type=sso`, { json });
    expect(body.userToken).toHaveLength(128);
  });
});

describe("from a user token to a space", () => {
  it("gives library, space and a token for 1800 s (sjtu-pan.md §2.5)", async () => {
    const { client } = await open();
    const { status, body } = await client.user("POST", "space/1/personal", "", { json: {} });
    expect(status).toBe(200);
    expect(body).toMatchObject({ libraryId: expect.stringMatching(/^smh[0-9a-z]{13}$/), expiresIn: 1800 });
    expect(body.spaceId).toMatch(/^space[0-9a-z]{13}$/);
    expect(body.accessToken).toMatch(/^acctk[0-9a-z]{121}$/);
    expect("status" in body).toBe(false);
  });

  it("says in the older form status 0 and a message (sjtu-pan.md §1.4)", async () => {
    const { client } = await open({ knobs: { olderReplies: true } });
    const { body } = await client.user("POST", "space/1/personal");
    expect(body).toMatchObject({ status: 0, message: "success", expiresIn: 1800 });
  });

  it("refuses a missing, an expired and a signed-out user token (sjtu-pan.md §2.9)", async () => {
    const { client, clock, pan } = await open();
    expect((await client.send("pan", "POST", "/user/v1/space/1/personal")).body.code).toBe("EmptyUserToken");
    expectViolations(pan, "query");
    expect((await client.user("POST", "sign-out")).status).toBe(204);
    expect((await client.user("GET", "organization")).body).toMatchObject({ status: 401, code: "InvalidUserToken" });
    const { userToken } = pan.credentials();
    clock.advance(30 * 24 * 60 * MINUTE);
    const late = await client.send("pan", "POST", `/user/v1/space/1/personal?user_token=${userToken}`);
    expect(late.body.code).toBe("InvalidUserToken");
  });

  it("tells capacity and use as strings, and nothing of a capacity without limit (sjtu-pan.md §3.10)", async () => {
    const { client, pan } = await open();
    pan.files.put("a.bin", { size: 1000 });
    expect((await client.user("GET", "space/1")).body).toEqual({
      availableSpace: "1099511626776",
      capacity: "1099511627776",
      size: "1000",
      hasPersonalSpace: true,
    });
    pan.setCapacity(null);
    expect((await client.user("GET", "space/1")).body).toEqual({ size: "1000", hasPersonalSpace: true });
    pan.setPersonalSpace(false);
    expect((await client.user("POST", "space/1/personal")).body.code).toBe("PersonalSpaceNotAllowed");
  });

  it("knows the organization, the user and the space's token (sjtu-pan.md §2.5, §2.6)", async () => {
    const { client } = await open();
    expect((await client.user("GET", "organization")).body[0].orgUser.nickname).toBe("林小明");
    expect((await client.user("GET", "user/1/100200", "with_belonging_teams=false&pf=")).body.userId).toBe(100200);
    expect((await client.user("GET", "user/1/7")).body.code).toBe("InvalidUserId");
    expect((await client.user("POST", `space/1/token/${client.space}`)).body.expiresIn).toBe(1800);
    expect((await client.user("POST", "space/1/token/spaceaaaaaaaaaaaaa")).body.code).toBe("NoPermission");
  });
});

describe("an access token", () => {
  it("ends after 1800 s, whatever it is used for, unless tokens slide (sjtu-pan.md §2.9)", async () => {
    const { client, clock, pan } = await open({ tolerate: ["stale-token"] });
    clock.advance(20 * MINUTE);
    expect((await client.api("GET", "directory/")).status).toBe(200);
    clock.advance(10 * MINUTE);
    expect((await client.api("GET", "directory/")).body).toMatchObject({ status: 403, code: "InvalidAccessToken" });
    expect(pan.tolerated.map(({ kind }) => kind)).toEqual(["stale-token"]);
    pan.knobs.slidingTokens = true;
    client.accessToken = pan.credentials().accessToken;
    for (let i = 0; i < 3; i++) {
      clock.advance(20 * MINUTE);
      expect((await client.api("GET", "directory/")).status).toBe(200);
    }
  });

  it("that was taken back is refused without being a violation, with 401 where the knob says so (sjtu-pan.md §2.9)", async () => {
    const { client, pan } = await open({ knobs: { tokenErrorStatus: 401 } });
    pan.end("access-tokens");
    const { status, body, headers } = await client.api("GET", "directory/");
    expect([status, body.code]).toEqual([401, "InvalidAccessToken"]);
    expect(body.requestId).toBe(headers["x-request-id"]);
  });

  it("is for one space; library and space are checked after it (sjtu-pan.md §2.9, §12.2)", async () => {
    const { client, pan } = await open({ accounts: [{}, {}] });
    const other = pan.credentials(1).spaceId;
    const at = (library: string, space: string) =>
      client.send("pan", "GET", `/api/v1/directory/${library}/${space}/?access_token=${client.accessToken}`);
    expect((await at(client.library, other)).body).toMatchObject({ status: 403, code: "AccessTokenNotMatchSpace" });
    expect((await at(client.library, "spaceaaaaaaaaaaaaa")).body.code).toBe("SpaceNotFound");
    expect((await at("smhaaaaaaaaaaaaa", client.space)).body.code).toBe("LibraryNotFound");
  });

  it("can be renewed by its own call (sjtu-pan.md §2.5)", async () => {
    const { client, pan } = await open();
    const renewed = await client.send("pan", "POST", `/api/v1/token/${client.library}/${client.accessToken}`);
    expect(renewed.body).toMatchObject({ accessToken: expect.stringMatching(/^acctk/), expiresIn: 1800 });
    expect(JSON.stringify(pan.log.entries)).not.toContain(client.accessToken);
  });

  it("in an Authorization header is none (sjtu-pan.md §2.9)", async () => {
    const { client, pan } = await open();
    const target = `/api/v1/directory/${client.library}/${client.space}/`;
    const answer = await client.send("pan", "GET", target, {
      headers: { authorization: `Bearer ${client.accessToken}` },
    });
    expect(answer.body).toMatchObject({ status: 400, code: "EmptyAccessToken" });
    expectViolations(pan, "header", "leaked-secret", "query");
  });
});
