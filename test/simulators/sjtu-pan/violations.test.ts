import { describe, expect, it } from "vitest";
import { expectViolations, type Fixture, open } from "./fixture.ts";
import type { ViolationKind } from "./world.ts";

type Wrong = (fixture: Fixture) => Promise<{ readonly status: number }>;

/** What a client must not do, and how it is noted; the files `a`, `d/` are there. */
const WRONG: readonly (readonly [string, readonly ViolationKind[], number, Wrong])[] = [
  ["a path that is none", ["path"], 404, ({ client }) => client.send("pan", "GET", "/api/v2/directory")],
  ["a kind of call that is none", ["path"], 404, ({ client }) => client.api("GET", "directories/")],
  ["a page of jAccount that is none", ["path"], 404, ({ client }) => client.send("jaccount", "GET", "/ws/1")],
  ["a user call that is none", ["path"], 404, ({ client }) => client.user("GET", "spaces/1")],
  ["another method", ["method"], 404, ({ client }) => client.api("PATCH", "directory/d")],
  ["another method for the user", ["method"], 404, ({ client }) => client.user("GET", "space/1/personal")],
  ["an unknown parameter", ["query"], 200, ({ client }) => client.api("GET", "directory/", "perPage=20")],
  ["a parameter twice", ["query"], 200, ({ client }) => client.api("GET", "directory/", "page=1&page=2")],
  ["both kinds of paging", ["query"], 400, ({ client }) => client.api("GET", "directory/", "page=1&limit=2")],
  ["a page too large", ["query"], 400, ({ client }) => client.api("GET", "directory/", "page_size=1001")],
  ["page 0", ["query"], 400, ({ client }) => client.api("GET", "directory/", "page=0")],
  [
    "a strategy that is none",
    ["query"],
    400,
    ({ client }) => client.api("PUT", "file/b", "conflict_resolution_strategy=skip"),
  ],
  [
    "overwrite for a directory",
    ["query"],
    400,
    ({ client }) => client.api("PUT", "directory/x", "conflict_resolution_strategy=overwrite"),
  ],
  [
    "no token",
    ["query"],
    400,
    ({ client }) => client.send("pan", "GET", `/api/v1/directory/${client.library}/${client.space}/`),
  ],
  [
    "a token that is none",
    ["unknown-token"],
    403,
    ({ client }) => {
      client.accessToken = `acctk${"0".repeat(121)}`;
      return client.api("GET", "directory/");
    },
  ],
  [
    "a token past its life",
    ["stale-token"],
    403,
    ({ client, clock }) => {
      clock.advance(1_800_000);
      return client.api("GET", "directory/");
    },
  ],
  [
    "an Authorization header",
    ["header"],
    200,
    ({ client }) => client.api("GET", "directory/", "", { headers: { authorization: "Basic eDp5" } }),
  ],
  [
    "the cookie of jAccount at the pan",
    ["header", "leaked-secret"],
    200,
    ({ client }) => client.api("GET", "directory/", "", { headers: { cookie: `JAAuthCookie=${client.cookie}` } }),
  ],
  [
    "a token as Referer",
    ["leaked-secret"],
    200,
    ({ client }) =>
      client.api("GET", "directory/", "", {
        headers: { referer: `https://pan.sjtu.edu.cn/?access_token=${client.accessToken}` },
      }),
  ],
  [
    "a token at the store",
    ["leaked-secret", "query", "signature"],
    403,
    async ({ client }) => client.follow(`${await client.link("a")}&access_token=${client.accessToken}`),
  ],
  [
    "a cookie at the store",
    ["header"],
    200,
    async ({ client }) => client.follow(await client.link("a"), { headers: { cookie: "USER_TOKEN=1" } }),
  ],
  [
    "a token at jAccount",
    ["leaked-secret", "query"],
    200,
    ({ client }) => client.send("jaccount", "GET", `/jaccount/confirmscancode?token=${client.userToken}`),
  ],
  ["a body that is not JSON", ["body"], 400, ({ client }) => client.api("POST", "batch", "delete", { body: "x=1" })],
  [
    "a batch that is no list",
    ["body"],
    400,
    ({ client }) => client.api("POST", "batch", "delete", { json: { path: "a" } }),
  ],
  [
    "members in snake case",
    ["body", "body"],
    200,
    ({ client }) =>
      client.api("POST", "batch", "move", {
        json: [{ from: "a", to: "b", type: "file", conflict_resolution_strategy: "ask", move_authority: false }],
      }),
  ],
  [
    "a move that names another type",
    ["body"],
    207,
    ({ client }) => client.api("POST", "batch", "move", { json: [{ from: "a", to: "b", type: "dir" }] }),
  ],
  [
    "a body for a new directory",
    ["body"],
    201,
    ({ client }) => client.api("PUT", "directory/new", "", { json: { name: "new" } }),
  ],
  [
    "a body of a removal",
    ["body"],
    200,
    ({ client }) => client.api("DELETE", "file/a", "", { json: { permanent: true } }),
  ],
  [
    "part numbers that are none",
    ["body"],
    400,
    ({ client }) => client.api("POST", "file/b", "multipart", { json: { partNumberRange: [0] } }),
  ],
  ["no part numbers", ["body"], 400, ({ client }) => client.api("POST", "file/b", "multipart", { json: {} })],
  [
    "separators encoded with the path",
    ["encoding"],
    201,
    ({ client }) =>
      client.send(
        "pan",
        "PUT",
        `/api/v1/file/${client.library}/${client.space}/d%2Fx?access_token=${client.accessToken}`,
      ),
  ],
  [
    "a plus in a path",
    ["encoding"],
    404,
    ({ client }) =>
      client.send(
        "pan",
        "GET",
        `/api/v1/file/${client.library}/${client.space}/a+b?access_token=${client.accessToken}`,
      ),
  ],
  [
    "bytes in a path that are not UTF-8",
    ["encoding"],
    400,
    ({ client }) =>
      client.send(
        "pan",
        "GET",
        `/api/v1/file/${client.library}/${client.space}/%ff?access_token=${client.accessToken}`,
      ),
  ],
  [
    "a segment of two dots",
    ["path"],
    404,
    ({ client }) =>
      client.send(
        "pan",
        "GET",
        `/api/v1/file/${client.library}/${client.space}/d/%2e%2e/a?access_token=${client.accessToken}`,
      ),
  ],
  ["a form upload", ["protocol"], 200, ({ client }) => client.api("POST", "file/b")],
  [
    "jdisk's way to move, which moves nothing",
    ["query", "protocol"],
    200,
    ({ client }) => client.api("POST", "file/a", "move=null"),
  ],
  [
    "multipart where renew was meant",
    ["protocol"],
    201,
    async ({ client }) => {
      const { body } = await client.startParts("b", [1]);
      return client.startParts(body.confirmKey, [2]);
    },
  ],
  ["a task that was never given out", ["path"], 200, ({ client }) => client.api("GET", "task/1")],
  [
    "no device",
    ["query"],
    400,
    ({ client }) => client.send("pan", "POST", "/user/v1/sign-in/verify-account-login/xpw8ou8y?type=sso&credential=x"),
  ],
  [
    "another kind of credential",
    ["query"],
    400,
    ({ client }) =>
      client.send("pan", "POST", "/user/v1/sign-in/verify-account-login/xpw8ou8y?device_id=x&type=qr&credential=x"),
  ],
];

describe("a violation is", () => {
  it.each(WRONG)("%s", async (_what, kinds, status, act) => {
    const fixture = await open();
    fixture.pan.files.put("a", "x");
    fixture.pan.files.makeDirectory("d");
    expect((await act(fixture)).status).toBe(status);
    expectViolations(fixture.pan, ...kinds);
  });
});

describe("violations", () => {
  it("name route, method and place, and nothing that is secret", async () => {
    const { client, pan } = await open();
    await client.api("GET", "directory/", "perPage=20");
    expect(pan.violations.splice(0)).toEqual([
      {
        kind: "query",
        message: "the parameter perPage is not known here",
        route: "api.list",
        method: "GET",
        place: `pan.sjtu.edu.cn/api/v1/directory/${client.library}/${client.space}/`,
      },
    ]);
  });

  it("that a test means to happen are counted apart", async () => {
    const { client, pan } = await open();
    pan.tolerate("query");
    await client.api("GET", "directory/", "perPage=20");
    expect([pan.violations, pan.tolerated.length]).toEqual([[], 1]);
  });

  it("are none: the flags and parameters of every client that the facts know (sjtu-pan.md §1.2)", async () => {
    const { client, pan } = await open();
    pan.files.put("a", "x");
    const common = "user_id=100200&space_org_id=1";
    for (const flag of ["info", "info=", "info=null", "info=1", "info=true"]) {
      expect((await client.api("GET", "directory/a", `${flag}&${common}`)).body.type).toBe("file");
    }
    const cookie = "USER_TOKEN=x; keepalive='1'; keep_alive=2";
    expect(
      (await client.api("GET", "file/a", `download=true&purpose=download&${common}`, { headers: { cookie } })).status,
    ).toBe(302);
    const { body } = await client.api("PUT", "file/b", `filesize=1&${common}`, {
      body: '{"size":1}',
      headers: { "content-type": "text/plain" },
    });
    expect(body.confirmKey).toBeTruthy();
  });
});
