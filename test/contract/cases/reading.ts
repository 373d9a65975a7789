/** Reading: whole, in ranges, left early, aborted, cut short; by `read` and by link. */
import { once } from "node:events";
import type { Readable } from "node:stream";
import { expect } from "vitest";
import type { ByteRange } from "#drivers/contract/mount.ts";
import type { ContractCase } from "../mount-under-test.ts";
import {
  calm,
  canMakeGone,
  contentOf,
  expectFailure,
  fetchLink,
  goneEntry,
  linkOf,
  soon,
  walk,
  within,
} from "../steps.ts";
import { fileOf, longestFile, standingTree, treeOf } from "../tree.ts";

/** From this size on no stream has the whole file in its buffer. */
const LONG = 1_000_000;

const RANGES: readonly { readonly said: string; of(size: number): ByteRange; ends(size: number): number }[] = [
  { said: "the first byte", of: () => ({ offset: 0, length: 1 }), ends: () => 1 },
  { said: "the last byte", of: (n) => ({ offset: n - 1, length: 1 }), ends: (n) => n },
  { said: "bytes in the middle", of: (n) => ({ offset: n >> 2, length: n >> 1 }), ends: (n) => (n >> 2) + (n >> 1) },
  { said: "from the middle to the end", of: (n) => ({ offset: n >> 1 }), ends: (n) => n },
  { said: "the whole file as a range", of: (n) => ({ offset: 0, length: n }), ends: (n) => n },
  { said: "from the first byte without a length", of: () => ({ offset: 0 }), ends: (n) => n },
  { said: "a range that ends past the file, cut to it", of: (n) => ({ offset: n - 3, length: 100 }), ends: (n) => n },
];

const BEYOND: readonly { readonly said: string; of(size: number): ByteRange }[] = [
  { said: "begins right behind the last byte", of: (n) => ({ offset: n }) },
  { said: "begins far behind the last byte", of: (n) => ({ offset: n + 1_000, length: 5 }) },
];

export const readingCases: readonly ContractCase[] = [
  {
    name: "a file reads as the bytes that it holds, of the size that is listed",
    concerns: (facts) => facts.can.read && fileOf(treeOf(facts), 1) !== undefined,
    async run(c) {
      for (const { path, content } of (await standingTree(c)).filter((thing) => thing.content)) {
        const file = await walk(c, path);
        expect((await contentOf(c, file)).equals(content!), path.join("/")).toBe(true);
        if (file.size !== undefined && file.sizeIs !== "about") expect(file.size).toBe(content!.length);
      }
    },
  },
  {
    name: "an empty file reads as no bytes and then the end",
    concerns: (facts) => facts.can.read && fileOf(treeOf(facts), 0, 0) !== undefined,
    async run(c) {
      const file = await walk(c, fileOf(await standingTree(c), 0, 0)!.path);
      expect(await contentOf(c, file)).toHaveLength(0);
      expect(file.size).toBe(0);
    },
  },
  {
    name: "a range of an empty file is range-not-satisfiable (mount.ts, Mount.read; RFC 9110 §14.1.2)",
    concerns: (facts) => facts.can.read && fileOf(treeOf(facts), 0, 0) !== undefined,
    async run(c) {
      const file = await walk(c, fileOf(await standingTree(c), 0, 0)!.path);
      await expectFailure(() => contentOf(c, file, { offset: 0, length: 1 }), "range-not-satisfiable");
    },
  },
  ...RANGES.map(
    (range): ContractCase => ({
      name: `reads ${range.said} (mount.ts, Mount.read; RFC 9110 §14.1.2)`,
      concerns: (facts) => facts.can.read && fileOf(treeOf(facts), 10) !== undefined,
      async run(c) {
        const tree = await standingTree(c);
        for (const { path, content } of [fileOf(tree, 10)!, longestFile(tree)!]) {
          const asked = range.of(content!.length);
          const got = await contentOf(c, await walk(c, path), asked);
          expect(got.equals(content!.subarray(asked.offset, range.ends(content!.length))), path.join("/")).toBe(true);
        }
      },
    }),
  ),
  ...BEYOND.map(
    (range): ContractCase => ({
      name: `a range that ${range.said} is range-not-satisfiable (mount.ts, Mount.read)`,
      concerns: (facts) => facts.can.read && fileOf(treeOf(facts), 1) !== undefined,
      async run(c) {
        const { path, content } = fileOf(await standingTree(c), 1)!;
        const file = await walk(c, path);
        await expectFailure(() => contentOf(c, file, range.of(content!.length)), "range-not-satisfiable");
      },
    }),
  ),
  {
    name: "many readers of one file each get their own bytes",
    concerns: (facts) => facts.can.read && fileOf(treeOf(facts), 100) !== undefined,
    async run(c) {
      const { path, content } = longestFile(await standingTree(c))!;
      const file = await walk(c, path);
      const size = content!.length;
      const reads = Array.from({ length: 8 }, async (_, i) => {
        const offset = Math.floor((size * i) / 8);
        const got = await contentOf(c, file, { offset });
        return got.equals(content!.subarray(offset));
      });
      expect(await Promise.all(reads)).toEqual(reads.map(() => true));
    },
  },
  {
    name: "reading a file that is gone fails not-found before any byte (mount.ts, Mount.read)",
    concerns: (facts) => facts.can.read && canMakeGone(facts),
    async run(c) {
      const gone = await goneEntry(c, "file");
      if (c.mount.read) await expectFailure(() => c.mount.read!(gone, undefined, calm()), "not-found");
      if (c.mount.link) await expectFailure(() => linkOf(c, gone), "not-found");
    },
  },
  {
    name: "reading a directory fails is-a-directory (mount.ts, Mount.read)",
    concerns: (facts) =>
      facts.can.read && treeOf(facts).some(({ path, kind }) => kind === "directory" || path.length > 1),
    async run(c) {
      const { path, kind } = (await standingTree(c)).find(
        (thing) => thing.kind === "directory" || thing.path.length > 1,
      )!;
      const directory = await walk(c, kind === "directory" ? path : path.slice(0, -1));
      if (c.mount.read) await expectFailure(() => c.mount.read!(directory, undefined, calm()), "is-a-directory");
      if (c.mount.link) await expectFailure(() => linkOf(c, directory), "is-a-directory");
    },
  },
  {
    name: "a stream that its reader leaves closes and frees what it holds: each seek of a player leaves one",
    concerns: (facts) => facts.readsItself && fileOf(treeOf(facts), LONG) !== undefined,
    async run(c) {
      const file = await walk(c, fileOf(await standingTree(c), LONG)!.path);
      const before = c.held?.();
      const stream = await c.mount.read!(file, undefined, calm());
      await soon(firstByte(stream), "the first byte");
      const closed = once(stream, "close");
      stream.destroy();
      await soon(closed, "close of the stream that was left");
      await within(5_000, () => expect(c.held?.()).toBe(before));
      if (c.mount.close) await soon(c.mount.close(), "closing the mount after a stream was left");
    },
  },
  {
    name: "a stream that nobody reads frees what it holds when it is destroyed: a client may be gone before the first byte",
    concerns: (facts) => facts.readsItself && fileOf(treeOf(facts), 1) !== undefined,
    async run(c) {
      const file = await walk(c, longestFile(await standingTree(c))!.path);
      const before = c.held?.();
      const stream = await c.mount.read!(file, undefined, calm());
      const closed = once(stream, "close");
      stream.destroy();
      await soon(closed, "close of the stream that nobody read");
      await within(5_000, () => expect(c.held?.()).toBe(before));
    },
  },
  {
    name: "an abort while bytes flow fails the stream with the signal's reason (mount.ts, Mount)",
    concerns: (facts) => facts.readsItself && fileOf(treeOf(facts), LONG) !== undefined,
    async run(c) {
      const file = await walk(c, fileOf(await standingTree(c), LONG)!.path);
      const before = c.held?.();
      const controller = new AbortController();
      const stream = await c.mount.read!(file, undefined, { signal: controller.signal });
      await soon(firstByte(stream), "the first byte");
      const failed = new Promise((resolve) => stream.once("error", resolve));
      const reason = new Error("the client left");
      controller.abort(reason);
      expect(await soon(failed, "the stream's failure")).toBe(reason);
      await within(5_000, () => expect(c.held?.()).toBe(before));
    },
  },
  {
    name: "an abort after the last byte changes nothing",
    concerns: (facts) => facts.readsItself && fileOf(treeOf(facts), 1) !== undefined,
    async run(c) {
      const { path, content } = fileOf(await standingTree(c), 1)!;
      const file = await walk(c, path);
      const controller = new AbortController();
      const stream = await c.mount.read!(file, undefined, { signal: controller.signal });
      const bytes = Buffer.concat(await stream.toArray());
      controller.abort(new Error("too late"));
      expect(bytes.equals(content!)).toBe(true);
      expect((await contentOf(c, file)).equals(content!)).toBe(true);
    },
  },
  {
    name: "a body that breaks off fails incomplete and never ends as if whole (mount.ts, Mount.read)",
    concerns: (facts) => facts.readsItself && facts.cutShort !== undefined && fileOf(treeOf(facts), 10) !== undefined,
    async run(c) {
      const { path } = longestFile(await standingTree(c))!;
      const file = await walk(c, path);
      c.cutShort!(5);
      await expectFailure(() => contentOf(c, file), "incomplete");
    },
  },
  {
    name: "a link, fetched with its own headers, gives the file (mount.ts, Link)",
    concerns: (facts) => facts.can.link && fileOf(treeOf(facts), 10) !== undefined,
    async run(c) {
      const { path, content } = fileOf(await standingTree(c), 10)!;
      const file = await walk(c, path);
      const link = await linkOf(c, file);
      for (const bound of link.boundTo) expect(c.traits.linkBoundTo ?? []).toContain(bound);
      if (link.size !== undefined) expect(link.size).toBe(content!.length);
      expect((await fetchLink(link)).equals(content!)).toBe(true);
      const again = link.reusable ? link : await linkOf(c, file);
      if (again.acceptsRanges) {
        expect((await fetchLink(again, { offset: 3, length: 4 })).equals(content!.subarray(3, 7))).toBe(true);
      }
      await link.release?.();
      if (again !== link) await again.release?.();
    },
  },
];

async function firstByte(stream: Readable): Promise<void> {
  while (stream.read(1) === null) await once(stream, "readable");
}
