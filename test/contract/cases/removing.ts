/** Removal, the service's recycle bin, and times. */
import { expect } from "vitest";
import type { Entry } from "#drivers/contract/mount.ts";
import type { CaseContext, ContractCase } from "../mount-under-test.ts";
import {
  calm,
  canMakeGone,
  contentOf,
  expectFailure,
  expectNames,
  goneEntry,
  listAll,
  listed,
  makeDirectory,
  put,
  sourceFor,
  succeed,
} from "../steps.ts";

const permanent = () => ({ ...calm(), mode: "permanent" as const });

/** A time with a fraction of every precision in use. */
const SOME_TIME_MS = 1_234_567_891_234;

export const removingCases: readonly ContractCase[] = [
  {
    name: "a removed file is gone, and its neighbours are not (mount.ts, Mount.remove)",
    concerns: ({ can }) => can.remove && can.upload,
    async run(c) {
      const root = await c.mount.root(calm());
      const file = await put(c, root, "one.txt", "1");
      await put(c, root, "two.txt", "2");
      await succeed(c.mount.remove!([file], permanent()));
      await expectNames(c, root, ["two.txt"]);
      if (c.can.read) await expectFailure(() => contentOf(c, file), "not-found");
    },
  },
  {
    name: "a removed directory is gone with all that it contains (mount.ts, Mount.remove)",
    concerns: ({ can }) => can.remove && can.upload && can.createDirectory,
    async run(c) {
      const root = await c.mount.root(calm());
      const directory = await makeDirectory(c, root, "full");
      const inner = await makeDirectory(c, directory, "inner");
      await put(c, inner, "deep.txt", "deep");
      await put(c, directory, "inside.txt", "inside");
      await succeed(c.mount.remove!([directory], permanent()));
      await expectNames(c, root, []);
      await expectFailure(() => listAll(c, inner), "not-found");
      const again = await makeDirectory(c, root, "full");
      await expectNames(c, again, []);
    },
  },
  {
    name: "removing several, one of them gone: one outcome each, in order (architecture.md §3, Batches)",
    concerns: (facts) => facts.can.remove && facts.can.upload && canMakeGone(facts),
    async run(c) {
      const gone = await goneEntry(c, "file");
      const root = await c.mount.root(calm());
      const one = await put(c, root, "one.txt", "1");
      const two = await put(c, root, "two.txt", "2");
      await put(c, root, "three.txt", "3");
      const outcomes = await c.mount.remove!([one, gone, two], permanent());
      expect(outcomes.map(({ error }) => error?.kind)).toEqual([undefined, "not-found", undefined]);
      await expectNames(c, root, ["three.txt"]);
    },
  },
  {
    name: "removing what is gone fails not-found (mount.ts, Mount.remove)",
    concerns: (facts) => facts.can.remove && canMakeGone(facts),
    async run(c) {
      const gone = await goneEntry(c, "file");
      await expectFailure(() => c.mount.remove!([gone], permanent()), "not-found");
    },
  },
  {
    name: "removing nothing has no outcomes (mount.ts, BatchResult)",
    concerns: ({ can }) => can.remove,
    async run(c) {
      expect(await c.mount.remove!([], permanent())).toEqual([]);
    },
  },
  {
    name: "a file moved to the trash is listed there, and can be restored (mount.ts, Trash)",
    concerns: ({ can }) => can.trash && can.remove && can.upload && can.read,
    async run(c) {
      const root = await c.mount.root(calm());
      const file = await put(c, root, "binned.txt", "binned");
      await succeed(c.mount.remove!([file], { ...calm(), mode: "trash" }));
      await expectNames(c, root, []);
      const [binned] = await trashed(c);
      expect(binned).toMatchObject({ name: "binned.txt", kind: "file" });
      await succeed(c.mount.trash!.restore([binned!.id], calm()));
      expect((await contentOf(c, await listed(c, root, "binned.txt"))).toString()).toBe("binned");
      expect(await trashed(c)).toEqual([]);
    },
  },
  {
    name: "a purged file leaves the trash for good (mount.ts, Trash.purge)",
    concerns: ({ can }) => can.trash && can.remove && can.upload,
    async run(c) {
      const file = await put(c, await c.mount.root(calm()), "binned.txt", "binned");
      await succeed(c.mount.remove!([file], { ...calm(), mode: "trash" }));
      await succeed(c.mount.trash!.purge([(await trashed(c))[0]!.id], calm()));
      expect(await trashed(c)).toEqual([]);
    },
  },
  {
    name: "an upload's time is stored where the trait says so (traits.ts, Traits.setsModifiedAt)",
    concerns: ({ can }) => can.upload && can.traits.setsModifiedAt === true,
    async run(c) {
      const root = await c.mount.root(calm());
      const source = sourceFor(c, Buffer.from("timed"), { modifiedAt: SOME_TIME_MS });
      expectTime(c, await put(c, root, "timed.txt", source));
      expectTime(c, await listed(c, root, "timed.txt"));
    },
  },
  {
    name: "a time that is set is listed, to the declared precision (mount.ts, Mount.setModifiedAt)",
    concerns: ({ can }) => can.setModifiedAt && can.upload,
    async run(c) {
      const root = await c.mount.root(calm());
      const file = await put(c, root, "timed.txt", "timed");
      const changed = await c.mount.setModifiedAt!(file, SOME_TIME_MS, calm());
      expectTime(c, changed);
      expect(changed).toMatchObject({ id: file.id, name: "timed.txt", size: file.size });
      expectTime(c, await listed(c, root, "timed.txt"));
      if (c.can.read) expect((await contentOf(c, changed)).toString()).toBe("timed");
    },
  },
  {
    name: "setting the time of what is gone fails not-found (mount.ts, Mount.setModifiedAt)",
    concerns: (facts) => facts.can.setModifiedAt && canMakeGone(facts),
    async run(c) {
      const gone = await goneEntry(c, "file");
      await expectFailure(() => c.mount.setModifiedAt!(gone, SOME_TIME_MS, calm()), "not-found");
    },
  },
];

function expectTime(c: CaseContext, entry: Entry): void {
  const precision = c.traits.modifiedAtPrecisionMs;
  expect(precision, "a mount that sets times declares their precision").toBeDefined();
  expect(entry.modifiedAt).toBeDefined();
  expect(Math.abs(entry.modifiedAt! - SOME_TIME_MS)).toBeLessThanOrEqual(precision!);
}

async function trashed(c: CaseContext) {
  const all = [];
  for await (const page of c.mount.trash!.list(calm())) all.push(...page);
  return all;
}
