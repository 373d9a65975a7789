import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signLink } from "#server/auth/link-signature.ts";
import { openPermissionWorld, type PermissionWorld } from "../permissions/world.ts";

const KEY = "alist-test-token";
const TEXT = "hello world\n";

describe("signed links (alist-api.md §8)", () => {
  let world: PermissionWorld;
  beforeAll(async () => {
    world = await openPermissionWorld({
      "hello.txt": TEXT,
      "中文 & 1.txt": "x",
      secret: { "s.txt": "secret" },
      "page.html": "<script>1</script>",
    });
    await world.addMeta({ path: "/m/secret", password: "open", passwordSub: true });
  });
  afterAll(() => world.close());

  const get = (target: string, headers = {}, method = "GET") => world.ask({ method, target, headers });
  const signed = (path: string, expire = 0) => `?sign=${signLink(KEY, path, expire)}`;

  it.each(["/d", "/p"])("%s gives the file to who has its signature, as a file to be saved", async (way) => {
    const { status, text, headers } = await get(`${way}/m/hello.txt${signed("/m/hello.txt")}`);
    expect([status, text]).toEqual([200, TEXT]);
    expect(headers["content-disposition"]).toBe(`attachment; filename="hello.txt"; filename*=UTF-8''hello.txt`);
    expect(headers["accept-ranges"]).toBe("bytes");
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
  });

  it("answers ranges, conditions and HEAD as every front does", async () => {
    const url = `/p/m/hello.txt${signed("/m/hello.txt")}`;
    const part = await get(url, { Range: "bytes=2-5" });
    expect([part.status, part.text, part.headers["content-range"]]).toEqual([206, "llo ", "bytes 2-5/12"]);
    expect((await get(url, { Range: "bytes=100-" })).status).toBe(416);
    const etag = part.headers.etag as string;
    expect((await get(url, { "If-None-Match": etag })).status).toBe(304);
    const head = await get(url, {}, "HEAD");
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", "12"]);
    expect((await get(url, {}, "POST")).status).toBe(405);
  });

  it("shows a page in a sandbox, for the panel lives in the same origin", async () => {
    const { headers } = await get(`/d/m/page.html${signed("/m/page.html")}&type=preview`);
    expect(headers["content-disposition"]).toMatch(/^inline/);
    expect(headers["content-security-policy"]).toContain("sandbox");
  });

  it("takes the path as it is, percent-encoded once, and a sign that was encoded too", async () => {
    const path = "/m/中文 & 1.txt";
    const sign = encodeURIComponent(signLink(KEY, path, 0));
    expect((await get(`/d${encodeURI(path)}?sign=${sign}`)).text).toBe("x");
  });

  it.each([
    ["expire missing", ""],
    ["sign invalid", `?sign=${signLink("another-token", "/m/hello.txt", 0)}`],
    ["sign invalid", `?sign=${signLink(KEY, "/m/secret/s.txt", 0)}`],
    ["sign expired", signed("/m/hello.txt", 1_700_000_000)],
    ["expire invalid", "?sign=abc:x"],
  ])("refuses a link with 401 %s, whoever sends it", async (message, query) => {
    const { status, text } = await get(`/d/m/hello.txt${query}`, { Authorization: KEY });
    expect([status, JSON.parse(text)]).toEqual([401, { code: 401, message, data: null }]);
  });

  it("answers what is missing, a folder and a climbing path with the status that they mean", async () => {
    expect((await get(`/d/m/none.txt${signed("/m/none.txt")}`)).status).toBe(404);
    expect((await get(`/d/m/secret${signed("/m/secret")}`)).status).toBe(409);
    expect((await get(`/d/m/%2e%2e/m/hello.txt${signed("/m/hello.txt")}`)).status).toBe(400);
    expect((await get(`/d/m/a%2fb${signed("/m/a/b")}`)).status).toBe(400);
  });

  it("needs no signature where sign_all is off, but for what a folder's password keeps", async () => {
    await world.deps.settings.set("sign_all", false);
    expect((await get("/d/m/hello.txt")).text).toBe(TEXT);
    expect((await get("/d/m/secret/s.txt")).status).toBe(401);
    expect((await get(`/d/m/secret/s.txt${signed("/m/secret/s.txt")}`)).text).toBe("secret");
    await world.deps.settings.set("sign_all", true);
  });
});
