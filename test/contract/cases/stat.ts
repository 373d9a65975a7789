/** `stat`, where a mount has one, and `usage`. */
import { expect } from "vitest";
import type { ContractCase } from "../mount-under-test.ts";
import { calm, expectFailure, listAll, walk } from "../steps.ts";
import { fileOf, standingTree, treeOf } from "../tree.ts";

/** Segments that are no names (`drivers/contract/path.ts`). */
const NO_PATHS = [[".."], ["..", ".."], ["a/../../b"], ["a\0b"], ["."], [""], ["../.."], ["/etc"]];

export const statCases: readonly ContractCase[] = [
  {
    name: "stat gives the entry that the listing gives, and the root for no segments (mount.ts, Mount.stat)",
    concerns: (facts) => facts.can.stat && treeOf(facts).length > 0,
    async run(c) {
      const tree = await standingTree(c);
      expect(await c.mount.stat!([], calm())).toMatchObject({ id: (await c.mount.root(calm())).id, kind: "directory" });
      for (const { path } of tree.slice(0, 20)) {
        expect(await c.mount.stat!(path, calm())).toEqual(await walk(c, path));
      }
    },
  },
  {
    name: "stat of a missing path fails not-found (mount.ts, Mount.stat)",
    concerns: ({ can }) => can.stat,
    async run(c) {
      await expectFailure(() => c.mount.stat!(["never-there"], calm()), "not-found");
      await expectFailure(() => c.mount.stat!(["never-there", "nor", "this"], calm()), "not-found");
    },
  },
  {
    name: "stat of a path through a file fails not-a-directory (mount.ts, Mount.stat)",
    concerns: (facts) => facts.can.stat && fileOf(treeOf(facts), 0) !== undefined,
    async run(c) {
      const { path } = fileOf(await standingTree(c), 0)!;
      await expectFailure(() => c.mount.stat!([...path, "below"], calm()), "not-a-directory");
    },
  },
  ...NO_PATHS.map(
    (path): ContractCase => ({
      name: `stat of ${JSON.stringify(path)} fails and never leaves the root (architecture.md §3)`,
      concerns: ({ can }) => can.stat,
      async run(c) {
        await expectFailure(() => c.mount.stat!(path, calm()), "invalid-name", "not-found");
      },
    }),
  ),
  {
    name: "usage is whole bytes, and no more is used than there is (mount.ts, Usage)",
    concerns: ({ can }) => can.usage,
    async run(c) {
      const usage = await c.mount.usage!(calm());
      for (const bytes of Object.values(usage)) {
        expect(Number.isSafeInteger(bytes) && bytes >= 0, JSON.stringify(usage)).toBe(true);
      }
      if (usage.used !== undefined && usage.total !== undefined) expect(usage.used).toBeLessThanOrEqual(usage.total);
    },
  },
  {
    name: "a mount closes, and its listings were no lie until then",
    concerns: (facts) => treeOf(facts).length > 0,
    async run(c) {
      await standingTree(c);
      expect(await listAll(c, await c.mount.root(calm()))).not.toEqual([]);
      await c.mount.close?.();
    },
  },
];
