/** What browsers are told with every reply. */
import { describe, expect, it } from "vitest";
import { BASIC, openHardened, TOKEN } from "./world.ts";

const seed = {
  "a.txt": "hello",
  "page.html": "<script>alert(1)</script>",
  "picture.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
  "feed.xml": "<a/>",
  "film.mp4": "film",
  dir: { x: "x" },
};
const JSON_HEAD = { "Content-Type": "application/json" };

describe("every reply", () => {
  it.each([
    ["a listing over WebDAV", "PROPFIND", "/dav/m/", { Authorization: BASIC, Depth: "1" }, undefined, 207],
    ["a page of a directory", "GET", "/dav/m/", { Authorization: BASIC }, undefined, 200],
    ["a file", "GET", "/dav/m/a.txt", { Authorization: BASIC }, undefined, 200],
    ["a part of a file", "GET", "/dav/m/a.txt", { Authorization: BASIC, Range: "bytes=1-2" }, undefined, 206],
    ["a file that is not there", "GET", "/dav/m/none", { Authorization: BASIC }, undefined, 404],
    ["a stranger over WebDAV", "GET", "/dav/m/a.txt", {}, undefined, 401],
    ["OPTIONS", "OPTIONS", "/dav/", {}, undefined, 200],
    ["the API", "GET", "/api/me", { Authorization: TOKEN }, undefined, 200],
    ["a refusal of the API", "POST", "/api/auth/login", JSON_HEAD, '{"username":"x"}', 200],
    ["a route that is not there", "GET", "/api/none", {}, undefined, 404],
    ["a path that is nothing", "GET", "/none", {}, undefined, 404],
    ["the first page", "GET", "/", {}, undefined, 200],
    ["a stream of the API", "GET", "/api/pandav/fs/walk?path=/m", { Authorization: TOKEN }, undefined, 200],
    ["content by the API", "GET", "/api/pandav/fs/content?path=/m/a.txt", { Authorization: TOKEN }, undefined, 200],
    [
      "content for the command line",
      "GET",
      "/api/pandav/fs/read?path=/m/a.txt",
      { Authorization: TOKEN },
      undefined,
      200,
    ],
    ["a stranger at the metrics", "GET", "/metrics", {}, undefined, 401],
  ] as const)(
    "to %s has a policy, nosniff, no referrer and no banner",
    async (_what, method, target, headers, body, status) => {
      const server = await openHardened({ seed });
      const reply = await server.ask(method, target, headers, body);
      expect(reply.status).toBe(status);
      expect(reply.headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "content-security-policy": expect.stringContaining("default-src 'none'"),
      });
      expect(Object.keys(reply.headers).filter((name) => /^(server|x-powered-by|via)$/.test(name))).toEqual([]);
    },
  );
});

describe("a user's file that a browser would run", () => {
  it.each(["page.html", "picture.svg", "feed.xml"])("is in a sandbox without an origin: %s", async (name) => {
    const server = await openHardened({ seed });
    const policyOf = async (target: string, authorization: string) =>
      (await server.ask("GET", target, { Authorization: authorization })).headers["content-security-policy"];
    expect(await policyOf(`/dav/m/${name}`, BASIC)).toMatch(/^sandbox; default-src 'none';/);
    expect(await policyOf(`/api/pandav/fs/read?path=/m/${name}`, TOKEN)).toMatch(/^sandbox; default-src 'none';/);
  });

  it("is no page at the API's own routes", async () => {
    const server = await openHardened({ seed });
    const typeOf = async (route: string) =>
      (await server.ask("GET", `${route}?path=/m/page.html`, { Authorization: TOKEN })).headers["content-type"];
    expect(await typeOf("/api/pandav/fs/read")).toBe("text/plain; charset=utf-8");
    expect(await typeOf("/api/pandav/fs/content")).toBe("application/octet-stream");
  });

  it("leaves a film alone, which is only shown", async () => {
    const server = await openHardened({ seed });
    const { headers } = await server.ask("GET", "/dav/m/film.mp4", { Authorization: BASIC });
    expect(headers["content-security-policy"]).not.toContain("sandbox");
    expect(headers["content-security-policy"]).toContain("media-src 'self'");
  });
});
