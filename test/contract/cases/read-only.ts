/** What holds of mounts that nobody can write to. */
import { expect } from "vitest";
import { OPERATIONS } from "#drivers/contract/mount.ts";
import { digestOf } from "#test/support/upload-source.ts";
import type { ContractCase } from "../mount-under-test.ts";
import { calm, contentOf, listAll, walk } from "../steps.ts";
import { fileOf, standingTree, treeOf } from "../tree.ts";

/** Methods that change something at the service. */
const WRITING = OPERATIONS.filter((operation) =>
  ["createDirectory", "move", "copy", "remove", "upload", "abandonUpload", "setModifiedAt", "receive"].includes(
    operation,
  ),
);

const readOnly: NonNullable<ContractCase["concerns"]> = ({ can }) => !can.upload && !can.createDirectory;

export const readOnlyCases: readonly ContractCase[] = [
  {
    name: "a read-only mount has no method that writes: absent means unable (architecture.md §3)",
    concerns: readOnly,
    async run(c) {
      expect(WRITING.filter((operation) => c.mount[operation] !== undefined)).toEqual([]);
      expect(c.mount.trash).toBeUndefined();
      expect(c.mount.offline).toBeUndefined();
    },
  },
  {
    name: "a read-only mount holds something that the suite can look at",
    concerns: readOnly,
    async run(c) {
      expect(treeOf(c)).not.toEqual([]);
      await standingTree(c);
      expect(await listAll(c, await c.mount.root(calm()))).not.toEqual([]);
    },
  },
  {
    name: "hashes that the traits declare are listed, and right, on a read-only mount (traits.ts, Traits.hashes)",
    concerns: (facts) =>
      readOnly(facts) && facts.can.read && facts.can.traits.hashes.length > 0 && fileOf(treeOf(facts), 1) !== undefined,
    async run(c) {
      const file = await walk(c, fileOf(await standingTree(c), 1)!.path);
      const content = await contentOf(c, file);
      for (const name of c.traits.hashes) {
        expect(file.hashes?.[name], name).toBeDefined();
        if (name !== "crc64") expect(file.hashes?.[name], name).toBe(digestOf(content, name));
      }
    },
  },
  {
    name: "two listings of what nobody changes are equal",
    concerns: (facts) => readOnly(facts) && treeOf(facts).length > 0,
    async run(c) {
      await standingTree(c);
      const root = await c.mount.root(calm());
      expect(await listAll(c, root)).toEqual(await listAll(c, root));
    },
  },
];
