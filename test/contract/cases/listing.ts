/** Listings: complete, in pages, and never an empty answer in place of a failure. */
import { expect } from "vitest";
import type { Entry } from "#drivers/contract/mount.ts";
import type { CaseContext, ContractCase, Facts, Held } from "../mount-under-test.ts";
import {
  calm,
  canMakeGone,
  expectFailure,
  goneEntry,
  listAll,
  makeDirectory,
  put,
  soon,
  sourceFor,
  walk,
  within,
} from "../steps.ts";
import { everyPath, fileOf, standingTree, treeOf } from "../tree.ts";

/** More than two pages of any service that lists by 1,000, or by 1,150. */
const MANY = 2_500;

/** How many files are made at the same time. */
const AT_ONCE = 16;

export const listingCases: readonly ContractCase[] = [
  {
    name: "a listing holds exactly what is in the directory",
    concerns: (facts) => treeOf(facts).length > 0,
    async run(c) {
      const expected = everyPath(await standingTree(c));
      const complete = c.holds === undefined || c.seed !== undefined;
      const directories = [
        [],
        ...[...expected].filter(([, kind]) => kind === "directory").map(([path]) => path.split("/")),
      ];
      for (const directory of directories) {
        const prefix = directory.map((name) => `${name}/`).join("");
        const children = [...expected].filter(
          ([path]) => path.startsWith(prefix) && !path.slice(prefix.length).includes("/"),
        );
        const seen = (await listAll(c, await walk(c, directory))).map(({ name, kind }) => [prefix + name, kind]);
        if (complete) expect(seen.sort()).toEqual(children.sort());
        else expect(seen).toEqual(expect.arrayContaining(children));
      }
    },
  },
  {
    name: "a listing of more than two pages is whole, each entry once (mount.ts, Mount.list)",
    concerns: (facts) => manyHeld(facts) !== undefined || (!facts.holds && canFill(facts)),
    timeoutMs: 120_000,
    async run(c) {
      const directory = await directoryOfMany(c);
      const all = await listAll(c, directory);
      const count = manyHeld(c)?.entries ?? MANY;
      expect(all).toHaveLength(count);
      expect(new Set(all.map(({ id }) => id)).size).toBe(count);
      expect(new Set(all.map(({ name }) => name)).size).toBe(count);
    },
  },
  {
    name: "a listing that nobody reads to its end lets go (architecture.md §3)",
    concerns: (facts) => manyHeld(facts) !== undefined || (!facts.holds && canFill(facts)),
    timeoutMs: 120_000,
    async run(c) {
      const directory = await directoryOfMany(c);
      const before = c.held?.();
      for await (const page of c.mount.list(directory, calm())) {
        expect(page.length).toBeGreaterThan(0);
        break;
      }
      await within(5_000, () => expect(c.held?.()).toBe(before));
      if (c.mount.close) await soon(c.mount.close(), "closing after a listing was left");
    },
  },
  {
    name: "a listing aborted between two pages throws the signal's reason and never ends as if complete (mount.ts, Mount)",
    concerns: (facts) => manyHeld(facts) !== undefined || (!facts.holds && canFill(facts)),
    timeoutMs: 120_000,
    async run(c) {
      const directory = await directoryOfMany(c);
      const total = manyHeld(c)?.entries ?? MANY;
      const controller = new AbortController();
      const reason = new Error("enough");
      let seen = 0;
      let failure: unknown;
      try {
        for await (const page of c.mount.list(directory, { signal: controller.signal })) {
          seen += page.length;
          controller.abort(reason);
        }
      } catch (error) {
        failure = error;
      }
      if (seen < total) expect(failure).toBe(reason);
      else expect([undefined, reason]).toContain(failure);
      expect(await listAll(c, directory)).toHaveLength(total);
    },
  },
  {
    name: "listing a directory that is gone fails not-found (mount.ts, Mount.list)",
    concerns: canMakeGone,
    async run(c) {
      const gone = await goneEntry(c, "directory");
      await expectFailure(() => listAll(c, gone), "not-found");
    },
  },
  {
    name: "listing a file fails not-a-directory (mount.ts, Mount.list)",
    concerns: (facts) => fileOf(treeOf(facts), 0) !== undefined,
    async run(c) {
      const { path } = fileOf(await standingTree(c), 0)!;
      const file = await walk(c, path);
      await expectFailure(() => listAll(c, file), "not-a-directory");
    },
  },
  {
    name: "entries that a listing gave do not change afterwards (mount.ts, Entry)",
    concerns: ({ can }) => can.upload && can.remove,
    async run(c) {
      const root = await c.mount.root(calm());
      await c.mount.upload!(root, "a.txt", sourceFor(c, Buffer.from("one")), { ...calm(), conflict: "fail" });
      const before = await listAll(c, root);
      const copy = structuredClone(before);
      if (c.traits.replace === "atomic") {
        await c.mount.upload!(root, "a.txt", sourceFor(c, Buffer.from("longer")), { ...calm(), conflict: "replace" });
      }
      await c.mount.remove!([(await listAll(c, root))[0]!], { ...calm(), mode: "permanent" });
      expect(before).toEqual(copy);
    },
  },
  {
    name: "what another's hand put there is listed (architecture.md §5)",
    concerns: ({ can, seed }) => seed !== undefined && can.upload,
    async run(c) {
      const root = await c.mount.root(calm());
      expect(await listAll(c, root)).toEqual([]);
      await c.seed!([{ path: ["theirs.txt"], kind: "file", content: Buffer.from("theirs") }]);
      expect((await listAll(c, root)).map(({ name, size }) => [name, size])).toEqual([["theirs.txt", 6]]);
    },
  },
  {
    name: "a watched directory says soon that another's hand changed it, until the signal aborts (mount.ts, Mount.watch)",
    concerns: ({ can, seed }) => can.watch && seed !== undefined,
    async run(c) {
      const root = await c.mount.root(calm());
      const controller = new AbortController();
      let calls = 0;
      c.mount.watch!(root, () => calls++, controller.signal);
      const things = (name: string): Held[] => [{ path: [name], kind: "file", content: Buffer.from(name) }];
      await c.seed!(things("one.txt"));
      await within(2_000, () => expect(calls).toBeGreaterThan(0));
      controller.abort();
      const told = calls;
      await c.seed!(things("two.txt"));
      await listAll(c, root);
      expect(calls).toBe(told);
    },
  },
];

function manyHeld(facts: Pick<Facts, "holds">): Held | undefined {
  return facts.holds?.find(({ entries }) => entries !== undefined && entries > 2_000);
}

function canFill({ can, seed }: Pick<Facts, "can" | "seed">): boolean {
  return seed !== undefined || can.createDirectory || can.upload;
}

async function directoryOfMany(c: CaseContext): Promise<Entry> {
  const held = manyHeld(c);
  if (held) return walk(c, held.path);
  const root = await c.mount.root(calm());
  const numbers = Array.from({ length: MANY }, (_, i) => i);
  const name = (i: number) => `entry ${String(i).padStart(4, "0")}`;
  if (c.seed) {
    await c.seed(numbers.map((i): Held => ({ path: [name(i)], kind: "file", content: new Uint8Array() })));
    return root;
  }
  const next = numbers.values();
  const worker = async () => {
    for (const i of next) await (c.can.createDirectory ? makeDirectory(c, root, name(i)) : put(c, root, name(i), ""));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return root;
}
