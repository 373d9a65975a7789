import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import type { MountTree, Staging, TreeNode } from "#server/vfs/tree/tree.ts";
import { type OpenedTree, openTestTree, PATHS, ROOT, STABLE } from "./trees.ts";

/** What the tree must show, kept in the simplest way. */
interface ModelDirectory {
  entries: Map<string, Entry>;
  /** Local changes by name; `entry` is what is there now, absent after a removal. */
  changes: Map<string, { id: string; entry?: Entry; at: number }>;
  isListed: boolean;
}

interface World {
  readonly traits: Traits;
  readonly opened: OpenedTree;
  mount: MountTree;
  nodes: TreeNode[];
  readonly model: ModelDirectory[];
  readonly listing: ({ staging: Staging; startedAt: number; listed: Map<string, Entry> } | undefined)[];
}

const DIRECTORIES = ["left", "right"];
const nameOf = fc.constantFrom("a", "b", "c", "d", "\u00e9\x01");
const which = fc.nat({ max: DIRECTORIES.length - 1 });
const facts = fc.record({ name: nameOf, id: fc.integer({ min: 1, max: 7 }), size: fc.nat({ max: 3 }) });

type Step =
  | { do: "begin" | "commit" | "abandon"; d: number }
  | { do: "page"; d: number; page: { name: string; id: number; size: number }[] }
  | { do: "put"; d: number; entry: { name: string; id: number; size: number } }
  | { do: "remove"; d: number; name: string }
  | { do: "move"; d: number; name: string; to: number; newName: string }
  | { do: "reopen" }
  | { do: "sweep" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("begin" as const), d: which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("commit" as const), d: which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("abandon" as const), d: which }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("page" as const), d: which, page: fc.array(facts, { maxLength: 4 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("put" as const), d: which, entry: facts }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), d: which, name: nameOf }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("move" as const), d: which, name: nameOf, to: which, newName: nameOf }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ do: "reopen" as const }, { do: "sweep" as const }) },
);

function entryOf(world: World, d: number, { name, id, size }: { name: string; id: number; size: number }): Entry {
  return { id: world.traits.ids === "path" ? `${DIRECTORIES[d]}/${name}` : `${d}-${id}`, name, kind: "file", size };
}

async function run(world: World, s: Step): Promise<void> {
  world.opened.clock.time++;
  const at = world.opened.clock.time;
  if (s.do === "sweep") return world.opened.tree.sweep();
  if (s.do === "reopen") {
    world.listing.fill(undefined);
    await world.opened.reopen();
    return connect(world);
  }
  const { d } = s;
  const directory = world.model[d]!;
  const node = world.nodes[d]!;
  const listing = world.listing[d];
  if (s.do === "begin") {
    if (!listing) world.listing[d] = { staging: await world.mount.stage(node, at), startedAt: at, listed: new Map() };
  } else if (s.do === "page" && listing) {
    // A service without duplicate names lists each name and each id once.
    const page: Entry[] = [];
    for (const entry of s.page.map((e) => entryOf(world, d, e))) {
      if ([...listing.listed.values()].some((e) => e.id === entry.id || e.name === entry.name)) continue;
      listing.listed.set(entry.name, entry);
      page.push(entry);
    }
    await listing.staging.add(page);
  } else if (s.do === "abandon" && listing) {
    world.listing[d] = undefined;
    await listing.staging.abandon();
  } else if (s.do === "commit" && listing) {
    world.listing[d] = undefined;
    const before = JSON.stringify(shown(directory));
    commit(world, directory, listing);
    const { changed } = await listing.staging.commit();
    if (before !== JSON.stringify(shown(directory))) expect(changed).toBe(true);
  } else if (s.do === "put") {
    const entry = entryOf(world, d, s.entry);
    put(world, directory, entry, at);
    await world.mount.put(node, entry);
  } else if (s.do === "remove") {
    const visible = world.mount.toVisible(s.name);
    const there = directory.entries.get(s.name);
    directory.entries.delete(s.name);
    directory.changes.set(s.name, { id: there?.id ?? "", at });
    await world.mount.remove(node, visible);
  } else if (s.do === "move") {
    const there = directory.entries.get(s.name);
    if (!there) return;
    const to = world.model[s.to]!;
    const id = world.traits.ids === "path" ? `${DIRECTORIES[s.to]}/${s.newName}` : there.id;
    const n = world.mount.lookup(node, world.mount.toVisible(s.name))!.n;
    const moved = { ...there, id, name: s.newName };
    directory.entries.delete(s.name);
    directory.changes.set(s.name, { id: there.id, at });
    put(world, to, moved, at);
    expect((await world.mount.move(node, world.mount.toVisible(s.name), world.nodes[s.to]!, moved)).n).toBe(n);
  }
}

function put(world: World, directory: ModelDirectory, entry: Entry, at: number): void {
  for (const [name, other] of directory.entries) {
    if (world.traits.ids !== "stable" || other.id !== entry.id || name === entry.name) continue;
    directory.entries.delete(name);
    directory.changes.set(name, { id: entry.id, at });
  }
  directory.entries.set(entry.name, entry);
  directory.changes.set(entry.name, { id: entry.id, entry, at });
}

function commit(world: World, directory: ModelDirectory, listing: NonNullable<World["listing"][number]>): void {
  const ahead = new Map([...directory.changes].filter(([, change]) => change.at >= listing.startedAt));
  const ids = new Set([...ahead.values()].map((change) => change.id));
  const entries = new Map<string, Entry>();
  for (const [name, entry] of listing.listed) {
    if (ahead.has(name) || (world.traits.ids === "stable" && ids.has(entry.id))) continue;
    entries.set(name, entry);
  }
  for (const [name, change] of ahead) if (change.entry) entries.set(name, change.entry);
  directory.entries = entries;
  directory.changes = ahead;
  directory.isListed = true;
}

function shown(directory: ModelDirectory): unknown {
  return [...directory.entries.values()]
    .map(({ id, name, size }) => ({ id, name, size }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

async function connect(world: World): Promise<void> {
  world.mount = await world.opened.tree.openMount(1, world.traits);
  const root = world.mount.root()!;
  world.nodes = DIRECTORIES.map((name) => world.mount.lookup(root, name)!);
}

async function check(world: World): Promise<void> {
  for (const [d, node] of world.nodes.entries()) {
    const children = world.mount.children(node)!;
    const seen = children.map(({ id, rawName, size }) => ({ id, name: rawName, size }));
    expect([...seen].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))).toEqual(
      shown(world.model[d]!),
    );
    expect(new Set(children.map((c) => c.n)).size).toBe(children.length);
    const paged: TreeNode[] = [];
    for await (const page of world.mount.pages(node)) paged.push(...page);
    expect(paged).toEqual(children);
    for (const child of children) expect(world.mount.lookup(node, child.name)).toEqual(child);
    const state = world.mount.directory(node);
    expect(state !== undefined).toBe(world.model[d]!.isListed);
    if (state) expect(state.count).toBe(children.length);
  }
}

describe.each([STABLE, PATHS])("the tree with ids $ids", (traits) => {
  it("shows what a simple model shows, whatever comes between listings and local changes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 30 }), async (steps) => {
        await using opened = await openTestTree();
        const mount = await opened.tree.openMount(1, traits);
        const root = await mount.setRoot(ROOT);
        for (const name of DIRECTORIES) await mount.note(root, { id: name, name, kind: "directory" });
        const world: World = {
          traits,
          opened,
          mount,
          nodes: [],
          model: DIRECTORIES.map(() => ({ entries: new Map(), changes: new Map(), isListed: false })),
          listing: DIRECTORIES.map(() => undefined),
        };
        await connect(world);
        for (const s of steps) {
          await run(world, s);
          await check(world);
        }
      }),
      { numRuns: Number(process.env.PANDAV_TREE_RUNS ?? 25) },
    );
  }, 60_000);
});
