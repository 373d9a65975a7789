import { describe, expect, it } from "vitest";
import { expectViolations, open } from "./fixture.ts";

const ASK = "conflict_resolution_strategy=ask";
const RENAME = "conflict_resolution_strategy=rename";
const OVERWRITE = "conflict_resolution_strategy=overwrite";

describe("move and rename (sjtu-pan.md §3.5)", () => {
  it("of a file answers 200 with its path, leading slash or not", async () => {
    const { client, pan } = await open();
    pan.files.put("a.txt", "x");
    pan.files.makeDirectory("d");
    const moved = await client.api("PUT", "file/d/b.txt", ASK, { json: { from: "/a.txt" } });
    expect([moved.status, moved.body]).toEqual([200, { path: ["d", "b.txt"] }]);
    expect(pan.files.tree()).toEqual({ "d/": null, "d/b.txt": 1 });
  });

  it("of a directory answers 204, or 200 with the new path where it was renamed", async () => {
    const { client, pan } = await open();
    pan.files.put("one/f", "x");
    pan.files.makeDirectory("two");
    expect(
      (await client.api("PUT", "directory/three", `${ASK}&move_authority=true`, { json: { from: "one" } })).status,
    ).toBe(204);
    const renamed = await client.api("PUT", "directory/two", RENAME, { json: { from: "three" } });
    expect([renamed.status, renamed.body]).toEqual([200, { path: ["two (1)"] }]);
    expect(pan.files.tree()).toEqual({ "two (1)/": null, "two (1)/f": 1, "two/": null });
  });

  it.each([
    [ASK, 409, { a: 1, b: 2 }],
    [RENAME, 200, { b: 2, "b (1)": 1 }],
    [OVERWRITE, 200, { b: 1 }],
    ["", 200, { b: 2, "b (1)": 1 }],
  ])("of a file onto another with %s (sjtu-pan.md §3.1)", async (query, status, tree) => {
    const { client, pan } = await open();
    pan.files.put("a", "1");
    pan.files.put("b", "22");
    expect((await client.api("PUT", "file/b", query, { json: { from: "a" } })).status).toBe(status);
    expect(pan.files.tree()).toEqual(tree);
  });

  it("refuses what cannot be", async () => {
    const { client, pan } = await open();
    pan.files.put("d/f", "x");
    pan.files.makeDirectory("e");
    const code = async (place: string, from: string, query = "") =>
      (await client.api("PUT", place, query, { json: { from } })).body.code;
    expect(await code("file/x", "nowhere")).toBe("SourceFileNotFound");
    expect(await code("file/x", "d")).toBe("SourceFileNotFound");
    expect(await code("directory/x", "d/f")).toBe("SourceDirectoryNotFound");
    expect(await code("directory/d/sub", "d")).toBe("SourceDirectoryIsParentOfDestination");
    expect(await code("directory/e", "d")).toBe("SameNameDirectoryOrFileExists");
    expect(await code("file/nowhere/x", "d/f")).toBe("DirectoryNotFound");
    expect(await code("file/e", "d/f", OVERWRITE)).toBe("SameNameDirectoryOrFileExists");
    expect(await code("directory/e", "d", OVERWRITE)).toBe("InvalidConflictResolutionStrategy");
    expectViolations(pan, "query");
    expect((await client.api("PUT", "file/d/f", "", { json: { from: "d/f" } })).status).toBe(200);
    expectViolations(pan, "protocol");
    expect(pan.files.tree()).toEqual({ "d/": null, "d/f": 1, "e/": null });
  });
});

describe("copy (sjtu-pan.md §3.5, §3.7)", () => {
  it("of a file is done at once, with bytes of its own", async () => {
    const { client, pan } = await open();
    pan.files.put("a", "abc");
    const copied = await client.api("PUT", "file/a", RENAME, { json: { copyFrom: "a" } });
    expect([copied.status, copied.body]).toEqual([200, { path: ["a (1)"] }]);
    await client.api("DELETE", "file/a", "permanent=1");
    expect((await client.follow(await client.link("a (1)"))).text).toBe("abc");
  });

  it("of a directory is a task that is done after time and polls, not before", async () => {
    const { client, pan, clock } = await open({ knobs: { taskDelayMs: 5000, taskPolls: 1 } });
    pan.files.put("a/f", "abc");
    const { status, body } = await client.api("PUT", "directory/b", ASK, { json: { copyFrom: "a" } });
    expect(status).toBe(202);
    const poll = async () => (await client.api("GET", `task/${body.taskId}`)).body;
    expect(await poll()).toEqual([{ taskId: body.taskId, status: 202 }]);
    expect(await poll()).toEqual([{ taskId: body.taskId, status: 202 }]);
    expect([pan.files.exists("b"), pan.pending().tasks]).toEqual([false, 1]);
    clock.advance(5000);
    expect(await poll()).toEqual([{ taskId: body.taskId, status: 200, result: { path: ["b"] } }]);
    expect(pan.files.tree("b")).toEqual({ f: 3 });
  });

  it("of a directory may fail in its task, and at once where the target exists", async () => {
    const { client, pan } = await open({ knobs: { taskPolls: 0 } });
    pan.files.put("a/f", "abc");
    const { body } = await client.api("PUT", "directory/b", ASK, { json: { copyFrom: "a" } });
    pan.files.makeDirectory("b");
    expect((await client.api("GET", `task/${body.taskId}`)).body[0]).toMatchObject({
      status: 409,
      code: "SameNameDirectoryOrFileExists",
    });
    expect((await client.api("PUT", "directory/b", ASK, { json: { copyFrom: "a" } })).status).toBe(409);
  });

  it("needs room", async () => {
    const { client, pan } = await open({ accounts: [{ capacity: 5 }] });
    pan.files.put("a", "abc");
    expect((await client.api("PUT", "file/b", "", { json: { copyFrom: "a" } })).body.code).toBe("QuotaLimitReached");
  });
});

describe("a batch (sjtu-pan.md §3.7, §12.6)", () => {
  it("of moves tells each row, files and directories", async () => {
    const { client, pan } = await open();
    pan.files.put("a.txt", "x");
    pan.files.makeDirectory("d");
    pan.files.makeDirectory("docs");
    const json = [
      { from: "a.txt", to: "docs/a.txt", type: "file", conflictResolutionStrategy: "ask", moveAuthority: false },
      { from: "d", to: "docs/d", type: "", conflictResolutionStrategy: "ask", moveAuthority: false },
    ];
    const { status, body } = await client.api("POST", "batch", "move", { json });
    expect(status).toBe(200);
    expect(body.result).toMatchObject([
      { from: ["a.txt"], to: "docs/a.txt", path: ["docs", "a.txt"], status: 200 },
      { from: ["d"], to: "docs/d", path: ["docs", "d"], status: 200 },
    ]);
    expect(pan.files.tree("docs")).toEqual({ "a.txt": 1, "d/": null });
  });

  it("that fails in part is 207 and does the rest (sjtu-pan.md §12.5)", async () => {
    const { client, pan } = await open();
    pan.files.put("a", "x");
    const json = [{ path: "a" }, { path: "b" }, { path: "" }];
    const { status, body } = await client.api("POST", "batch", "delete", { json });
    expect(status).toBe(207);
    expect(body.result).toEqual([
      { path: ["a"], status: 200, recycledItemId: expect.any(Number) },
      { path: ["b"], status: 404, code: "PathNotFound", message: expect.any(String) },
      { path: [], status: 400, code: "RootDirectoryNotAllowed", message: expect.any(String) },
    ]);
    expect(pan.bin()).toMatchObject([{ originalPath: "a" }]);
  });

  it("of copies copies; of more than 1000 elements, or where the knob says so, it is a task", async () => {
    const { client, pan } = await open({ knobs: { taskPolls: 0 } });
    for (let i = 0; i < 1001; i++) pan.files.put(`f${i}`, "x");
    const copied = await client.api("POST", "batch", "copy", { json: [{ copyFrom: "f0", to: "copy" }] });
    expect(copied.body.result).toMatchObject([{ copyFrom: ["f0"], path: ["copy"], status: 200 }]);
    const json = Array.from({ length: 1001 }, (_, i) => ({ path: `f${i}`, permanent: true }));
    const { status, body } = await client.api("POST", "batch", "delete", { json });
    expect([status, pan.files.list().length]).toEqual([202, 1002]);
    const [task] = (await client.api("GET", `task/${body.taskId}`)).body;
    expect([task.status, task.result.length, pan.files.list()]).toEqual([200, 1001, ["copy"]]);
    pan.knobs.asyncBatch = true;
    expect((await client.api("POST", "batch", "delete", { json: [{ path: "copy" }] })).status).toBe(202);
  });
});

describe("removal and the bin (sjtu-pan.md §3.6, §3.8)", () => {
  it("goes to the bin with an id, or for good with 204, by either address", async () => {
    const { client, pan } = await open();
    pan.files.put("d/f", "x");
    pan.files.put("e/f", "x");
    pan.files.put("g", "x");
    const binned = await client.api("DELETE", "file/d");
    expect([binned.status, binned.body]).toEqual([200, { recycledItemId: expect.any(Number) }]);
    expect((await client.api("DELETE", "directory/e", "permanent=1")).status).toBe(204);
    pan.knobs.recycleBin = false;
    expect((await client.api("DELETE", "file/g")).status).toBe(204);
    expect((await client.api("DELETE", "file/g")).body).toMatchObject({ status: 404 });
    expect((await client.api("DELETE", "directory/")).body.code).toBe("RootDirectoryNotAllowed");
    expect([pan.files.list(), pan.bin()]).toEqual([[], [{ id: binned.body.recycledItemId, originalPath: "d" }]]);
    expect((await client.api("GET", "recycled/")).body.code).toBe("RecycleBinNotEnabled");
  });

  it("lists the bin as the sample shows it, in pages (sjtu-pan.md appendix A)", async () => {
    const { client, pan, clock } = await open();
    pan.files.put("docs/a.txt", "A".repeat(391));
    for (let i = 0; i < 3; i++) pan.files.put(`docs/f${i}`);
    const { recycledItemId } = (await client.api("DELETE", "file/docs/a.txt")).body;
    clock.advance(1000);
    for (let i = 0; i < 3; i++) await client.api("DELETE", `file/docs/f${i}`);
    const { body } = await client.api("GET", "recycled/", "page=1&page_size=50&order_by=removalTime&order_by_type=asc");
    expect([body.totalNum, body.contents.length]).toEqual([4, 4]);
    expect(body.contents[0]).toMatchObject({
      recycledItemId,
      name: "a.txt",
      type: "file",
      size: "391",
      removalTime: "2025-10-11T02:58:00.000Z",
      remainingTime: 30,
      originalPath: ["docs", "a.txt"],
      fileType: "text",
    });
    const first = (await client.api("GET", "recycled/", "limit=3")).body;
    const second = (await client.api("GET", "recycled/", `limit=3&marker=${first.nextMarker}`)).body;
    expect([first.contents.length, second.contents.length, second.nextMarker]).toEqual([3, 1, undefined]);
    expect((await client.api("GET", `recycled/${recycledItemId}`, "info")).body.name).toBe("a.txt");
  });

  it("restores to the original place, beside what stands there, or to the root", async () => {
    const { client, pan } = await open();
    pan.files.put("d/a", "old");
    const { recycledItemId: id } = (await client.api("DELETE", "file/d/a")).body;
    pan.files.put("d/a", "new");
    expect((await client.api("POST", `recycled/${id}`, `restore&${ASK}`)).status).toBe(409);
    expect((await client.api("POST", `recycled/${id}`, "restore")).body).toEqual({ path: ["d", "a (1)"] });
    expect(pan.files.read("d/a (1)").toString()).toBe("old");
    const again = (await client.api("DELETE", "file/d/a")).body.recycledItemId;
    pan.files.remove("d");
    expect((await client.api("POST", `recycled/${again}`, "restore")).body.code).toBe("DirectoryNotFound");
    const toRoot = await client.api("POST", `recycled/${again}`, "restore&restore_path_strategy=fallbackToRoot");
    expect(toRoot.body).toEqual({ path: ["a"] });
    expect((await client.api("POST", `recycled/${again}`, "restore")).body.code).toBe("RecycledItemNotFound");
  });

  it("restores and removes many, and is emptied by a task", async () => {
    const { client, pan } = await open({ knobs: { taskPolls: 0 } });
    const ids: number[] = [];
    for (const name of ["a", "b", "c", "d"]) {
      pan.files.put(name, "x");
      ids.push((await client.api("DELETE", `file/${name}`)).body.recycledItemId);
    }
    const restored = await client.api("POST", "recycled", "restore", { json: [ids[0], 1] });
    expect([restored.status, restored.body.result.map((row: { status: number }) => row.status)]).toEqual([
      207,
      [200, 404],
    ]);
    expect((await client.api("POST", "recycled", "delete", { json: [ids[1]] })).status).toBe(204);
    expect((await client.api("DELETE", `recycled/${ids[2]}`)).status).toBe(204);
    expect(pan.bin()).toHaveLength(1);
    const { status, body } = await client.api("DELETE", "recycled");
    expect([status, pan.bin().length]).toEqual([202, 1]);
    expect((await client.api("GET", `task/${body.taskId}`)).body[0].status).toBe(204);
    expect([pan.bin(), pan.files.list()]).toEqual([[], ["a"]]);
    pan.knobs.asyncEmptyBin = false;
    expect((await client.api("DELETE", "recycled")).status).toBe(204);
  });
});

describe("space and search (sjtu-pan.md §3.9, §3.10)", () => {
  it("counts bytes and entries, and says whether something fits", async () => {
    const { client, pan } = await open({ accounts: [{ capacity: 100 }] });
    pan.files.put("d/a", { size: 30 });
    pan.files.put("b", { size: 20 });
    await client.api("DELETE", "file/b");
    expect((await client.api("GET", "space/size")).body).toEqual({ size: "50" });
    expect((await client.api("GET", "space/check-available-size", "size=50")).status).toBe(204);
    expect((await client.api("GET", "space/check-available-size", "size=51")).body.code).toBe("QuotaLimitReached");
    expect((await client.api("GET", "space/file-count")).body).toEqual({
      fileNum: 1,
      dirNum: 1,
      recycledFileNum: 1,
      recycledDirNum: 0,
      historyFileNum: 0,
    });
    const usage = await client.api("GET", "usage");
    expect(usage.body).toEqual([{ spaceId: client.space, capacity: "100", availableSpace: "50", size: "50" }]);
    expect((await client.api("GET", "quota")).body.code).toBe("NoPermission");
    expect((await client.send("pan", "GET", "/api/v1/config")).status).toBe(200);
  });

  it("finds names below a directory, in pages, unless it is not enabled", async () => {
    const { client, pan } = await open();
    for (let i = 0; i < 101; i++) pan.files.put(`d/Report ${i}.txt`);
    pan.files.put("report.txt");
    const search = (json: unknown) => client.api("POST", "search/space-contents", "", { json });
    const first = (await search({ keyword: "report", scope: "d", type: ["file"] })).body;
    expect([first.contents.length, first.hasMore]).toEqual([100, true]);
    const next = (await client.api("GET", `search/${first.searchId}`, `marker=${first.nextMarker}`)).body;
    expect([next.contents.length, next.hasMore]).toEqual([1, false]);
    expect((await client.api("DELETE", `search/${first.searchId}`)).status).toBe(204);
    expect((await client.api("GET", `search/${first.searchId}`)).body.code).toBe("SearchIdNotFound");
    pan.knobs.searchEnabled = false;
    expect((await search({ keyword: "x" })).body.code).toBe("SearchNotEnabled");
  });
});
