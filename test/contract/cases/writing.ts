/** Uploads and directories: what was stored is what was sent, or nothing is visible. */
import { expect } from "vitest";
import { kindOf } from "#drivers/contract/errors.ts";
import type { Checkpoint, HashName, Json } from "#drivers/contract/mount.ts";
import { pseudoRandomBytes } from "#test/support/pseudo-random.ts";
import { digestOf } from "#test/support/upload-source.ts";
import type { ContractCase } from "../mount-under-test.ts";
import {
  calm,
  canMakeGone,
  contentOf,
  expectFailure,
  expectNames,
  goneEntry,
  listed,
  makeDirectory,
  put,
  soon,
  sourceFor,
  stored,
  within,
} from "../steps.ts";

const SIZES = [0, 1, 65_536, 1_300_001];

export const writingCases: readonly ContractCase[] = [
  ...SIZES.map(
    (size): ContractCase => ({
      name: `a file of ${size} bytes reads back as it was stored`,
      concerns: ({ can }) => can.upload,
      async run(c) {
        const content = pseudoRandomBytes(size, size);
        const root = await c.mount.root(calm());
        const entry = await put(c, root, "file.bin", content);
        expect(entry).toMatchObject({ name: "file.bin", kind: "file" });
        if (entry.size !== undefined) expect(entry.size).toBe(size);
        const file = await listed(c, root, "file.bin");
        expect(file.id).toBe(entry.id);
        if (file.size !== undefined && file.sizeIs !== "about") expect(file.size).toBe(size);
        if (c.can.read) {
          expect((await contentOf(c, entry)).equals(content), "read through what upload returned").toBe(true);
          expect((await contentOf(c, file)).equals(content), "read through what is listed").toBe(true);
        }
      },
    }),
  ),
  {
    name: "a stream of unknown length is stored where the trait says so (traits.ts, Traits.upload)",
    concerns: ({ can }) => can.upload && can.traits.upload?.size === "optional",
    async run(c) {
      const content = pseudoRandomBytes(200_003, 5);
      const root = await c.mount.root(calm());
      await put(c, root, "unknown.bin", sourceFor(c, content, { size: "unknown" }));
      const file = await listed(c, root, "unknown.bin");
      expect(file.size).toBe(content.length);
      expect((await contentOf(c, file)).equals(content)).toBe(true);
    },
  },
  {
    name: "a seekable source is as good as a stream (mount.ts, UploadSource)",
    concerns: ({ can }) => can.upload && can.traits.upload?.source === "stream",
    async run(c) {
      const content = pseudoRandomBytes(100_001, 6);
      const root = await c.mount.root(calm());
      await put(c, root, "seekable.bin", sourceFor(c, content, { kind: "seekable" }));
      expect((await contentOf(c, await listed(c, root, "seekable.bin"))).equals(content)).toBe(true);
    },
  },
  {
    name: "hashes that the traits declare are listed, and right (traits.ts, Traits.hashes)",
    concerns: ({ can }) => can.upload && can.traits.hashes.some((name) => name !== "crc64"),
    async run(c) {
      const content = pseudoRandomBytes(100_001, 7);
      const root = await c.mount.root(calm());
      await put(c, root, "hashed.bin", content);
      const file = await listed(c, root, "hashed.bin");
      for (const name of c.traits.hashes.filter((hash): hash is Exclude<HashName, "crc64"> => hash !== "crc64")) {
        expect(file.hashes?.[name], name).toBe(digestOf(content, name));
      }
    },
  },
  {
    name: "progress is cumulative and ends at the size (mount.ts, UploadOptions.onProgress)",
    concerns: ({ can }) => can.upload,
    async run(c) {
      const told: number[] = [];
      const content = pseudoRandomBytes(1_000_001, 8);
      await c.mount.upload!(await c.mount.root(calm()), "progress.bin", sourceFor(c, content), {
        ...calm(),
        conflict: "fail",
        onProgress: (bytes) => told.push(bytes),
      });
      expect(told).toEqual(told.toSorted((a, b) => a - b));
      if (told.length > 0) expect(told.at(-1)).toBe(content.length);
    },
  },
  ...[
    { said: "fewer", size: 100_000 },
    { said: "more", size: 50_000 },
  ].map(
    ({ said, size }): ContractCase => ({
      name: `a source that gives ${said} bytes than it said fails incomplete, and nothing is visible (architecture.md §6)`,
      concerns: ({ can }) => can.upload,
      async run(c) {
        const root = await c.mount.root(calm());
        const source = sourceFor(c, pseudoRandomBytes(70_000, 9), { size });
        await expectFailure(() => put(c, root, "lie.bin", source), "incomplete");
        await expectNames(c, root, []);
        await within(5_000, () => expect(source.opened.every((body) => body.destroyed)).toBe(true));
      },
    }),
  ),
  {
    name: "a source that fails in the middle fails the upload, and nothing is visible",
    concerns: ({ can }) => can.upload,
    async run(c) {
      const root = await c.mount.root(calm());
      const before = c.held?.();
      const breaks = { after: 100_000, error: new Error("the client broke off") };
      await expect(
        put(c, root, "broken.bin", sourceFor(c, pseudoRandomBytes(300_000, 10), { breaks })),
      ).rejects.toThrow();
      await expectNames(c, root, []);
      await within(5_000, () => expect(c.held?.()).toBe(before));
      await put(c, root, "broken.bin", "second try");
      await expectNames(c, root, ["broken.bin"]);
    },
  },
  {
    name: "an upload aborted in the middle throws the signal's reason, drops the source, and nothing is visible",
    concerns: ({ can }) => can.upload,
    async run(c) {
      const root = await c.mount.root(calm());
      const before = c.held?.();
      const reached = Promise.withResolvers<void>();
      const source = sourceFor(c, pseudoRandomBytes(300_000, 11), {
        hangs: { after: 200_000, reached: reached.resolve },
      });
      const controller = new AbortController();
      const reason = new Error("the client left");
      const upload = c.mount.upload!(root, "left.bin", source, { signal: controller.signal, conflict: "fail" });
      upload.catch(() => undefined);
      await soon(Promise.race([reached.promise, upload.then(() => undefined)]), "reading the source");
      controller.abort(reason);
      await expect(soon(upload, "the end of the aborted upload")).rejects.toBe(reason);
      await within(5_000, () => expect(source.opened.every((body) => body.destroyed)).toBe(true));
      await within(5_000, () => expect(c.held?.()).toBe(before));
      await expectNames(c, root, []);
    },
  },
  {
    name: "uploading into a directory that is gone fails not-found, into a file not-a-directory",
    concerns: (facts) => facts.can.upload && canMakeGone(facts),
    async run(c) {
      const gone = await goneEntry(c, "directory");
      await expectFailure(() => put(c, gone, "orphan.txt", "x"), "not-found");
      const root = await c.mount.root(calm());
      const file = await put(c, root, "file.txt", "x");
      await expectFailure(() => put(c, file, "below.txt", "x"), "not-a-directory", "not-found");
      await expectNames(c, root, ["file.txt"]);
    },
  },
  {
    name: "a new directory is listed, empty, and takes files (mount.ts, Mount.createDirectory)",
    concerns: ({ can }) => can.createDirectory,
    async run(c) {
      const root = await c.mount.root(calm());
      const made = await makeDirectory(c, root, "new");
      expect(made).toMatchObject({ name: "new", kind: "directory" });
      expect(made.size).toBeUndefined();
      if (c.traits.emptyDirectories !== false) {
        expect((await listed(c, root, "new")).id).toBe(made.id);
        await expectNames(c, made, []);
      }
      const nested = await makeDirectory(c, made, "nested");
      if (!c.can.upload) return;
      await put(c, nested, "deep.txt", "deep");
      await expectNames(c, await listed(c, await listed(c, root, "new"), "nested"), ["deep.txt"]);
    },
  },
  {
    name: "making a directory whose name is taken fails already-exists, by file or directory (mount.ts, Mount.createDirectory)",
    concerns: ({ can }) => can.createDirectory && can.upload,
    async run(c) {
      const root = await c.mount.root(calm());
      await put(c, await makeDirectory(c, root, "taken"), "kept.txt", "kept");
      await put(c, root, "file.txt", "kept");
      await expectFailure(() => makeDirectory(c, root, "taken"), "already-exists");
      await expectFailure(() => makeDirectory(c, root, "file.txt"), "already-exists");
      await expectNames(c, root, ["file.txt", "taken"]);
      await expectNames(c, await listed(c, root, "taken"), ["kept.txt"]);
    },
  },
  {
    name: "making a directory below what is gone fails not-found, below a file not-a-directory (mount.ts, Mount.createDirectory)",
    concerns: (facts) => facts.can.createDirectory && facts.can.upload && canMakeGone(facts),
    async run(c) {
      const gone = await goneEntry(c, "directory");
      await expectFailure(() => makeDirectory(c, gone, "orphan"), "not-found");
      const file = await put(c, await c.mount.root(calm()), "file.txt", "x");
      await expectFailure(() => makeDirectory(c, file, "below"), "not-a-directory", "not-found");
    },
  },
  {
    name: "what upload and createDirectory return can be stored and used at once (architecture.md §5)",
    concerns: ({ can }) => can.upload && can.createDirectory && can.read,
    async run(c) {
      const directory = stored(await makeDirectory(c, await c.mount.root(calm()), "directory"));
      const file = stored(await put(c, directory, "file.txt", "content"));
      expect((await contentOf(c, file)).toString()).toBe("content");
    },
  },
  {
    name: "an upload goes on from its checkpoint, and clears it when it is done (mount.ts, Checkpoint)",
    concerns: (facts) => facts.can.upload && facts.resumes,
    async run(c) {
      const content = pseudoRandomBytes(1_300_001, 12);
      const root = await c.mount.root(calm());
      let state: Json | undefined;
      const checkpoint: Checkpoint = {
        load: async () => state,
        async save(saved) {
          state = JSON.parse(JSON.stringify(saved));
        },
        async clear() {
          state = undefined;
        },
      };
      const breaks = { after: 1_000_000, error: new Error("the source broke off") };
      const broken = sourceFor(c, content, { breaks });
      const options = { ...calm(), conflict: "fail" as const, checkpoint };
      await expect(c.mount.upload!(root, "resumed.bin", broken, options)).rejects.toThrow();
      await c.mount.upload!(root, "resumed.bin", sourceFor(c, content), options);
      expect(state).toBeUndefined();
      expect((await contentOf(c, await listed(c, root, "resumed.bin"))).equals(content)).toBe(true);
    },
  },
  {
    name: "a file larger than the trait allows fails too-large (traits.ts, Traits.maxFileSize)",
    concerns: ({ can }) => can.upload && (can.traits.maxFileSize ?? Number.POSITIVE_INFINITY) < 4_000_000,
    async run(c) {
      const root = await c.mount.root(calm());
      const failure = await put(c, root, "large.bin", new Uint8Array(c.traits.maxFileSize! + 1)).catch(kindOf);
      expect(failure).toBe("too-large");
      await expectNames(c, root, []);
    },
  },
];
