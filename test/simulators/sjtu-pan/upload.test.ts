import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { expectViolations, open } from "./fixture.ts";

const MIB = 2 ** 20;
const MINUTE = 60_000;
const counting = (size: number, first = 0) =>
  Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i + first) % 251));

describe("a simple upload (sjtu-pan.md §4.2)", () => {
  it("is invisible until it is confirmed, and is then what the samples show (sjtu-pan.md appendix A)", async () => {
    const { client, pan, clock } = await open();
    pan.files.makeDirectory("docs");
    const start = await client.api("PUT", "file/docs/a.txt", "conflict_resolution_strategy=rename&filesize=391", {
      json: {},
    });
    expect(start.status).toBe(201);
    expect(start.body).toMatchObject({
      domain: "s3pan.jcloud.sjtu.edu.cn",
      confirmKey: expect.stringMatching(/^\w+$/),
    });
    expect(start.body.path).toMatch(/^\/tced-private-\w{8}-sjtu\/smh[0-9a-z]{13}\/\w+\.txt$/);
    expect(Object.keys(start.body.headers).sort()).toEqual([
      ...["authorization", "cache-control", "content-type", "x-amz-acl", "x-amz-content-sha256", "x-amz-date"],
    ]);
    expect(start.body.headers.authorization).toContain(
      "SignedHeaders=cache-control;content-type;host;x-amz-acl;x-amz-content-sha256;x-amz-date,",
    );
    expect(Date.parse(start.body.expiration) - clock.now()).toBe(15 * MINUTE);
    const put = await client.putObject(start.body, "A".repeat(391));
    expect([put.status, put.text, put.headers.etag]).toEqual([200, "", '"f5fc6449cf022af66d2e62a94af9043f"']);
    expect(pan.files.list("docs")).toEqual([]);
    const confirm = await client.api("POST", `file/${start.body.confirmKey}`, "confirm", {
      json: { crc64: "1894463202180837250" },
    });
    expect(confirm.status).toBe(200);
    expect(confirm.body).toMatchObject({
      path: ["docs", "a.txt"],
      name: "a.txt",
      type: "file",
      contentType: "text/plain",
      size: "391",
      eTag: '"f5fc6449cf022af66d2e62a94af9043f"',
      crc64: "1894463202180837250",
      isOverwrittened: false,
      fileType: "text",
    });
    expect(pan.files.read("docs/a.txt").toString()).toBe("A".repeat(391));
  });

  it("of nothing is a file of 0 bytes (sjtu-pan.md §4.10, §8.4)", async () => {
    const { client } = await open();
    const { body } = await client.upload("empty", "");
    expect([body.size, body.crc64, body.eTag]).toEqual(["0", "0", '"d41d8cd98f00b204e9800998ecf8427e"']);
  });

  it("needs the parent, a name and free names that the service takes (sjtu-pan.md §4.1, §7)", async () => {
    const { client, pan } = await open();
    pan.files.makeDirectory("d");
    const code = async (path: string, query = "") => (await client.api("PUT", `file/${path}`, query)).body.code;
    expect(await code("nowhere/a")).toBe("DirectoryNotFound");
    expect(await code("")).toBe("EmptyPath");
    expect(await code("a:b")).toBe("DirectoryNameNotAvailable");
    expect(await code(`${"n".repeat(252)}.txt`)).toBe("FileNameLengthExceed");
    expect(await code("d", "conflict_resolution_strategy=overwrite")).toBe("SameNameDirectoryOrFileExists");
    expect((await client.upload("d", "x")).body.path).toEqual(["d (1)"]);
  });

  it("cannot be confirmed before its bytes, nor twice (sjtu-pan.md §12.3)", async () => {
    const { client, pan } = await open();
    const { body } = await client.api("PUT", "file/a");
    const confirm = () => client.api("POST", `file/${body.confirmKey}`, "confirm");
    expect((await confirm()).body).toMatchObject({ status: 404, code: "UploadIncomplete" });
    expectViolations(pan, "protocol");
    await client.putObject(body, "abc");
    expect((await confirm()).status).toBe(200);
    expect((await confirm()).body).toMatchObject({ status: 404, code: "UploadNotFound" });
    await client.putObject(body, "other");
    expectViolations(pan, "protocol");
    expect(pan.files.read("a").toString()).toBe("abc");
  });
});

describe("what stands at the target already", () => {
  it.each([
    ["ask", 409, ["a.txt"], "old"],
    ["rename", 200, ["a (1).txt", "a.txt"], "old"],
    ["overwrite", 200, ["a.txt"], "new"],
  ])("with %s (sjtu-pan.md §3.1)", async (strategy, status, files, content) => {
    const { client, pan, clock } = await open();
    pan.files.put("a.txt", "old");
    const created = pan.files.stat("a.txt").createdAt;
    clock.advance(1000);
    const done = await client.upload("a.txt", "new", `conflict_resolution_strategy=${strategy}`);
    expect(done.status).toBe(status);
    expect(pan.files.list()).toEqual(files);
    expect(pan.files.read("a.txt").toString()).toBe(content);
    if (strategy === "rename") expect(done.body.path).toEqual(["a (1).txt"]);
    if (strategy !== "overwrite") return;
    expect(done.body.isOverwrittened).toBe(true);
    expect(pan.files.stat("a.txt")).toMatchObject({ createdAt: created, modifiedAt: created + 1000 });
  });

  it("is checked again at confirm, whose own strategy wins (sjtu-pan.md §4.7, §12.3)", async () => {
    const { client, pan } = await open();
    const { body } = await client.api("PUT", "file/a", "conflict_resolution_strategy=ask");
    await client.putObject(body, "new");
    pan.files.put("a", "old");
    const confirm = (query: string) => client.api("POST", `file/${body.confirmKey}`, query);
    expect((await confirm("confirm")).status).toBe(409);
    expect((await confirm("confirm=null&conflict_resolution_strategy=overwrite")).status).toBe(200);
    expect(pan.files.read("a").toString()).toBe("new");
  });

  it("stays as a version where the knob says so (sjtu-pan.md §3.11, §12.3)", async () => {
    const { client, pan } = await open({ knobs: { versioning: true, bothOverwrittenSpellings: true } });
    await client.upload("a", "one");
    const second = await client.upload("a", "second", "conflict_resolution_strategy=overwrite");
    expect(second.body).toMatchObject({ isOverwrittened: true, isOverwritten: true, versionId: 2 });
    expect((await client.api("GET", "directory/a", "info")).body.historySize).toBe("3");
    const { contents } = (await client.api("GET", "directory-history/history-list/a", "page=1&page_size=10")).body;
    expect(contents.map((one: { size: string; isLatestVersion: boolean }) => [one.size, one.isLatestVersion])).toEqual([
      ["6", true],
      ["3", false],
    ]);
    const old = await client.api("GET", "file/a", `history_id=${contents[1].id}`);
    expect((await client.follow(old.headers.location ?? "")).text).toBe("one");
    expect((await client.api("POST", `directory-history/latest-version/${contents[1].id}`)).status).toBe(204);
    expect(pan.files.read("a").toString()).toBe("one");
    const now = (await client.api("GET", "directory-history/history-list/a")).body.contents;
    const remove = (ids: number[]) => client.api("POST", "directory-history/delete", "", { json: ids });
    expect((await remove([now[0].id])).body.code).toBe("DirectoryHistoryNotBeDeleted");
    expect((await remove([now[1].id])).status).toBe(204);
    expect((await client.api("GET", "directory/a", "info")).body.historySize).toBe("0");
  });
});

describe("a multipart upload (sjtu-pan.md §4.3–4.7)", () => {
  it("takes parts in any order and again, and has the tag and sum of the facts (sjtu-pan.md §8.3, §8.4)", async () => {
    const { client, pan } = await open();
    const whole = counting(10 * MIB);
    const { body, status } = await client.startParts("big.bin", [1, 2, 3], "filesize=10485760");
    expect(status).toBe(201);
    expect(Object.keys(body.parts)).toEqual(["1", "2", "3"]);
    expect(Object.keys(body.parts["1"].headers).sort()).toEqual([
      "authorization",
      "x-amz-content-sha256",
      "x-amz-date",
    ]);
    expect(body.parts["1"].headers["x-amz-content-sha256"]).toBe(createHash("sha256").digest("hex"));
    expect(encodeURIComponent(body.uploadId)).not.toBe(body.uploadId);
    const piece = (n: number) => whole.subarray((n - 1) * 4 * MIB, n * 4 * MIB);
    await client.putPart(body, 3, piece(3));
    await client.putPart(body, 1, Buffer.alloc(4 * MIB));
    const first = await client.putPart(body, 1, piece(1));
    expect(first.headers.etag).toBe('"aad8b8e4d120d0df7a7fda991d5dab03"');
    await client.putPart(body, 2, piece(2));
    const confirm = await client.api("POST", `file/${body.confirmKey}`, "confirm", {
      json: { crc64: "11640258248200685084" },
    });
    expect(confirm.body).toMatchObject({ eTag: '"9d269881131f917b7d839dedede90a48-3"', size: "10485760" });
    expect(pan.files.read("big.bin").equals(whole)).toBe(true);
  });

  it("of one part has a tag that ends in -1 (sjtu-pan.md §6, §8.4)", async () => {
    const { client } = await open();
    const { body } = await client.startParts("a.txt", [1]);
    await client.putPart(body, 1, Buffer.alloc(391, "A"));
    const confirm = await client.api("POST", `file/${body.confirmKey}`, "confirm", { body: "{}" });
    expect(confirm.body.eTag).toBe('"7935cc86dcb8f0d89da58852b9996d78-1"');
  });

  it("takes 100 numbers at the start and 50 in a renewal (sjtu-pan.md §4.3, §11)", async () => {
    const { client, pan } = await open();
    const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
    const { body } = await client.startParts("a", numbers(100));
    expect(Object.keys(body.parts)).toHaveLength(100);
    expect((await client.startParts("b", numbers(101))).body).toMatchObject({ status: 400, code: "ParamInvalid" });
    const renew = (partNumberRange: unknown) =>
      client.api("POST", `file/${body.confirmKey}`, "renew", { json: { partNumberRange } });
    expect(Object.keys((await renew(numbers(50))).body.parts)).toHaveLength(50);
    expect((await renew(numbers(51))).body.code).toBe("ParamInvalid");
    expectViolations(pan, "body", "body");
    expect(Object.keys((await renew(["7,9"])).body.parts)).toEqual(["7", "9"]);
    expect((await renew("1-5")).body.code).toBe("ParamInvalid");
    expectViolations(pan, "body");
    pan.knobs.rangeStrings = true;
    expect(Object.keys((await renew("1-5")).body.parts)).toHaveLength(5);
  });

  it("signs parts for 15 minutes; a renewal signs them again (sjtu-pan.md §4.6)", async () => {
    const { client, pan, clock } = await open();
    const { body } = await client.startParts("a", [1]);
    clock.advance(16 * MINUTE);
    const late = await client.putPart(body, 1, Buffer.from("x"));
    expect([late.status, late.text]).toEqual([403, expect.stringContaining("<Code>AccessDenied</Code>")]);
    expectViolations(pan, "stale-signature");
    const renewed = await client.api("POST", `file/${body.confirmKey}`, "renew", { json: { partNumberRange: [1] } });
    expect(renewed.body).toMatchObject({ confirmKey: body.confirmKey, uploadId: body.uploadId, path: body.path });
    expect((await client.putPart(renewed.body, 1, Buffer.from("x"))).status).toBe(200);
  });

  it("may get another upload id from a renewal, and loses its parts with the old one (sjtu-pan.md §12.3)", async () => {
    const { client } = await open({ knobs: { renewNewUploadId: true } });
    const { body } = await client.startParts("a", [1]);
    await client.putPart(body, 1, Buffer.from("x"));
    const renewed = await client.api("POST", `file/${body.confirmKey}`, "renew", { json: { partNumberRange: [1] } });
    expect(renewed.body.uploadId).not.toBe(body.uploadId);
    expect((await client.putPart(body, 1, Buffer.from("x"))).text).toContain("<Code>NoSuchUpload</Code>");
    expect((await client.api("GET", `file/${body.confirmKey}`, "upload")).body.parts).toEqual([]);
    expect((await client.putPart(renewed.body, 1, Buffer.from("x"))).status).toBe(200);
  });

  it("tells its state before and for an hour after confirm (sjtu-pan.md §4.6, §12.3)", async () => {
    const { client, clock } = await open();
    const { body } = await client.startParts("big", [1, 2], "conflict_resolution_strategy=overwrite");
    await client.putPart(body, 1, counting(4 * MIB));
    const status = () => client.api("GET", `file/${body.confirmKey}`, "upload");
    expect((await status()).body).toEqual({
      confirmed: false,
      path: ["big"],
      type: "file",
      creationTime: "2025-10-11T02:58:00.000Z",
      conflictResolutionStrategy: "overwrite",
      force: false,
      uploadId: body.uploadId,
      parts: [
        {
          PartNumber: 1,
          LastModified: "2025-10-11T02:58:00.000Z",
          ETag: '"aad8b8e4d120d0df7a7fda991d5dab03"',
          Size: 4194304,
        },
      ],
    });
    expect("parts" in (await client.api("GET", `file/${body.confirmKey}`, "upload&no_upload_part_info=1")).body).toBe(
      false,
    );
    await client.putPart(body, 2, Buffer.from("x"));
    await client.api("POST", `file/${body.confirmKey}`, "confirm");
    expect((await status()).body.confirmed).toBe(true);
    clock.advance(60 * MINUTE);
    client.accessToken = (await client.user("POST", "space/1/personal")).body.accessToken;
    expect((await status()).body).toMatchObject({ status: 404, code: "UploadNotFound" });
  });

  it("ends when it is aborted, and after seven days (sjtu-pan.md §4.6)", async () => {
    const { client, pan, clock } = await open();
    const { body } = await client.startParts("a", [1]);
    expect(pan.pending().uploads).toBe(1);
    expect((await client.api("DELETE", `file/${body.confirmKey}`, "upload")).status).toBe(204);
    expect(pan.pending().uploads).toBe(0);
    expect((await client.putPart(body, 1, Buffer.from("x"))).text).toContain("NoSuchUpload");
    expect((await client.api("POST", `file/${body.confirmKey}`, "confirm")).body.code).toBe("UploadNotFound");
    const second = (await client.startParts("b", [1])).body;
    clock.advance(7 * 24 * 60 * MINUTE);
    client.accessToken = pan.credentials().accessToken;
    const renew = await client.api("POST", `file/${second.confirmKey}`, "renew", { json: { partNumberRange: [1] } });
    expect(renew.body.code).toBe("UploadNotFound");
  });

  it("is not confirmed with a gap, or with parts below the least size (sjtu-pan.md §11, §12.3)", async () => {
    const { client, pan } = await open();
    const { body } = await client.startParts("a", [1, 2, 3]);
    const confirm = () => client.api("POST", `file/${body.confirmKey}`, "confirm");
    expect((await confirm()).body).toMatchObject({ status: 404, code: "UploadIncomplete" });
    await client.putPart(body, 1, Buffer.alloc(10));
    await client.putPart(body, 3, Buffer.alloc(10));
    expect((await confirm()).body).toMatchObject({ status: 400, code: "MultipartUploadIncomplete" });
    await client.putPart(body, 2, Buffer.alloc(20));
    expect((await confirm()).body).toMatchObject({ status: 400, code: "MultipartUploadPartTooSmall" });
    expectViolations(pan, "protocol", "protocol", "protocol", "protocol");
    expect(pan.files.list()).toEqual([]);
  });

  it("may be told for a while that parts are missing although none is (sjtu-pan.md §12.3)", async () => {
    const { client } = await open({ knobs: { confirmIncompleteTimes: 2 } });
    const { body } = await client.startParts("a", [1]);
    await client.putPart(body, 1, Buffer.from("x"));
    const confirm = () => client.api("POST", `file/${body.confirmKey}`, "confirm");
    expect([(await confirm()).body.code, (await confirm()).body.code]).toEqual([
      "MultipartUploadIncomplete",
      "MultipartUploadIncomplete",
    ]);
    expect((await confirm()).status).toBe(200);
  });

  it("of 20 GB of zeros costs no memory, and 5000 parts are summed at once", async () => {
    const { pan } = await open();
    pan.files.put("sparse", { size: 20 * 2 ** 30 });
    expect(pan.files.stat("sparse")).toMatchObject({ size: 21474836480, crc64: expect.stringMatching(/^\d+$/) });
  });
});

describe("what confirm compares", () => {
  it("refuses a sum that is not that of the bytes, in body or query (sjtu-pan.md §4.7, §11)", async () => {
    const { client, pan } = await open();
    const { body } = await client.api("PUT", "file/a");
    await client.putObject(body, "abc");
    const confirm = (query: string, json?: unknown) =>
      client.api("POST", `file/${body.confirmKey}`, query, json === undefined ? {} : { json });
    expect((await confirm("confirm", { crc64: "1" })).body).toMatchObject({ status: 400, code: "BadCrc64" });
    expect((await confirm("confirm", { crc64: 3231342946 })).body.code).toBe("ParamInvalid");
    expectViolations(pan, "body", "body");
    expect((await confirm("confirm&crc64=3231342946509354535")).status).toBe(200);
  });

  it("finds bytes that changed at the store, and the old file stays (sjtu-pan.md §12.5)", async () => {
    const { client, pan } = await open();
    pan.files.put("a", "old");
    pan.faults.add({ route: "store.put", fault: { kind: "corrupt", at: 1 } });
    const { body } = await client.api("PUT", "file/a", "conflict_resolution_strategy=overwrite");
    await client.putObject(body, "abc");
    const confirm = await client.api("POST", `file/${body.confirmKey}`, "confirm", {
      json: { crc64: "3231342946509354535" },
    });
    expect(confirm.body.code).toBe("BadCrc64");
    expect(pan.files.read("a").toString()).toBe("old");
  });

  it("looks at the quota at the start and at confirm, and at the size where it is strict (sjtu-pan.md §4.1, §12.3)", async () => {
    const { client, pan } = await open({ accounts: [{ capacity: 10 }], knobs: { strictSize: true } });
    expect((await client.api("PUT", "file/a", "filesize=11")).body.code).toBe("QuotaLimitReached");
    expect((await client.upload("a", "0123456789A")).body.code).toBe("QuotaLimitReached");
    expect((await client.upload("a", "01234", "filesize=4")).body.code).toBe("ParamInvalid");
    expect((await client.upload("a", "01234")).status).toBe(200);
    await client.api("DELETE", "file/a", "permanent=0");
    expect((await client.upload("b", "012345")).body.code).toBe("QuotaLimitReached");
    pan.knobs.binCountsAsUsed = false;
    expect((await client.upload("b", "012345")).status).toBe(200);
  });
});
