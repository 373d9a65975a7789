/** Searching names through the API: what is found, and what nobody may find (alist-api.md §6). */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Api, openApi } from "./world.ts";

const SEED = {
  "hello.txt": "hello",
  课程: { "线性代数 第1讲.pdf": "a", "线性代数 第2讲.pdf": "bb", 习题: { "线性代数 习题.txt": "c" } },
  docs: { "report hello.txt": "x", secret: { "report secret.txt": "s" }, sub: { "report deep.txt": "d" } },
  outside: { "report outside.txt": "o" },
  many: Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`many ${String(i).padStart(2, "0")}.txt`, ""])),
};

describe("/api/fs/search", () => {
  let api: Api;
  beforeEach(async () => {
    api = await openApi({ seed: SEED });
    for (const path of ["", "/课程", "/课程/习题", "/docs", "/docs/secret", "/docs/sub", "/outside", "/many"]) {
      expect((await api.post("/api/fs/list", { path: `/local${path}` })).code).toBe(200);
    }
  });
  afterEach(() => api.close());

  const search = (keywords: string, more: object = {}, o: { token?: string | null } = {}) =>
    api.post("/api/fs/search", { parent: "/", keywords, scope: 0, page: 1, per_page: 100, password: "", ...more }, o);
  const paths = async (...asked: Parameters<typeof search>) => {
    const reply = await search(...asked);
    expect([reply.code, reply.message]).toEqual([200, "success"]);
    expect(reply.data.total).toBe(reply.data.content.length);
    return (reply.data.content as { parent: string; name: string }[])
      .map(({ parent, name }) => `${parent === "/" ? "" : parent}/${name}`)
      .sort();
  };
  const meta = (more: object) => api.post("/api/admin/meta/create", { password: "", hide: "", ...more });

  it("answers a page of parent, name, is_dir, size and type", async () => {
    expect((await search("线性 讲")).data).toEqual({
      content: [
        { parent: "/local/课程", name: "线性代数 第1讲.pdf", is_dir: false, size: 1, type: 0 },
        { parent: "/local/课程", name: "线性代数 第2讲.pdf", is_dir: false, size: 2, type: 0 },
      ],
      total: 2,
    });
    expect((await search("hello")).data.content[0]).toMatchObject({ type: 4 });
    const folder = { parent: "/local", name: "docs", is_dir: true, size: 0, type: 1 };
    expect((await search("docs")).data.content).toEqual([folder]);
  });

  it("finds mount points too, and everything where nothing is said", async () => {
    expect(await paths("local")).toEqual(["/local"]);
    expect((await search("")).data.total).toBe(41);
  });

  it("looks below the parent alone, at folders or files alone where the scope says so", async () => {
    expect(await paths("线性", { parent: "/local/课程/习题" })).toEqual(["/local/课程/习题/线性代数 习题.txt"]);
    expect(await paths("习题", { scope: 1 })).toEqual(["/local/课程/习题"]);
    expect(await paths("习题", { scope: 2 })).toEqual(["/local/课程/习题/线性代数 习题.txt"]);
    expect(await paths("hello", { parent: "/none" })).toEqual([]);
  });

  it("gives each hit on one page and the total of all", async () => {
    const names = new Set<string>();
    for (const page of [1, 2, 3, 4]) {
      const { data } = await search("many", { parent: "/local/many", page, per_page: 8 });
      expect(data.total).toBe(25);
      expect(data.content.length).toBe(page === 4 ? 1 : 8);
      for (const { name } of data.content) names.add(name);
    }
    expect(names.size).toBe(25);
    expect((await search("many", { page: 9, per_page: 8 })).data).toMatchObject({ content: [], total: 26 });
  });

  it("refuses page 0 and none at all", async () => {
    expect(await search("a", { page: 0 })).toMatchObject({ code: 400, message: "page can't < 1" });
    expect(await search("a", { page: undefined, per_page: undefined })).toMatchObject({ code: 400 });
  });

  it("shows nobody a name outside his base path, not even in the total", async () => {
    const alice = await api.addUser("alice", { basePath: "/local/docs" });
    const seen = [
      "/local/docs/report hello.txt",
      "/local/docs/secret/report secret.txt",
      "/local/docs/sub/report deep.txt",
    ];
    expect(await paths("report", {}, { token: alice })).toEqual(seen);
    expect(await paths("report", { parent: "/../outside" }, { token: alice }).catch(() => [])).toEqual([]);
    expect(await paths("local", {}, { token: alice })).toEqual([]);
    expect((await search("", {}, { token: alice })).data.total).toBe(5);
  });

  it("shows no hidden names and nothing below them, not even in the total; the administrator sees them", async () => {
    await meta({ path: "/local/docs", hide: "^secret$", h_sub: true });
    const bob = await api.addUser("bob", {});
    expect(await paths("secret", {}, { token: bob })).toEqual([]);
    expect(await paths("report", { parent: "/local/docs" }, { token: bob })).toHaveLength(2);
    expect(await paths("secret")).toHaveLength(2);
  });

  it("opens by a password the folder alone that is asked about, and counts no guesses at others", async () => {
    await meta({ path: "/local/docs/secret", password: "open", p_sub: true });
    await meta({ path: "/local/课程", password: "other", p_sub: true });
    const bob = await api.addUser("bob", {});
    const at = { parent: "/local/docs/secret" };
    expect(await paths("report", { password: "open" }, { token: bob })).toHaveLength(3);
    expect((await search("report", at, { token: bob })).code).toBe(403);
    expect((await search("report", { ...at, password: "wrong" }, { token: bob })).code).toBe(403);
    expect(await paths("report", { ...at, password: "open" }, { token: bob })).toHaveLength(1);
    for (let i = 0; i < 30; i++) await search("线性", { password: "open" }, { token: bob });
    const course = { parent: "/local/课程", password: "other" };
    expect(await paths("线性", course, { token: bob })).toHaveLength(3);
  });

  it("leaves out what the setting ignore_paths names, with all below it", async () => {
    await api.post("/api/admin/setting/save", [{ key: "ignore_paths", value: "/local/docs\n\n/local/none" }]);
    expect(await paths("report")).toEqual(["/local/outside/report outside.txt"]);
  });

  it("knows of renames, moves and removals at once", async () => {
    await api.post("/api/fs/rename", { path: "/local/hello.txt", name: "你好.txt" });
    await api.post("/api/fs/move", { src_dir: "/local", dst_dir: "/local/outside", names: ["docs"] });
    await api.post("/api/fs/remove", { dir: "/local", names: ["课程"] });
    expect(await paths("hello")).toEqual(["/local/outside/docs/report hello.txt"]);
    expect(await paths("你好")).toEqual(["/local/你好.txt"]);
    expect(await paths("线性")).toEqual([]);
  });

  it("is not available while search_index is none (alist-api.md §12.6)", async () => {
    await api.post("/api/admin/setting/save", [{ key: "search_index", value: "none" }]);
    expect(await search("hello")).toMatchObject({ status: 200, code: 404, message: "search not available" });
    await api.post("/api/admin/setting/save", [{ key: "search_index", value: "database" }]);
    expect((await search("hello")).code).toBe(200);
  });

  it("finds nothing that a mount point hides", async () => {
    await api.post("/api/admin/storage/create", { mount_path: "/local/docs", driver: "Memory", addition: "{}" });
    expect(await paths("report")).toEqual(["/local/outside/report outside.txt"]);
  });
});
