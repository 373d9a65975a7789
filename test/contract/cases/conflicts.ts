/** What happens when a name is taken, and that the old file lives until the new one is complete. */
import { expect } from "vitest";
import { pseudoRandomBytes } from "#test/support/pseudo-random.ts";
import type { CaseContext, ContractCase } from "../mount-under-test.ts";
import {
  calm,
  contentOf,
  expectFailure,
  expectNames,
  find,
  listAll,
  listed,
  makeDirectory,
  put,
  soon,
  sourceFor,
  within,
} from "../steps.ts";

const OLD = "the old content";

/** Whether a call with `replace` is one step; elsewhere the layer `complete` makes it so (traits.ts, Traits.replace). */
const replaces: NonNullable<ContractCase["concerns"]> = ({ can }) =>
  can.upload && can.read && can.traits.replace === "atomic";

export const conflictCases: readonly ContractCase[] = [
  {
    name: "conflict fail: a taken name fails already-exists and the old file stays (mount.ts, Conflict)",
    concerns: ({ can }) => can.upload && can.read,
    async run(c) {
      const root = await c.mount.root(calm());
      await put(c, root, "taken.txt", OLD);
      await expectFailure(() => put(c, root, "taken.txt", "new", "fail"), "already-exists");
      await expectOnly(c, "taken.txt", OLD);
    },
  },
  {
    name: "conflict replace: the new content stands alone under the name (mount.ts, Conflict)",
    concerns: replaces,
    async run(c) {
      const root = await c.mount.root(calm());
      await put(c, root, "taken.txt", OLD);
      const entry = await put(c, root, "taken.txt", "a new content, and longer", "replace");
      expect(entry.name).toBe("taken.txt");
      await expectOnly(c, "taken.txt", "a new content, and longer");
      await put(c, root, "taken.txt", "", "replace");
      await expectOnly(c, "taken.txt", "");
      await put(c, root, "free.txt", "created", "replace");
      await expectNames(c, root, ["free.txt", "taken.txt"]);
    },
  },
  {
    name: "conflict replace changes what the entry says of its content (mount.ts, Entry.version)",
    concerns: (facts) => replaces(facts),
    async run(c) {
      const root = await c.mount.root(calm());
      const before = await put(c, root, "same-size.txt", "11111");
      await put(c, root, "same-size.txt", "22222", "replace");
      const after = await listed(c, root, "same-size.txt");
      // A version tells apart what one id had and has; another id is told apart by itself.
      if (before.version !== undefined) expect([after.id, after.version]).not.toEqual([before.id, before.version]);
      for (const name of c.traits.hashes) expect(after.hashes?.[name]).not.toBe(before.hashes?.[name]);
    },
  },
  {
    name: "conflict rename: both files stand, the new one under another name (mount.ts, Conflict)",
    concerns: ({ can }) => can.upload && can.read,
    async run(c) {
      const root = await c.mount.root(calm());
      await put(c, root, "taken.txt", OLD);
      const entry = await put(c, root, "taken.txt", "new", "rename");
      expect(entry.name).not.toBe("taken.txt");
      await expectNames(c, root, ["taken.txt", entry.name]);
      expect((await contentOf(c, await listed(c, root, "taken.txt"))).toString()).toBe(OLD);
      expect((await contentOf(c, await listed(c, root, entry.name))).toString()).toBe("new");
      const third = await put(c, root, "taken.txt", "third", "rename");
      expect([entry.name, "taken.txt"]).not.toContain(third.name);
      expect((await put(c, root, "free.txt", "x", "rename")).name).toBe("free.txt");
    },
  },
  {
    name: "a file never replaces a directory: what is in it stays (architecture.md §3, Replace)",
    concerns: (facts) => facts.can.upload && facts.can.createDirectory,
    async run(c) {
      const root = await c.mount.root(calm());
      await put(c, await makeDirectory(c, root, "taken"), "kept.txt", "kept");
      await expectFailure(() => put(c, root, "taken", "x", "fail"), "already-exists", "is-a-directory");
      if (c.traits.replace === "atomic") {
        await expectFailure(() => put(c, root, "taken", "x", "replace"), "is-a-directory", "already-exists");
      }
      await expectNames(c, root, ["taken"]);
      await expectNames(c, await listed(c, root, "taken"), ["kept.txt"]);
    },
  },
  {
    name: "the old file stays when the new one's source fails in the middle (architecture.md §3, Replace)",
    concerns: replaces,
    async run(c) {
      const root = await c.mount.root(calm());
      await put(c, root, "kept.txt", OLD);
      const breaks = { after: 100_000, error: new Error("the client broke off") };
      const source = sourceFor(c, pseudoRandomBytes(300_000, 20), { breaks });
      await expect(put(c, root, "kept.txt", source, "replace")).rejects.toThrow();
      await expectOnly(c, "kept.txt", OLD);
    },
  },
  {
    name: "the old file stays when the new one is shorter or longer than its source said (architecture.md §3, Replace)",
    concerns: replaces,
    async run(c) {
      const root = await c.mount.root(calm());
      await put(c, root, "kept.txt", OLD);
      for (const size of [100, 5]) {
        const source = sourceFor(c, Buffer.from("a new content"), { size });
        await expectFailure(() => put(c, root, "kept.txt", source, "replace"), "incomplete");
      }
      await expectOnly(c, "kept.txt", OLD);
    },
  },
  {
    name: "the old file can be read while the new one is on its way, and stays when that is aborted (architecture.md §3, Replace)",
    concerns: replaces,
    async run(c) {
      const root = await c.mount.root(calm());
      await put(c, root, "kept.txt", OLD);
      const reached = Promise.withResolvers<void>();
      const source = sourceFor(c, pseudoRandomBytes(300_000, 21), {
        hangs: { after: 200_000, reached: reached.resolve },
      });
      const controller = new AbortController();
      const reason = new Error("the client left");
      const upload = c.mount.upload!(root, "kept.txt", source, { signal: controller.signal, conflict: "replace" });
      upload.catch(() => undefined);
      await soon(Promise.race([reached.promise, upload.then(() => undefined)]), "reading the source");
      expect((await contentOf(c, (await find(c, root, "kept.txt"))!)).toString()).toBe(OLD);
      controller.abort(reason);
      await expect(soon(upload, "the end of the aborted upload")).rejects.toBe(reason);
      await expectOnly(c, "kept.txt", OLD);
    },
  },
  {
    name: "two writers on one name: the result is one of both, whole (architecture.md §6)",
    concerns: replaces,
    async run(c) {
      const root = await c.mount.root(calm());
      const contents = [pseudoRandomBytes(400_001, 22), pseudoRandomBytes(300_002, 23)];
      const ends = await Promise.allSettled(contents.map((content) => put(c, root, "one.bin", content, "replace")));
      const won = contents.filter((_, i) => ends[i]!.status === "fulfilled");
      expect(won, "at least one writer succeeds").not.toEqual([]);
      await expectNames(c, root, ["one.bin"]);
      const bytes = await contentOf(c, await listed(c, root, "one.bin"));
      expect(won.some((content) => content.equals(bytes))).toBe(true);
    },
  },
  {
    name: "two writers on a free name with conflict fail: one wins, the other gets already-exists (mount.ts, Conflict)",
    concerns: (facts) => replaces(facts) && !facts.can.traits.duplicateNames,
    async run(c) {
      const root = await c.mount.root(calm());
      const contents = [pseudoRandomBytes(400_001, 24), pseudoRandomBytes(300_002, 25)];
      const ends = await Promise.allSettled(contents.map((content) => put(c, root, "one.bin", content, "fail")));
      const lost = ends.filter((end) => end.status === "rejected");
      expect(lost).toHaveLength(1);
      await expectFailure(() => Promise.reject(lost[0]!.reason), "already-exists");
      const bytes = await contentOf(c, await listed(c, root, "one.bin"));
      expect(contents[ends.findIndex((end) => end.status === "fulfilled")]!.equals(bytes)).toBe(true);
    },
  },
  {
    name: "a reader that began before a replace gets the old bytes whole or a failure, never a mixture",
    concerns: (facts) => replaces(facts) && facts.readsItself,
    async run(c) {
      const root = await c.mount.root(calm());
      const old = pseudoRandomBytes(1_300_001, 26);
      const file = await put(c, root, "read.bin", old);
      const stream = await c.mount.read!(file, undefined, calm());
      await put(c, root, "read.bin", pseudoRandomBytes(1_300_001, 27), "replace");
      const got = await stream.toArray().then(Buffer.concat, () => undefined);
      if (got) expect(got.equals(old)).toBe(true);
      await within(5_000, () => expect(stream.destroyed).toBe(true));
    },
  },
];

/** The root holds that file alone, and it reads as that text. */
async function expectOnly(c: CaseContext, name: string, text: string): Promise<void> {
  const root = await c.mount.root(calm());
  await expectNames(c, root, [name]);
  expect(await listAll(c, root)).toHaveLength(1);
  expect((await contentOf(c, await listed(c, root, name))).toString()).toBe(text);
}
