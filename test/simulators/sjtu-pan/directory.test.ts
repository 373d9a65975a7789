import { describe, expect, it } from "vitest";
import { open } from "./fixture.ts";

const names = (body: { contents: { name: string }[] }) => body.contents.map(({ name }) => name);

describe("a listing (sjtu-pan.md §3.2)", () => {
  it("has the members of the sample (sjtu-pan.md appendix A)", async () => {
    const { client, pan } = await open();
    pan.files.makeDirectory("docs/old");
    pan.files.put("docs/a.txt", "A".repeat(391));
    const { body } = await client.api("GET", "directory/docs", "page=1&page_size=50&order_by=name&order_by_type=asc");
    const time = expect.stringMatching(/^2025-10-11T02:58:00\.000Z$/);
    expect(body).toMatchObject({ path: ["docs"], subDirCount: 1, fileCount: 1, totalNum: 2, localSync: null });
    expect(body.contents).toEqual([
      {
        name: "old",
        type: "dir",
        path: ["docs", "old"],
        userId: "100200",
        creationTime: time,
        modificationTime: time,
        eTag: expect.any(String),
        virusAuditStatus: 0,
        sensitiveWordAuditStatus: 0,
      },
      {
        name: "a.txt",
        type: "file",
        path: ["docs", "a.txt"],
        userId: "100200",
        creationTime: time,
        modificationTime: time,
        contentType: "text/plain",
        size: "391",
        eTag: '"f5fc6449cf022af66d2e62a94af9043f"',
        crc64: "1894463202180837250",
        metaData: {},
        versionId: 1,
        fileType: "text",
        previewByDoc: true,
        previewByCI: true,
        previewAsIcon: false,
        virusAuditStatus: 0,
        sensitiveWordAuditStatus: 0,
      },
    ]);
  });

  it.each([0, 1, 20, 21, 1000, 2501])("of %i entries is complete with both kinds of paging", async (count) => {
    const { client, pan } = await open();
    pan.files.makeDirectory("d");
    const wanted = Array.from({ length: count }, (_, i) => `f${String(i).padStart(5, "0")}`);
    for (const name of wanted) pan.files.put(`d/${name}`);
    const pages: string[] = [];
    for (let page = 1; (page - 1) * 1000 < Math.max(1, count); page++) {
      const { body } = await client.api("GET", "directory/d", `page=${page}&page_size=1000`);
      expect(body.totalNum).toBe(count);
      pages.push(...names(body));
    }
    expect(pages).toEqual(wanted);
    const marked: string[] = [];
    for (let marker: string | undefined, first = true; first || marker !== undefined; first = false) {
      const { body } = await client.api(
        "GET",
        "directory/d",
        marker === undefined ? "limit=700" : `limit=700&marker=${marker}`,
      );
      marked.push(...names(body));
      marker = body.nextMarker;
    }
    expect(marked).toEqual(wanted);
  });

  it("has 20 entries a page by default and an empty one past the end (sjtu-pan.md §11)", async () => {
    const { client, pan } = await open();
    for (let i = 0; i < 21; i++) pan.files.put(`f${i}`);
    expect((await client.api("GET", "directory/")).body.contents).toHaveLength(20);
    expect((await client.api("GET", "directory/", "page=3")).body.contents).toEqual([]);
  });

  it("puts directories first, then orders by code point, by size or time, or mixed", async () => {
    const { client, pan } = await open();
    pan.files.put("b", "12345");
    pan.files.put("\u{ff5e}", "1");
    pan.files.put("😀", "123");
    pan.files.makeDirectory("z");
    const order = async (query: string) => names((await client.api("GET", "directory/", query)).body);
    expect(await order("")).toEqual(["z", "b", "\u{ff5e}", "😀"]);
    expect(await order("order_by=size&order_by_type=desc")).toEqual(["z", "b", "😀", "\u{ff5e}"]);
    expect(await order("order_by=name&sort_type=union")).toEqual(["b", "z", "\u{ff5e}", "😀"]);
    expect(await order("filter=onlyDir")).toEqual(["z"]);
    expect(await order("filter=onlyFile&order_by_type=desc")).toEqual(["😀", "\u{ff5e}", "b"]);
    expect((await client.api("GET", "directory/", "order_by=colour")).body.code).toBe("OrderByNotAllowed");
    expect((await client.api("GET", "directory/", "order_by_type=up")).body.code).toBe("OrderByTypeNotAllowed");
  });

  it("answers 304 to its own eTag until something changes", async () => {
    const { client, pan } = await open();
    const { eTag } = (await client.api("GET", "directory/")).body;
    const again = () => client.api("GET", "directory/", "", { headers: { "if-none-match": eTag } });
    expect((await again()).status).toBe(304);
    pan.files.put("new");
    expect((await again()).status).toBe(200);
  });

  it("of what is missing, or of a file, is 404 DirectoryNotFound", async () => {
    const { client, pan } = await open();
    pan.files.put("a.txt");
    for (const path of ["directory/nowhere", "directory/a.txt"]) {
      expect((await client.api("GET", path)).body).toMatchObject({ status: 404, code: "DirectoryNotFound" });
    }
  });

  it("of the root has an empty path, or a blank one; sizes can be numbers (sjtu-pan.md §11)", async () => {
    const { client, pan } = await open();
    pan.files.put("a", "1");
    expect((await client.api("GET", "directory/")).body.path).toEqual([]);
    Object.assign(pan.knobs, { blankRootPath: true, numericSizes: true });
    const { body } = await client.api("GET", "directory/");
    expect([body.path, body.contents[0].size]).toEqual([[""], 1]);
  });

  it("takes paths with doubled and trailing slashes (sjtu-pan.md §7)", async () => {
    const { client, pan } = await open();
    pan.files.put("docs/sub/a");
    const { library, space, accessToken } = client;
    const at = (path: string) =>
      client.send("pan", "GET", `/api/v1/directory/${library}/${space}${path}?access_token=${accessToken}`);
    expect((await at("//docs/sub")).body.path).toEqual(["docs", "sub"]);
    expect((await at("/docs/sub/")).body.path).toEqual(["docs", "sub"]);
    expect((await at("")).body.path).toEqual([]);
  });
});

describe("stat (sjtu-pan.md §3.3)", () => {
  it("tells file, directory and root, and nothing of what is missing", async () => {
    const { client, pan } = await open();
    pan.files.put("d/名 #?%+&=.txt", "hello world");
    const file = (await client.api("GET", "directory/d/名 #?%+&=.txt", "info")).body;
    expect(file).toMatchObject({ type: "file", size: "11", crc64: "5981764153023615706", historySize: "0" });
    expect("hash" in file || "checksum" in file).toBe(false);
    const directory = (await client.api("GET", "directory/d", "info=")).body;
    expect([directory.type, directory.name, "size" in directory]).toEqual(["dir", "d", false]);
    expect((await client.api("GET", "directory/", "info=null")).body.type).toBe("dir");
    expect((await client.api("GET", "directory/nowhere", "info")).body).toMatchObject({
      status: 404,
      code: "PathNotFound",
    });
  });

  it("of a file by its own call has an address of the store and neither name nor path", async () => {
    const { client, pan, clock } = await open();
    pan.files.put("a.txt", "hello world");
    const { body } = await client.api("GET", "file/a.txt", "info&content_disposition=attachment");
    expect(body).toMatchObject({ size: "11", type: "file" });
    expect(["name" in body, "path" in body]).toEqual([false, false]);
    expect(Date.parse(body.cosUrlExpiration) - clock.now()).toBe(7_200_000);
    const got = await client.follow(body.cosUrl);
    expect([got.text, got.headers["content-disposition"]]).toEqual([
      "hello world",
      "attachment; filename*=UTF-8''a.txt",
    ]);
  });

  it("by HEAD has its answer in headers", async () => {
    const { client, pan } = await open();
    pan.files.put("d/a.txt", "hello world");
    const { status, headers } = await client.api("HEAD", "file/d/a.txt");
    expect(status).toBe(200);
    expect(headers).toMatchObject({ "x-smh-type": "file", "x-smh-size": "11", "x-smh-crc64": "5981764153023615706" });
    expect((await client.api("HEAD", "directory/d")).headers["x-smh-type"]).toBe("dir");
    expect((await client.api("HEAD", "file/nowhere")).status).toBe(404);
  });
});

describe("creating a directory (sjtu-pan.md §3.4)", () => {
  it("makes parents, and says 201 with path and time", async () => {
    const { client, pan } = await open();
    const { status, body } = await client.api("PUT", "directory/a/b/c", "conflict_resolution_strategy=ask");
    expect([status, body.path]).toEqual([201, ["a", "b", "c"]]);
    expect(body.creationTime).toBe("2025-10-11T02:58:00.000Z");
    expect(pan.files.tree()).toEqual({ "a/": null, "a/b/": null, "a/b/c/": null });
  });

  it("makes no parents and has no body where the knobs say so", async () => {
    const { client } = await open({ knobs: { mkdirParents: false, emptyMkdirBody: true } });
    expect((await client.api("PUT", "directory/a/b")).body).toMatchObject({ status: 404, code: "DirectoryNotFound" });
    const made = await client.api("PUT", "directory/a");
    expect([made.status, made.text]).toEqual([201, ""]);
  });

  it("of what exists is 409, also below a file; with rename it is made beside; the root is refused", async () => {
    const { client, pan } = await open();
    pan.files.makeDirectory("a");
    pan.files.put("f");
    for (const path of ["a", "f", "f/g"]) {
      const { body } = await client.api("PUT", `directory/${path}`, "conflict_resolution_strategy=ask");
      expect(body).toMatchObject({ status: 409, code: "SameNameDirectoryOrFileExists" });
    }
    const beside = await client.api("PUT", "directory/a", "conflict_resolution_strategy=rename");
    expect([beside.status, beside.body.path]).toEqual([201, ["a (1)"]]);
    expect((await client.api("PUT", "directory/")).body.code).toBe("RootDirectoryNotAllowed");
    expect(pan.files.tree()).toEqual({ "a (1)/": null, "a/": null, f: 0 });
  });

  it("refuses names by their characters and lengths (sjtu-pan.md §7, §12.3)", async () => {
    const { client, pan } = await open();
    const codeOf = async (name: string) => (await client.api("PUT", `directory/${name}`)).body.code;
    for (const name of ["a:b", "a*", "a\\b", "tab\t", "del\u007f", 'q"', "x|y", "<", "what?"]) {
      expect(await codeOf(name)).toBe("DirectoryNameNotAvailable");
    }
    expect(await codeOf("名".repeat(256))).toBe("DirectoryNameLengthExceed");
    expect(await codeOf("😀".repeat(255))).toBeUndefined();
    expect(await codeOf(Array.from({ length: 101 }, () => "d").join("/"))).toBe("DirectoryLevelExceed");
    pan.knobs.lenientNames = true;
    expect(await codeOf("a:b")).toBeUndefined();
    expect(pan.files.exists("a:b")).toBe(true);
  });

  it("tells cases apart, or not", async () => {
    const { client } = await open();
    await client.api("PUT", "directory/Docs");
    expect((await client.api("PUT", "directory/docs")).status).toBe(201);
    const other = await open({ knobs: { caseInsensitive: true } });
    await other.client.api("PUT", "directory/Docs");
    expect((await other.client.api("PUT", "directory/docs")).status).toBe(409);
  });
});
