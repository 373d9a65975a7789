/** Moves, renames and copies. */
import { expect } from "vitest";
import type { CopyOptions, Entry, MoveOptions } from "#drivers/contract/mount.ts";
import type { CaseContext, ContractCase } from "../mount-under-test.ts";
import {
  calm,
  canMakeGone,
  contentOf,
  expectFailure,
  expectNames,
  goneEntry,
  listed,
  makeDirectory,
  outcomeOf,
  put,
  succeed,
  walk,
} from "../steps.ts";

type Verb = "move" | "copy";

const able =
  (verb: Verb): NonNullable<ContractCase["concerns"]> =>
  ({ can }) =>
    can[verb] && can.upload && can.createDirectory && can.read;

const replaces =
  (verb: Verb): NonNullable<ContractCase["concerns"]> =>
  (facts) =>
    able(verb)(facts) && facts.can.traits.replace === "atomic";

export const movingCases: readonly ContractCase[] = [
  ...(["move", "copy"] as const).flatMap(casesOf),
  {
    name: "rename: the name changes, the content stays, the old name is gone (mount.ts, Mount.move)",
    concerns: able("move"),
    async run(c) {
      const { root, file } = await plant(c);
      const moved = await entryAfter(c, root, "move", file, root, { name: "renamed.txt" });
      expect(moved.name).toBe("renamed.txt");
      await expectNames(c, root, ["from", "renamed.txt", "to"]);
      expect((await contentOf(c, moved)).toString()).toBe("file");
    },
  },
  {
    name: "rename of a directory keeps what is in it (mount.ts, Mount.move)",
    concerns: able("move"),
    async run(c) {
      const { root, from } = await plant(c);
      const moved = await entryAfter(c, root, "move", from, root, { name: "renamed" });
      await expectNames(c, root, ["file.txt", "renamed", "to"]);
      await expectInside(c, moved);
    },
  },
  {
    name: "ids stay across moves and renames where the trait says so (traits.ts, Traits.ids)",
    concerns: (facts) => able("move")(facts) && facts.can.traits.ids === "stable",
    async run(c) {
      const { root, to, from, file } = await plant(c);
      const renamed = await entryAfter(c, root, "move", file, root, { name: "renamed.txt" });
      expect(renamed.id).toBe(file.id);
      expect((await entryAfter(c, to, "move", renamed, to)).id).toBe(file.id);
      expect((await entryAfter(c, to, "move", from, to)).id).toBe(from.id);
      expect((await listed(c, await walk(c, ["to"]), "renamed.txt")).id).toBe(file.id);
    },
  },
  {
    name: "a directory moved into itself, or below itself, is refused and stays whole",
    concerns: able("move"),
    async run(c) {
      const { root, from } = await plant(c);
      const inner = await listed(c, from, "inner");
      for (const target of [from, inner]) {
        const { error } = await outcomeOf(c.mount.move!([from], target, { ...calm(), conflict: "fail" }));
        expect(error, "the outcome's error").toBeDefined();
      }
      await expectNames(c, root, ["file.txt", "from", "to"]);
      await expectInside(c, await listed(c, root, "from"));
    },
  },
  {
    name: "a file moved onto itself with replace is still there",
    concerns: replaces("move"),
    run: (c) => ontoItself(c, "move"),
  },
  {
    name: "a file copied onto itself with replace is still there",
    concerns: replaces("copy"),
    run: (c) => ontoItself(c, "copy"),
  },
  {
    name: "a directory copied into itself is refused or ends, and what was there stays whole",
    concerns: able("copy"),
    async run(c) {
      const { root, from } = await plant(c);
      const inner = await listed(c, from, "inner");
      const { error } = await outcomeOf(c.mount.copy!([from], inner, { ...calm(), conflict: "fail" }));
      await expectNames(c, root, ["file.txt", "from", "to"]);
      const stays = await listed(c, root, "from");
      await expectNames(c, stays, ["inner", "inside.txt"]);
      if (error) await expectInside(c, stays);
    },
  },
  {
    name: "a copy is another file: changing one leaves the other",
    concerns: replaces("copy"),
    async run(c) {
      const { root, to, file } = await plant(c);
      const copy = await entryAfter(c, to, "copy", file, to);
      expect(copy.id).not.toBe(file.id);
      await put(c, root, "file.txt", "changed", "replace");
      expect((await contentOf(c, await listed(c, to, "file.txt"))).toString()).toBe("file");
    },
  },
];

/** What moves and copies have in common. */
function casesOf(verb: Verb): readonly ContractCase[] {
  const leaves = verb === "move" ? [] : ["file.txt"];
  return [
    {
      name: `${verb}: a file into another directory`,
      concerns: able(verb),
      async run(c) {
        const { root, to, file } = await plant(c);
        const there = await entryAfter(c, to, verb, file, to);
        expect(there).toMatchObject({ name: "file.txt", kind: "file" });
        await expectNames(c, root, [...leaves, "from", "to"]);
        await expectNames(c, to, ["file.txt"]);
        expect((await contentOf(c, there)).toString()).toBe("file");
      },
    },
    {
      name: `${verb}: into another directory under another name`,
      concerns: able(verb),
      async run(c) {
        const { root, to, file } = await plant(c);
        const there = await entryAfter(c, to, verb, file, to, { name: "other.txt" });
        expect(there.name).toBe("other.txt");
        await expectNames(c, root, [...leaves, "from", "to"]);
        await expectNames(c, to, ["other.txt"]);
        expect((await contentOf(c, there)).toString()).toBe("file");
      },
    },
    {
      name: `${verb}: a directory with all that it contains`,
      concerns: able(verb),
      async run(c) {
        const { root, to, from } = await plant(c);
        const there = await entryAfter(c, to, verb, from, to);
        await expectNames(c, root, verb === "move" ? ["file.txt", "to"] : ["file.txt", "from", "to"]);
        await expectInside(c, there);
        if (verb === "copy") await expectInside(c, await listed(c, root, "from"));
      },
    },
    {
      name: `${verb}: several entries at once, one of them gone: one outcome each, in order (architecture.md §3, Batches)`,
      concerns: (facts) => able(verb)(facts) && canMakeGone(facts),
      async run(c) {
        const gone = await goneEntry(c, "file");
        const { root, to, file, from } = await plant(c);
        const outcomes = await c.mount[verb]!([file, gone, from], to, { ...calm(), conflict: "fail" });
        expect(outcomes.map(({ error }) => error?.kind)).toEqual([undefined, "not-found", undefined]);
        await expectNames(c, to, ["file.txt", "from"]);
        await expectInside(c, await listed(c, to, "from"));
        await expectNames(c, root, verb === "move" ? ["to"] : ["file.txt", "from", "to"]);
      },
    },
    {
      name: `${verb}: conflict fail: both stay as they were, already-exists (mount.ts, Conflict)`,
      concerns: able(verb),
      async run(c) {
        const { root, to, file } = await plant(c);
        await put(c, to, "file.txt", "theirs");
        await expectFailure(() => c.mount[verb]!([file], to, { ...calm(), conflict: "fail" }), "already-exists");
        await expectNames(c, root, ["file.txt", "from", "to"]);
        await expectNames(c, to, ["file.txt"]);
        expect((await contentOf(c, await listed(c, to, "file.txt"))).toString()).toBe("theirs");
        expect((await contentOf(c, await listed(c, root, "file.txt"))).toString()).toBe("file");
      },
    },
    {
      name: `${verb}: conflict replace: the entry stands alone under the name (mount.ts, Conflict)`,
      concerns: replaces(verb),
      async run(c) {
        const { root, to, file } = await plant(c);
        await put(c, to, "file.txt", "theirs, and longer");
        await entryAfter(c, to, verb, file, to, { conflict: "replace" });
        await expectNames(c, root, [...leaves, "from", "to"]);
        await expectNames(c, to, ["file.txt"]);
        expect((await contentOf(c, await listed(c, to, "file.txt"))).toString()).toBe("file");
      },
    },
    {
      name: `${verb}: conflict rename: both stand, under two names (mount.ts, Conflict)`,
      concerns: able(verb),
      async run(c) {
        const { root, to, file } = await plant(c);
        await put(c, to, "file.txt", "theirs");
        const { entry } = await succeed(c.mount[verb]!([file], to, { ...calm(), conflict: "rename" }));
        await expectNames(c, root, [...leaves, "from", "to"]);
        expect((await contentOf(c, await listed(c, to, "file.txt"))).toString()).toBe("theirs");
        if (!entry) return;
        expect(entry.name).not.toBe("file.txt");
        await expectNames(c, to, ["file.txt", entry.name]);
        expect((await contentOf(c, await listed(c, to, entry.name))).toString()).toBe("file");
      },
    },
    {
      name: `${verb}: of what is gone fails not-found`,
      concerns: (facts) => able(verb)(facts) && canMakeGone(facts),
      async run(c) {
        const gone = await goneEntry(c, "file");
        const { to } = await plant(c);
        await expectFailure(() => c.mount[verb]!([gone], to, { ...calm(), conflict: "fail" }), "not-found");
        await expectNames(c, to, []);
      },
    },
    {
      name: `${verb}: into what is gone fails not-found, into a file not-a-directory, and the entry stays`,
      concerns: (facts) => able(verb)(facts) && canMakeGone(facts),
      async run(c) {
        const gone = await goneEntry(c, "directory");
        const { root, from, file } = await plant(c);
        const other = await listed(c, from, "inside.txt");
        const options = { ...calm(), conflict: "fail" as const };
        await expectFailure(() => c.mount[verb]!([file], gone, options), "not-found");
        await expectFailure(() => c.mount[verb]!([file], other, options), "not-a-directory", "not-found");
        await expectNames(c, root, ["file.txt", "from", "to"]);
      },
    },
  ];
}

interface Planted {
  readonly root: Entry;
  readonly file: Entry;
  readonly from: Entry;
  readonly to: Entry;
}

/** `file.txt`, `from/inside.txt`, `from/inner/deep.txt` and an empty `to`. */
async function plant(c: CaseContext): Promise<Planted> {
  const root = await c.mount.root(calm());
  const from = await makeDirectory(c, root, "from");
  const to = await makeDirectory(c, root, "to");
  const inner = await makeDirectory(c, from, "inner");
  await put(c, from, "inside.txt", "inside");
  await put(c, inner, "deep.txt", "deep");
  return { root, file: await put(c, root, "file.txt", "file"), from, to };
}

async function expectInside(c: CaseContext, directory: Entry): Promise<void> {
  await expectNames(c, directory, ["inner", "inside.txt"]);
  expect((await contentOf(c, await listed(c, directory, "inside.txt"))).toString()).toBe("inside");
  const deep = await listed(c, await listed(c, directory, "inner"), "deep.txt");
  expect((await contentOf(c, deep)).toString()).toBe("deep");
}

/** The entry after the call: as the outcome says, and as it is listed, which must agree. */
async function entryAfter(
  c: CaseContext,
  where: Entry,
  verb: Verb,
  entry: Entry,
  parent: Entry,
  options: Partial<MoveOptions & CopyOptions> = {},
): Promise<Entry> {
  const { entry: told } = await succeed(c.mount[verb]!([entry], parent, { ...calm(), conflict: "fail", ...options }));
  const there = await listed(c, where, options.name ?? entry.name);
  if (told)
    expect({ id: told.id, name: told.name, kind: told.kind }).toMatchObject({
      id: there.id,
      name: there.name,
      kind: there.kind,
    });
  return there;
}

async function ontoItself(c: CaseContext, verb: Verb): Promise<void> {
  const { root, file } = await plant(c);
  await outcomeOf(c.mount[verb]!([file], root, { ...calm(), conflict: "replace" }));
  await expectNames(c, root, ["file.txt", "from", "to"]);
  expect((await contentOf(c, await listed(c, root, "file.txt"))).toString()).toBe("file");
}
