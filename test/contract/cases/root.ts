/** The root, and what every entry of a mount is. */
import { expect } from "vitest";
import type { Entry } from "#drivers/contract/mount.ts";
import { checkName } from "#drivers/contract/path.ts";
import type { CaseContext, ContractCase } from "../mount-under-test.ts";
import { calm, contentOf, listAll, stored, walk } from "../steps.ts";
import { fileOf, standingTree, treeOf } from "../tree.ts";

export const rootCases: readonly ContractCase[] = [
  {
    name: "the root is a directory without a name, and the same each time (mount.ts, Entry.name)",
    async run(c) {
      const root = await c.mount.root(calm());
      expect(root).toMatchObject({ kind: "directory", name: "" });
      expect((await c.mount.root(calm())).id).toBe(root.id);
      if (c.traits.ids === "path") expect(root.id).toBe("");
      else expect(root.id).not.toBe("");
    },
  },
  {
    name: "an empty storage lists an empty root",
    concerns: ({ can, holds }) => holds === undefined && (can.upload || can.createDirectory),
    async run(c) {
      expect(await listAll(c, await c.mount.root(calm()))).toEqual([]);
    },
  },
  {
    name: "entries have an id, a kind, a size and times of the declared precision, and no others (mount.ts, Entry)",
    concerns: (facts) => treeOf(facts).length > 0,
    async run(c) {
      const tree = await standingTree(c);
      for (const { path } of tree.filter(({ path }) => path.length === 1)) await expectWellFormed(c, path);
      const nested = tree.find(({ path }) => path.length > 1);
      if (nested) await expectWellFormed(c, nested.path);
    },
  },
  {
    name: "ids are the path where the trait says so (mount.ts, Entry.id)",
    concerns: (facts) => facts.can.traits.ids === "path" && treeOf(facts).length > 0,
    async run(c) {
      for (const { path } of (await standingTree(c)).slice(0, 20)) {
        expect((await walk(c, path)).id).toBe(path.join("/"));
      }
    },
  },
  {
    name: "entries can be stored and given back: nothing that a method needs hides in the object (architecture.md §5)",
    concerns: (facts) => facts.can.read && fileOf(treeOf(facts), 1) !== undefined,
    async run(c) {
      const { path, content } = fileOf(await standingTree(c), 1)!;
      const root = stored(await c.mount.root(calm()));
      expect(await listAll(c, root)).not.toEqual([]);
      let entry = root;
      for (const name of path) {
        entry = stored((await listAll(c, entry)).find((child) => child.name === name)!);
      }
      expect(await contentOf(c, entry)).toEqual(Buffer.from(content!));
    },
  },
  {
    name: "ids differ between entries (mount.ts, Entry.id)",
    concerns: (facts) => treeOf(facts).length > 0,
    async run(c) {
      const tree = await standingTree(c);
      const ids = [(await c.mount.root(calm())).id];
      for (const { path } of tree.slice(0, 50)) ids.push((await walk(c, path)).id);
      expect(new Set(ids).size).toBe(ids.length);
    },
  },
];

async function expectWellFormed(c: CaseContext, path: readonly string[]): Promise<void> {
  const parent = await walk(c, path.slice(0, -1));
  for (const entry of await listAll(c, parent)) {
    const said = `the entry ${JSON.stringify(entry)}`;
    expect(typeof entry.id, said).toBe("string");
    expect(entry.id, said).not.toBe("");
    if (!c.traits.names.holdsSeparators) expect(() => checkName(entry.name), said).not.toThrow();
    expect(["file", "directory"], said).toContain(entry.kind);
    if (entry.kind === "directory") expect(entry.size, said).toBeUndefined();
    if (entry.size !== undefined) expect(Number.isSafeInteger(entry.size) && entry.size >= 0, said).toBe(true);
    expect(["exact", "about", undefined], said).toContain(entry.sizeIs);
    expectTimes(c, entry, said);
    for (const [name, hash] of Object.entries(entry.hashes ?? {})) expect(hash, said).toMatch(HASH_FORMS[name]!);
    expect(stored(entry), "entries are data").toEqual(entry);
  }
}

function expectTimes(c: CaseContext, entry: Entry, said: string): void {
  if (c.traits.modifiedAtPrecisionMs === undefined) expect(entry.modifiedAt, said).toBeUndefined();
  else if (entry.kind === "file") expect(entry.modifiedAt, said).toBeTypeOf("number");
  for (const time of [entry.modifiedAt, entry.createdAt]) {
    if (time !== undefined) expect(Number.isFinite(time), said).toBe(true);
  }
}

/** `Hashes` in `drivers/contract/mount.ts`. */
const HASH_FORMS: Readonly<Record<string, RegExp>> = {
  sha1: /^[0-9a-f]{40}$/,
  md5: /^[0-9a-f]{32}$/,
  sha256: /^[0-9a-f]{64}$/,
  crc64: /^\d{1,20}$/,
};
