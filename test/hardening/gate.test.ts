/** Where the server is mounted, who its clients are, and which pages may use it. */
import { describe, expect, it } from "vitest";
import { readMultistatus } from "#test/webdav/harness.ts";
import { BASIC, openHardened, TOKEN } from "./world.ts";

const dav = { Authorization: BASIC };

describe("a base path (architecture.md §9)", () => {
  it("stands before every path and in every href, byte for byte", async () => {
    const server = await openHardened({ basePath: "/pan%64av/x" });
    const listing = await server.ask("PROPFIND", "/pan%64av/x/dav/m/", { ...dav, Depth: "1" });
    const hrefs = readMultistatus(listing.text).map(({ href }) => href);
    expect(hrefs.sort()).toEqual(["/pan%64av/x/dav/m/", "/pan%64av/x/dav/m/a.txt", "/pan%64av/x/dav/m/dir/"]);
    expect((await server.ask("GET", "/pan%64av/x/api/me", { Authorization: TOKEN })).text).toContain('"admin"');
    const content = await server.ask("GET", "/pan%64av/x/api/pandav/fs/content?path=/m/a.txt", {
      Authorization: TOKEN,
    });
    expect(content.text).toBe("hello");
    expect((await server.ask("GET", "/pan%64av/x/metrics", { Authorization: TOKEN })).status).toBe(200);
  });

  it("is in the links of the first page and of the API, with and without a trailing slash", async () => {
    const server = await openHardened({ basePath: "/pandav" });
    for (const target of ["/pandav", "/pandav/", "/pandav?x", "http://any.host/pandav/"]) {
      expect((await server.ask("GET", target)).text).toContain('href="/pandav/dav/"');
    }
    const body = JSON.stringify({ path: "/m/a.txt" });
    const headers = { Authorization: TOKEN, "Content-Type": "application/json" };
    const { data } = JSON.parse((await server.ask("POST", "/pandav/api/fs/get", headers, body)).text);
    expect(data.raw_url).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${server.port}/pandav/p/m/a\\.txt`));
  });

  it("takes Destination below it, and no other", async () => {
    const server = await openHardened({ basePath: "/pandav" });
    const move = (destination: string) =>
      server.ask("COPY", "/pandav/dav/m/a.txt", { ...dav, Destination: destination });
    expect((await move(`http://127.0.0.1:${server.port}/pandav/dav/m/b.txt`)).status).toBe(201);
    expect((await move("/pandav/dav/m/c.txt")).status).toBe(201);
    expect((await move("/dav/m/d.txt")).status).toBe(502);
  });

  it("leaves nothing outside it", async () => {
    const server = await openHardened({ basePath: "/pandav" });
    for (const target of ["/", "/dav/m/a.txt", "/api/me", "/pandavx", "/pandavx/dav/", "/metrics"]) {
      const reply = await server.ask("GET", target, { ...dav });
      expect([target, reply.status]).toEqual([target, 404]);
    }
  });

  it.each(["/pandav/../api/me", "/pandav/%2e%2E/api/me", "/pandav/x/./api/me", "/pandav/..", "/pandav/..\\api/me"])(
    "is not climbed out of by %s, which a proxy before us would judge as another path",
    async (target) => {
      const server = await openHardened({ basePath: "/pandav" });
      expect((await server.ask("GET", target, { Authorization: TOKEN })).status).toBe(400);
      const atRoot = await openHardened();
      expect((await atRoot.ask("GET", target, { Authorization: TOKEN })).status).toBe(400);
    },
  );

  it("is found by Windows, which walks down from the root of the host (webdav.md §5, §7)", async () => {
    const server = await openHardened({ basePath: "/a/b" });
    const hrefs = async (target: string) =>
      readMultistatus((await server.ask("PROPFIND", target, { ...dav, Depth: "1" })).text).map(({ href }) => href);
    expect(await hrefs("/")).toEqual(["/", "/a/"]);
    expect(await hrefs("/a")).toEqual(["/a/", "/a/b/"]);
    expect(await hrefs("/a/b/")).toEqual(["/a/b/", "/a/b/dav/"]);
    expect(await hrefs("/a/b/dav/")).toEqual(["/a/b/dav/", "/a/b/dav/m/"]);
    expect((await server.ask("OPTIONS", "/a")).headers.dav).toBe("1, 2, 3");
  });
});

describe("the client behind proxies", () => {
  const wrong = (n: number) => `Basic ${Buffer.from(`admin:wrong ${n}`).toString("base64")}`;

  /** Whether five wrong passwords "from" one address keep another address waiting. */
  async function isSlowedDown(settings: Record<string, string>): Promise<boolean> {
    const server = await openHardened({ settings });
    for (let n = 0; n < 5; n++) {
      const reply = await server.ask("GET", "/dav/m/a.txt", {
        Authorization: wrong(n),
        "X-Forwarded-For": "198.51.100.1",
      });
      expect(reply.status).toBe(401);
    }
    const other = await server.ask("GET", "/dav/m/a.txt", { ...dav, "X-Forwarded-For": "198.51.100.2" });
    return other.status === 429;
  }

  it("is the last address that no trusted proxy has, and guesses are counted by it", async () => {
    expect(await isSlowedDown({ trusted_proxies: "127.0.0.1, 10.0.0.0/8" })).toBe(false);
  });

  it("is the socket's where the proxy is not trusted, whatever it says", async () => {
    expect(await isSlowedDown({})).toBe(true);
    expect(await isSlowedDown({ trusted_proxies: "10.0.0.0/8" })).toBe(true);
  });

  it("cannot choose its address by sending the header itself", async () => {
    const server = await openHardened({ settings: { trusted_proxies: "127.0.0.1 10.0.0.0/8" } });
    const head = { Authorization: wrong(0), "X-Forwarded-For": "203.0.113.9, 198.51.100.7:1234, 10.1.2.3" };
    await server.ask("GET", "/dav/m/a.txt", head);
    const [row] = await server.deps.auth.audit.list({ limit: 1 });
    expect(row).toMatchObject({ action: "login.webdav", ok: false, address: "198.51.100.7" });
  });

  it.each([
    ["a proxy that is trusted", { trusted_proxies: "127.0.0.1" }, { "X-Forwarded-Host": "dav.example" }, 201],
    ["a proxy that is not", {}, { "X-Forwarded-Host": "dav.example" }, 502],
    ["the setting of public addresses", { site_url: "https://a.example, https://dav.example:443/x" }, {}, 201],
    ["nobody", {}, {}, 502],
    ["the Host header", {}, { Host: "DAV.example:80" }, 201],
  ] as const)(
    "may name a Destination by the host that %s gives (webdav.md §5)",
    async (_who, settings, headers, status) => {
      const server = await openHardened({ settings });
      const Destination = "https://dav.example/dav/m/b.txt";
      expect((await server.ask("COPY", "/dav/m/a.txt", { ...dav, ...headers, Destination })).status).toBe(status);
    },
  );

  it("is told links with the scheme and host that it asked for", async () => {
    const server = await openHardened({ settings: { trusted_proxies: "127.0.0.1" } });
    const head = { Authorization: TOKEN, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "dav.example" };
    const reply = await server.ask("POST", "/api/fs/get", head, '{"path":"/m/a.txt"}');
    expect(JSON.parse(reply.text).data.raw_url).toMatch(/^https:\/\/dav\.example\/p\/m\/a\.txt/);
  });

  it("is refused as a setting where it is no address (names the item)", async () => {
    const { settings } = await openHardened();
    await expect(settings.set("trusted_proxies", "10.0.0.0/8 nonsense")).rejects.toThrow(/"nonsense" is no address/);
    await expect(settings.set("trusted_proxies", "10.0.0.0/33")).rejects.toThrow(/10\.0\.0\.0\/33/);
    await expect(settings.set("cors_origins", "panel.example.com")).rejects.toThrow(
      /"panel\.example\.com" is no origin/,
    );
  });
});

describe("pages of other origins (webdav.md §5, alist-api.md §2)", () => {
  const origin = "https://panel.example";
  const preflight = (more: Record<string, string> = {}) => ({
    Origin: origin,
    "Access-Control-Request-Method": "PROPFIND",
    "Access-Control-Request-Headers": "authorization,depth",
    ...more,
  });

  it("may ask before they log in, where they are configured", async () => {
    const server = await openHardened({ settings: { cors_origins: origin } });
    for (const target of ["/dav/m/", "/api/fs/list", "/api/pandav/fs/content"]) {
      const reply = await server.ask("OPTIONS", target, preflight());
      expect(reply.status).toBe(204);
      expect(reply.headers).toMatchObject({
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-allow-headers": "authorization,depth",
        "access-control-max-age": "43200",
        vary: "Origin",
      });
      expect(reply.headers["access-control-allow-methods"]?.split(", ")).toEqual(
        expect.arrayContaining(["PROPFIND", "MOVE", "LOCK", "PUT", "PROPPATCH"]),
      );
    }
  });

  it("may read what WebDAV clients need, also of an error", async () => {
    const server = await openHardened({ settings: { cors_origins: origin } });
    for (const authorization of [BASIC, ""]) {
      const { headers } = await server.ask("PROPFIND", "/dav/m/", {
        Depth: "0",
        Origin: origin,
        ...(authorization && { Authorization: authorization }),
      });
      expect(headers["access-control-allow-origin"]).toBe(origin);
      expect(headers["access-control-expose-headers"]).toMatch(/ETag.*DAV.*Lock-Token.*Content-Range.*Location/);
    }
  });

  it("get nothing of WebDAV where they are not configured, and of the API what they know a token for", async () => {
    const server = await openHardened();
    const asked = await server.ask("OPTIONS", "/dav/m/", preflight());
    expect([asked.status, asked.headers["access-control-allow-origin"]]).toEqual([200, undefined]);
    const api = await server.ask("OPTIONS", "/api/fs/list", preflight({ "Access-Control-Request-Method": "POST" }));
    expect([api.status, api.headers["access-control-allow-origin"]]).toEqual([204, "*"]);
    expect(api.headers["access-control-allow-credentials"]).toBeUndefined();
  });

  it("never get * with credentials", async () => {
    const server = await openHardened({ settings: { cors_origins: `* ${origin}` } });
    for (const [from, allowed, credentials] of [
      [origin, origin, "true"],
      ["https://other.example", "*", undefined],
    ] as const) {
      const { headers } = await server.ask("OPTIONS", "/dav/m/", preflight({ Origin: from }));
      expect([headers["access-control-allow-origin"], headers["access-control-allow-credentials"]]).toEqual([
        allowed,
        credentials,
      ]);
    }
  });

  it("that are not configured are shut out of the API too, once others are", async () => {
    const server = await openHardened({ settings: { cors_origins: origin } });
    const reply = await server.ask("GET", "/api/me", { Authorization: TOKEN, Origin: "https://other.example" });
    expect(reply.headers["access-control-allow-origin"]).toBeUndefined();
  });
});
