import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { type Api, CLIENT_ID, openApi } from "./world.ts";

const namesOf = (reply: { data: { content: { name: string }[] } }) => reply.data.content.map(({ name }) => name);

describe("looking around", () => {
  let api: Api;
  let alice: string;
  beforeAll(async () => {
    api = await openApi();
    alice = await api.addUser("alice", { basePath: "/local/films" });
  });
  afterAll(() => api.close());

  const list = (body: object, headers = {}) => api.post("/api/fs/list", body, { headers });

  it("lists the mounts at the root and a storage's files below", async () => {
    const root = await list({ path: "/" });
    expect(namesOf(root)).toEqual(["local"]);
    expect(root.data).toMatchObject({ provider: "unknown", write: false, total: 1 });
    const { data } = await list({ path: "/local" });
    expect(data).toMatchObject({ provider: "Memory", write: true, total: 5 });
    const hello = data.content.find(({ name }: { name: string }) => name === "hello.txt");
    expect(hello).toMatchObject({
      id: "",
      path: "",
      virtual_path: "/local/hello.txt",
      size: 12,
      is_dir: false,
      type: 4,
    });
    expect(hello.hash_info).toEqual({ sha1: "22596363b3de40b06f981fb85d82312e8c0ed511" });
    expect(JSON.parse(hello.hashinfo)).toEqual(hello.hash_info);
    api.deps.auth.signatures.check("/local/hello.txt", hello.sign);
  });

  it.each([
    ["per_page 0", { page: 1, per_page: 0 }, {}, 7],
    ["nothing", {}, {}, 7],
    ["-1", { page: 3, per_page: -1 }, {}, 7],
    ["-1 with a Client-Id", { per_page: -1 }, CLIENT_ID, 7],
    ["page 2 of 3 each", { page: 2, per_page: 3 }, {}, 3],
    ["the last page", { page: 3, per_page: 3 }, {}, 1],
    ["a page past the end", { page: 4, per_page: 3 }, {}, 0],
    ["page 0, which is the first", { page: 0, per_page: 3 }, {}, 3],
    ["text where a number is meant", { page: "2", per_page: "3" }, {}, 3],
  ])("pages a listing: %s (alist-api.md §1, 6.1)", async (_, asked, headers, count) => {
    const { data } = await list({ path: "/local/pages", ...asked }, headers);
    expect([data.content.length, data.total]).toEqual([count, 7]);
  });

  it("says where a page stands in the listing (alist-api.md §6.1)", async () => {
    const page = (n: number) => list({ path: "/local/pages", page: n, per_page: 3 }, CLIENT_ID);
    expect((await page(1)).data).toMatchObject({
      page: 1,
      per_page: 3,
      has_more: true,
      pages_total: 3,
      filtered_total: 7,
    });
    expect((await page(3)).data).toMatchObject({ page: 3, has_more: false });
    expect(namesOf(await page(2))).toEqual(["f4.txt", "f5.txt", "f6.txt"]);
  });

  it.each([
    ["GET with a query", {}, "/api/fs/list?path=/local/pages&page=1&per_page=2&Refresh=true"],
    [
      "a form",
      {
        method: "POST",
        body: "path=%2Flocal%2Fpages&page=1&per_page=2",
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
      },
      "/api/fs/list",
    ],
  ])("takes %s (alist-api.md §2)", async (_, init, path) => {
    expect(namesOf(await api.ask(path, init as RequestInit))).toEqual(["f1.txt", "f2.txt"]);
  });

  it.each(["/local/pages/", "local/pages", "\\local\\pages", "//local//pages"])(
    "takes the path %s (alist-api.md §4.8)",
    async (path) => {
      expect((await list({ path })).data.total).toBe(7);
    },
  );

  it.each(["/local/../docs", "../docs", "/local/.."])("refuses the path %s (alist-api.md §4.8)", async (path) => {
    expect(await list({ path })).toMatchObject({ code: 403, message: "access using relative path is not allowed" });
  });

  it.each([
    ["/local/none", /object not found$/],
    ["/nomount", /storage not found/],
    ["/nomount/x", /storage not found/],
    ["/local/hello.txt", /not a folder$/],
  ])("fails for %s in words that clients look for (alist-api.md §3)", async (path, message) => {
    const reply = await list({ path });
    expect([reply.code, reply.data]).toEqual([500, null]);
    expect(reply.message).toMatch(message);
  });

  it("refuses a wrong type with code 400, naming the field", async () => {
    expect(await list({ path: "/", page: "x" })).toMatchObject({ code: 400, message: expect.stringContaining("page") });
  });

  it("shows one file with a signed link and its companions (alist-api.md §6.2)", async () => {
    const { data } = await api.post("/api/fs/get", { path: "/local/films/a.mkv" });
    expect(data).toMatchObject({ name: "a.mkv", size: 4, type: 2, is_dir: false, provider: "Memory" });
    expect(data.related.map(({ name }: { name: string }) => name).sort()).toEqual(["a.jpg", "a.srt"]);
    const url = new URL(data.raw_url);
    expect([url.origin, url.pathname]).toEqual(["http://localhost", "/p/local/films/a.mkv"]);
    api.deps.auth.signatures.check("/local/films/a.mkv", url.searchParams.get("sign") ?? "");
  });

  it("escapes names in links, and signs the path as it is (alist-api.md §8.2)", async () => {
    const path = "/local/中文 目录/第1讲 & <b>.pdf";
    const { data } = await api.post(
      "/api/fs/get",
      { path },
      // Whoever is no trusted proxy is not believed.
      { headers: { "X-Forwarded-Proto": "https", "X-Forwarded-Host": "dav.example" } },
    );
    expect(data.raw_url).toBe(
      `http://localhost/p/local/%E4%B8%AD%E6%96%87%20%E7%9B%AE%E5%BD%95/%E7%AC%AC1%E8%AE%B2%20%26%20%3Cb%3E.pdf?sign=${data.sign}`,
    );
  });

  it("gives folders no link, and type 0 (alist-api.md §5.1, 6.2)", async () => {
    expect((await api.post("/api/fs/get", { path: "/local/films" })).data).toMatchObject({
      is_dir: true,
      type: 0,
      sign: "",
      raw_url: "",
    });
    expect((await api.post("/api/fs/get", { path: "/" })).data).toMatchObject({
      name: "root",
      is_dir: true,
      provider: "unknown",
    });
  });

  it("lists directories only in /fs/dirs", async () => {
    const { data } = await api.post("/api/fs/dirs", { path: "/local" });
    expect(data.map(({ name }: { name: string }) => name).sort()).toEqual(["empty", "films", "pages", "中文 目录"]);
  });

  it("keeps a user inside the base path, on every route (alist-api.md §4.8)", async () => {
    const mine = await api.post("/api/fs/list", { path: "/" }, { token: alice });
    expect(namesOf(mine)).toEqual(["a.jpg", "a.mkv", "a.srt", "b.mkv"]);
    expect(mine.data.write).toBe(false);
    for (const path of ["/../pages", "/local/pages"]) {
      for (const route of ["list", "get", "dirs"]) {
        expect((await api.post(`/api/fs/${route}`, { path }, { token: alice })).code).not.toBe(200);
      }
    }
    expect((await api.post("/api/fs/dirs", { path: "/", force_root: true }, { token: alice })).code).toBe(403);
    expect((await api.get("/api/pandav/fs/stat?path=/a.mkv", { token: alice })).data).toMatchObject({
      path: "/a.mkv",
      mountPath: "/",
    });
  });

  it("asks a user without bit 3 not to refresh (alist-api.md §6)", async () => {
    expect(await api.post("/api/fs/list", { path: "/", refresh: true }, { token: alice })).toMatchObject({
      code: 403,
      message: "Refresh without permission",
    });
    expect((await list({ path: "/local/films", refresh: true })).code).toBe(200);
  });

  it("tells all that is known of one path to our own clients", async () => {
    const { data } = await api.get("/api/pandav/fs/stat?path=/local/hello.txt");
    expect(data).toMatchObject({
      path: "/local/hello.txt",
      kind: "file",
      size: 12,
      mountPath: "/local",
      pending: false,
    });
    const missing = await api.get("/api/pandav/fs/stat?path=/local/none");
    expect([missing.code, missing.data]).toEqual([500, { kind: "not-found" }]);
  });
});

describe("listings that fail or are old", () => {
  it("asks for a storage where there is none (alist-api.md §3)", async () => {
    const api = await openApi({ mount: false });
    try {
      expect(await api.post("/api/fs/list", { path: "/" })).toMatchObject({
        code: 500,
        message: expect.stringContaining("please add a storage first"),
      });
    } finally {
      await api.close();
    }
  });

  it.each([
    ["unauthenticated", undefined],
    ["rate-limited", "7"],
    ["blocked", "7"],
  ] as const)("never shows a storage's %s as an empty folder or as the visitor's own 401", async (kind, retryAfter) => {
    const api = await openApi({ drivers: [failingDriver(kind)], mount: false });
    try {
      await api.post("/api/admin/storage/create", { mount_path: "/broken", driver: "failing" });
      const reply = await api.post("/api/fs/list", { path: "/broken" });
      expect([reply.status, reply.code, reply.data, reply.kind]).toEqual([200, 500, null, kind]);
      if (retryAfter) expect(reply.headers.get("retry-after")).toBe(retryAfter);
      expect(reply.message).not.toMatch(/object not found|secret/);
    } finally {
      await api.close();
    }
  });

  it("marks an old listing with a header and a field", async () => {
    const api = await openApi();
    try {
      const { vfs } = api.deps;
      const whole = await vfs.list("/local/pages", { signal: AbortSignal.timeout(5000) });
      const list = vfs.list;
      vfs.list = async () => ({ ...whole, pages: () => whole.pages(), staleSeconds: 12.4 });
      const reply = await api.post("/api/fs/list", { path: "/local/pages" });
      vfs.list = list;
      expect([reply.headers.get("pandav-stale"), reply.data.pandav_stale_seconds]).toEqual(["12", 12.4]);
      expect((await api.post("/api/fs/list", { path: "/local/pages" })).headers.get("pandav-stale")).toBeNull();
    } finally {
      await api.close();
    }
  });

  it("fails whole when a listing breaks after its first page", async () => {
    const api = await openApi();
    try {
      const { vfs } = api.deps;
      const whole = await vfs.list("/local/pages", { signal: AbortSignal.timeout(5000) });
      const { entries, ...paged } = whole;
      vfs.list = async () => ({
        ...paged,
        async *pages() {
          yield entries ?? [];
          throw new StorageError("incomplete", "page 2 broke off");
        },
      });
      expect(await api.post("/api/fs/list", { path: "/local/pages" })).toMatchObject({
        code: 500,
        data: null,
        kind: "incomplete",
      });
    } finally {
      await api.close();
    }
  });
});

function failingDriver(kind: StorageError["kind"]) {
  const driver = createMemoryDriver({ id: "failing" });
  return {
    ...driver,
    open: async (...args: Parameters<typeof driver.open>) => ({
      ...(await driver.open(...args)),
      // biome-ignore lint/correctness/useYield: it fails at once
      async *list() {
        throw new StorageError(kind, "the service said https://user:secret@example.com/x?token=secret", {
          retryAfterMs: 6500,
        });
      },
    }),
  };
}

describe("changing files", () => {
  let api: Api;
  beforeEach(async () => {
    api = await openApi();
  });
  afterEach(() => api.close());

  const post = (route: string, body: object, o = {}) => api.post(`/api/fs/${route}`, body, o);
  const names = async (path: string) => namesOf(await post("list", { path }));

  it("makes directories with their parents, and is content with one that is there (alist-api.md §6)", async () => {
    expect((await post("mkdir", { path: "/local/new/a/b" })).code).toBe(200);
    expect((await post("mkdir", { path: "/local/new/a/b" })).code).toBe(200);
    expect(await names("/local/new/a")).toEqual(["b"]);
    expect(await post("mkdir", { path: "/local/hello.txt" })).toMatchObject({ code: 500, message: "file exists" });
    expect(await post("mkdir", { path: "/nomount/x" })).toMatchObject({
      message: expect.not.stringMatching(/^success$/),
    });
  });

  it("renames, and replaces only when asked (alist-api.md §6)", async () => {
    expect((await post("rename", { path: "/local/pages/f1.txt", name: "g.txt" })).code).toBe(200);
    expect(await post("rename", { path: "/local/pages/f2.txt", name: "g.txt" })).toMatchObject({
      code: 403,
      message: "file [g.txt] exists",
    });
    expect((await post("rename", { path: "/local/pages/f2.txt", name: "g.txt", overwrite: true })).code).toBe(200);
    expect((await post("rename", { path: "/local/pages/g.txt", name: "g.txt" })).code).toBe(200);
    expect(await names("/local/pages")).toEqual(["f3.txt", "f4.txt", "f5.txt", "f6.txt", "f7.txt", "g.txt"]);
    expect(await post("rename", { path: "/local/pages/none", name: "z" })).toMatchObject({
      code: 500,
      message: expect.stringMatching(/object not found$/),
    });
    expect((await post("rename", { path: "/local/pages/g.txt", name: "a..b.txt" })).code).toBe(200);
  });

  it.each(["", "a/b", "..", ".", "a\\b", "a\0"])("refuses the name %j (alist-api.md §4.8)", async (name) => {
    expect(await post("rename", { path: "/local/hello.txt", name })).toMatchObject({
      code: 400,
      message: expect.stringContaining("invalid file name"),
    });
    expect((await post("remove", { dir: "/local", names: [name] })).code).toBe(400);
    expect((await post("copy", { src_dir: "/local", dst_dir: "/local/empty", names: [name] })).code).toBe(400);
  });

  it("moves and copies names of one directory into another", async () => {
    const to = { src_dir: "/local/pages", dst_dir: "/local/empty" };
    expect((await post("move", { ...to, names: ["f1.txt", "f2.txt"] })).code).toBe(200);
    expect((await post("copy", { ...to, names: ["f3.txt"] })).data).toMatchObject({ tasks: [] });
    expect(await names("/local/empty")).toEqual(["f1.txt", "f2.txt", "f3.txt"]);
    expect(await post("copy", { ...to, names: ["f3.txt"] })).toMatchObject({
      code: 403,
      message: "file [f3.txt] exists",
    });
    expect((await post("copy", { ...to, names: ["f3.txt"], skip_existing: true })).code).toBe(200);
    expect((await post("copy", { ...to, names: ["f3.txt"], overwrite: true })).code).toBe(200);
    expect(await post("move", { ...to, names: ["none"] })).toMatchObject({
      code: 500,
      message: expect.stringMatching(/object not found$/),
    });
    expect(await post("move", { ...to, names: [] })).toMatchObject({ code: 400, message: "Empty file names" });
  });

  it("says 423 where somebody else's lock stands against the change, and does nothing (alist-api.md §3)", async () => {
    const holder = { userId: 99, tokens: "own" as const };
    const request = { scope: "exclusive", depth: "0", owner: "", timeoutMs: 60_000 } as const;
    const o = { signal: AbortSignal.timeout(5000), holder };
    const path = "/local/pages/f1.txt";
    const { token } = await api.deps.vfs.locks.lock(path, request, o);
    const reply = await api.post("/api/fs/rename", { path, name: "other.txt" });
    expect([reply.status, reply.code, reply.kind]).toEqual([200, 423, "locked"]);
    expect((await api.post("/api/fs/get", { path })).code).toBe(200);
    await api.deps.vfs.locks.unlock(path, token, o);
  });

  it("removes, and is content with what is gone (alist-api.md §6)", async () => {
    expect((await post("remove", { dir: "/local/pages", names: ["f1.txt", "none", "f2.txt"] })).code).toBe(200);
    expect(await names("/local/pages")).toEqual(["f3.txt", "f4.txt", "f5.txt", "f6.txt", "f7.txt"]);
    expect((await post("remove", { dir: "/local/none", names: ["x"] })).code).toBe(200);
    expect((await post("remove", { dir: "/", names: ["local"] })).code).not.toBe(200);
    expect(namesOf(await post("list", { path: "/" }))).toEqual(["local"]);
  });

  it("asks for the bits, on the target of a copy too (alist-api.md §4.7, 21)", async () => {
    const read = { token: await api.addUser("reader", {}) };
    const copier = { token: await api.addUser("copier", { permission: 64 }) };
    const to = { src_dir: "/local", dst_dir: "/local/empty", names: ["hello.txt"] };
    const denied = { code: 403, message: "permission denied" };
    expect(await post("mkdir", { path: "/local/x" }, read)).toMatchObject(denied);
    expect(await post("rename", { path: "/local/hello.txt", name: "x" }, read)).toMatchObject(denied);
    expect(await post("remove", { dir: "/local", names: ["hello.txt"] }, read)).toMatchObject(denied);
    expect(await post("move", to, read)).toMatchObject(denied);
    expect(await post("copy", to, read)).toMatchObject(denied);
    expect(await post("copy", to, copier)).toMatchObject(denied);
    expect(await names("/local/empty")).toEqual([]);
  });
});
