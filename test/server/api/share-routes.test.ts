import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPermissionWorld, type PermissionWorld } from "../permissions/world.ts";

const ADMIN = "alist-test-token";
const SHARE = 1 << 14;
const CHOOSE = 1 << 15;

describe("shares (alist-api.md §14)", () => {
  let world: PermissionWorld;
  let bob: string;
  let eve: string;
  let bobId: number;
  beforeAll(async () => {
    world = await openPermissionWorld({
      home: { docs: { "a.txt": "aaa", sub: { "b.txt": "bb" } }, secret: { "s.txt": "s" }, "one.txt": "1" },
      outside: { "o.txt": "o" },
    });
    const { users, sessions } = world.deps.auth;
    const make = async (name: string, permission: number) => {
      const user = await users.create({ name, basePath: "/m/home", permission, disabled: false }, `${name}-secret`);
      return [user.id, await sessions.start(user, "")] as const;
    };
    [bobId, bob] = await make("bob", SHARE | CHOOSE);
    [, eve] = await make("eve", 0);
    await world.addMeta({ path: "/m/home/secret", password: "open", passwordSub: true });
  });
  afterAll(() => world.close());

  async function post(path: string, body: object, token: string | undefined = bob) {
    const { text } = await world.ask({
      method: "POST",
      target: path,
      headers: { "Content-Type": "application/json", ...(token && { Authorization: token }) },
      body: JSON.stringify(body),
    });
    return JSON.parse(text);
  }
  const create = (body: object, token = bob) => post("/api/share/create", body, token);
  const browse = (path: string, password = "", route = "list") => post(`/api/fs/${route}`, { path, password }, "");
  const names = (reply: { data: { content: { name: string }[] } }) => reply.data.content.map(({ name }) => name);

  it("show a directory to who has the code, the guest being disabled, and nothing around it", async () => {
    expect((await create({ id: "docs", files: ["/m/home/docs"], pwd: "1234" })).code).toBe(200);
    expect(await browse("/@s/docs")).toMatchObject({ code: 403, message: "wrong share code" });
    const listing = await browse("/@s/docs", "1234");
    expect(names(listing)).toEqual(["a.txt", "sub"]);
    expect(JSON.stringify(listing)).not.toContain("/m/home");
    expect(names(await browse("/@s/docs/sub", "1234"))).toEqual(["b.txt"]);
    expect((await browse("/@s/docs/../secret", "1234")).code).toBe(403);
    expect((await browse("/", "1234")).code).toBe(401);
  });

  it("give files at an address that says where they are by the share alone", async () => {
    const { data } = await browse("/@s/docs/a.txt", "1234", "get");
    expect(data).toMatchObject({ name: "a.txt", sign: "", virtual_path: "/@s/docs/a.txt" });
    const url = new URL(data.raw_url);
    expect(url.pathname).toBe("/sd/docs/a.txt");
    expect(url.search).not.toContain("1234");
    expect((await world.ask({ method: "GET", target: `/sd/docs/sub/b.txt${url.search}` })).status).toBe(401);
    expect((await world.ask({ method: "GET", target: "/sd/docs/a.txt?pwd=1234" })).text).toBe("aaa");
    expect((await world.ask({ method: "GET", target: url.pathname + url.search })).text).toBe("aaa");
    expect((await world.ask({ method: "GET", target: "/sd/docs/a.txt" })).status).toBe(403);
    expect((await world.ask({ method: "GET", target: "/sd/docs/sub?pwd=1234" })).status).toBe(409);
    expect((await world.ask({ method: "GET", target: "/sd/none/a.txt" })).status).toBe(404);
    expect((await world.ask({ method: "GET", target: "/sd/docs/%2e%2e/secret/s.txt?pwd=1234" })).status).toBe(400);
  });

  it("list several files by their names, and hold nothing else", async () => {
    expect((await create({ id: "two", files: ["/m/home/one.txt", "/m/home/docs"] })).code).toBe(200);
    expect(names(await browse("/@s/two"))).toEqual(["one.txt", "docs"]);
    expect(names(await browse("/@s/two/docs"))).toEqual(["a.txt", "sub"]);
    expect((await browse("/@s/two/secret")).code).toBe(500);
  });

  it("are made only by who may, and only of what he sees", async () => {
    expect((await create({ id: "e", files: ["/m/home/docs"] }, eve)).code).toBe(403);
    expect((await create({ id: "o", files: ["/m/outside"] })).message).toBe(
      "permission denied to share path [/m/outside]",
    );
    expect((await create({ id: "s", files: ["/m/home/secret"] })).code).toBe(403);
    expect((await create({ id: "a b", files: ["/m/home/docs"] })).code).toBe(400);
    expect((await create({ id: "docs", files: ["/m/home/docs"] })).code).toBe(403);
  });

  it("show what their owner may still see, and end with him", async () => {
    const { users } = world.deps.auth;
    const bobNow = { name: "bob", basePath: "/m/home", permission: SHARE, disabled: false };
    await users.update(bobId, { ...bobNow, basePath: "/m/home/secret" });
    expect((await browse("/@s/docs", "1234")).code).toBe(403);
    await users.update(bobId, { ...bobNow, disabled: true });
    expect(await browse("/@s/docs", "1234")).toMatchObject({
      code: 500,
      message: expect.stringContaining("no longer valid"),
    });
    await users.update(bobId, bobNow);
    expect((await browse("/@s/docs", "1234")).code).toBe(200);
  });

  it("are their owner's and the administrator's alone", async () => {
    const { sessions, users } = world.deps.auth;
    bob = await sessions.start((await users.get(bobId))!, "");
    expect((await post("/api/share/list", {}, eve)).data.content).toEqual([]);
    expect((await post("/api/share/delete?id=docs", {}, eve)).code).toBe(404);
    expect((await post("/api/share/list", { page: 1, per_page: 1 }, ADMIN)).data).toMatchObject({
      total: 2,
      content: [{ creator: "bob" }],
    });
    const { data } = await post("/api/share/list", {}, bob);
    expect(data.content.map(({ id, pwd }: { id: string; pwd: string }) => [id, pwd]).sort()).toEqual([
      ["docs", "1234"],
      ["two", ""],
    ]);
  });

  it("end by their date, their number of visits, and their owner's word", async () => {
    await create({ id: "old", files: ["/m/home/one.txt"], expires: "2020-01-02T03:04:05Z" }, ADMIN);
    expect((await browse("/@s/old")).message).toContain("expired");
    await create({ id: "once", files: ["/m/home/one.txt"], max_accessed: 1 }, ADMIN);
    expect((await browse("/@s/once")).code).toBe(200);
    // The same visitor, within half an hour, has come once.
    expect((await browse("/@s/once")).code).toBe(200);
    expect((await world.deps.auth.shares.get("once"))?.accessed).toBe(1);
    await expect(world.deps.auth.shares.open("once", { code: "" }, "192.0.2.7")).rejects.toThrow("no longer valid");
    await post("/api/share/disable?id=two", {}, ADMIN);
    expect((await browse("/@s/two")).code).toBe(500);
    await post("/api/share/enable?id=two", {}, ADMIN);
    expect((await browse("/@s/two")).code).toBe(200);
    await post("/api/share/delete?id=two", {}, ADMIN);
    expect((await browse("/@s/two")).message).toContain("does not exist");
  });

  it("give links that end with the code that they stand for", async () => {
    const { data } = await browse("/@s/docs/a.txt", "1234", "get");
    const { pathname, search } = new URL(data.raw_url);
    await post("/api/share/update", { id: "docs", files: ["/m/home/docs"], pwd: "other" }, ADMIN);
    expect((await world.ask({ method: "GET", target: pathname + search })).status).toBe(401);
    await post("/api/share/update", { id: "docs", files: ["/m/home/docs"], pwd: "1234" }, ADMIN);
    expect((await world.ask({ method: "GET", target: pathname + search })).text).toBe("aaa");
  });

  it("ask whoever guesses codes to wait", async () => {
    const codes = [];
    for (let i = 0; i < 7; i++) codes.push((await browse("/@s/docs", `guess ${i}`)).code);
    expect(codes.slice(0, 5)).toEqual([403, 403, 403, 403, 403]);
    expect(codes.at(-1)).toBe(429);
  });
});
