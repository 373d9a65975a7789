import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { crc64 } from "#drivers/kit/crc64.ts";
import type { SeekableSource } from "#server/vfs/resource.ts";
import { SeekableBody } from "#server/vfs/seekable-body.ts";
import { digestOf } from "#test/support/upload-source.ts";

const content = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 31) % 256));
const { signal } = new AbortController();

/** A source that counts the bytes that were read from it. */
function watched(change: Partial<SeekableSource> = {}) {
  const reads: [number, number][] = [];
  const source: SeekableSource = {
    size: content.length,
    identity: "x",
    async open({ offset, length }) {
      reads.push([offset, length]);
      return Readable.from([content.subarray(offset, offset + length)], { objectMode: false });
    },
    check: async () => {},
    ...change,
  };
  return { source, reads };
}

describe("content that is read at any place on its way to a storage", () => {
  it("knows the CRC-64 of the whole from its parts, in whatever order they passed, without reading again (sjtu-pan.md §8.2)", async () => {
    const { source, reads } = watched();
    const body = new SeekableBody(source, ["crc64"], signal);
    for (const offset of [600, 0, 300, 900]) {
      const bytes = await buffer(await body.open({ offset, length: 300 }));
      expect(bytes).toEqual(content.subarray(offset, offset + 300));
    }
    expect(await body.digest("crc64")).toBe(crc64(content));
    expect(body.digests).toEqual({ crc64: crc64(content) });
    expect(reads).toHaveLength(4);
  });

  it("reads for the CRC-64 only what did not pass: the parts that the storage had before a restart", async () => {
    const { source, reads } = watched();
    const body = new SeekableBody(source, ["crc64"], signal);
    await buffer(await body.open({ offset: 500, length: 100 }));
    expect(body.digests).toEqual({});
    expect(await body.digest("crc64")).toBe(crc64(content));
    expect(reads).toEqual([
      [500, 100],
      [0, 500],
      [600, 400],
    ]);
  });

  it("knows every digest of what passed as a whole", async () => {
    const { source, reads } = watched();
    const body = new SeekableBody(source, ["sha1", "md5", "crc64"], signal);
    await buffer(await body.open());
    const [sha1, md5] = [digestOf(content, "sha1"), digestOf(content, "md5")];
    expect(body.digests).toEqual({ sha1, md5, crc64: crc64(content) });
    expect(reads).toHaveLength(1);
  });

  it("computes what did not pass as a whole when it is asked for, and once", async () => {
    const { source, reads } = watched();
    const body = new SeekableBody(source, ["sha1"], signal);
    expect(await body.digest("sha1")).toBe(digestOf(content, "sha1"));
    expect(await body.digest("sha1")).toBe(digestOf(content, "sha1"));
    expect(await body.digest("sha1", { offset: 10, length: 5 })).toBe(digestOf(content.subarray(10, 15), "sha1"));
    expect(reads).toEqual([
      [0, 1000],
      [10, 5],
    ]);
  });

  it("counts nothing of a range that did not end", async () => {
    const { source } = watched();
    const body = new SeekableBody(source, ["crc64"], signal);
    const stream = await body.open({ offset: 0, length: 500 });
    stream.destroy();
    expect(await body.digest("crc64")).toBe(crc64(content));
  });

  it("holds the end of a range back until the content is known to be unchanged", async () => {
    const changed = new Error("changed");
    const { source } = watched({ check: () => Promise.reject(changed) });
    const body = new SeekableBody(source, ["sha1"], signal);
    await expect(buffer(await body.open())).rejects.toBe(changed);
    expect(body.digests).toEqual({});
  });

  it("fails incomplete where bytes are missing", async () => {
    const { source } = watched({ open: async () => Readable.from([content.subarray(0, 10)], { objectMode: false }) });
    const body = new SeekableBody(source, [], signal);
    await expect(buffer(await body.open({ offset: 0, length: 11 }))).rejects.toMatchObject({ kind: "incomplete" });
  });

  it("ends with its signal", async () => {
    const leaving = new AbortController();
    const { source } = watched({ open: async () => new Readable({ read() {} }) });
    const body = new SeekableBody(source, ["sha1"], leaving.signal);
    const digest = body.digest("sha1");
    leaving.abort(new Error("gone"));
    await expect(digest).rejects.toThrow();
  });

  it("has the digests of nothing for an empty file", async () => {
    const { source } = watched({ size: 0, open: async () => Readable.from([], { objectMode: false }) });
    const body = new SeekableBody(source, ["sha1", "crc64"], signal);
    await buffer(await body.open());
    expect(body.digests).toEqual({ sha1: digestOf(Buffer.alloc(0), "sha1"), crc64: "0" });
  });
});
