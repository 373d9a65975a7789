/** Whatever happens to the tree, a search finds exactly what a walk through it meets. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "#drivers/contract/mount.ts";
import { NameKeeper } from "#server/vfs/search/name-keeper.ts";
import { hasWords, wantedOf } from "#server/vfs/search/words.ts";
import type { MountTree, TreeNode } from "#server/vfs/tree/tree.ts";
import { list, type OpenedTree, openTestTree, PATHS, ROOT, STABLE } from "../tree/trees.ts";

const NAMES = ["红楼梦", "红楼 一", "楼红", "red one", "red two", "Blue-Red.txt", "one", "二"];
const KEYWORDS = ["红楼", "楼", "red", "re", "one", "blue", "", "二", "none"];

const name = fc.constantFrom(...NAMES);
/** A directory is chosen among those that there are. */
const where = fc.nat({ max: 20 });
const entry = fc.record({ name, id: fc.nat({ max: 12 }), isDirectory: fc.boolean(), size: fc.nat({ max: 2 }) });
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("list" as const), where, entries: fc.array(entry, { maxLength: 6 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("half a listing" as const),
      where,
      entries: fc.array(entry, { maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("put" as const), where, entry }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), where, name }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("move" as const), where, name, to: where, newName: name }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom({ do: "sweep" as const }, { do: "reopen" as const }, { do: "lose the index" as const }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("search" as const), keywords: fc.constantFrom(...KEYWORDS), where }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class World {
  readonly #opened: OpenedTree;
  readonly #traits: typeof STABLE;
  #mount!: MountTree;
  #keeper: NameKeeper | undefined;

  constructor(opened: OpenedTree, traits: typeof STABLE) {
    this.#opened = opened;
    this.#traits = traits;
  }

  async open(): Promise<void> {
    this.#mount = await this.#opened.tree.openMount(1, this.#traits);
    await this.#mount.setRoot(ROOT);
    const { tree, dir } = this.#opened;
    const { nameMarks } = tree;
    nameMarks.keep();
    const options = {
      treePath: nameMarks.path,
      indexPath: join(dir, "search.db"),
      birth: tree.birth,
      lastAtOpen: nameMarks.lastAtOpen,
    };
    this.#keeper = new NameKeeper(options, (seq) => void nameMarks.forget(seq));
  }

  close(): void {
    this.#keeper?.close();
  }

  async run(s: Step): Promise<void> {
    this.#opened.clock.time += 10;
    const at = this.#opened.clock.time;
    const mount = this.#mount;
    const directories = this.#walk().filter(({ node }) => node.kind === "directory");
    const chosen = (n: number) => directories[n % directories.length]!.node;
    const toEntry = (
      parent: TreeNode,
      one: { name: string; id: number; isDirectory: boolean; size: number },
    ): Entry => ({
      id: this.#traits.ids === "path" ? `${parent.id}/${one.name}` : `${one.isDirectory ? "d" : "f"}${one.id}`,
      name: one.name,
      kind: one.isDirectory ? "directory" : "file",
      size: one.size,
    });
    switch (s.do) {
      case "list":
      case "half a listing": {
        const node = chosen(s.where);
        const page = s.entries.map((one) => toEntry(node, one));
        const unique = page.filter(
          (one, i) => page.findIndex(({ id, name: other }) => id === one.id || other === one.name) === i,
        );
        if (s.do === "list") return void (await list(mount, node, at, unique));
        const staging = await mount.stage(node, at);
        await staging.add(unique);
        this.#compare("", node);
        return staging.abandon();
      }
      case "put": {
        const node = chosen(s.where);
        return void (await mount.put(node, toEntry(node, s.entry)));
      }
      case "remove":
        return mount.remove(chosen(s.where), s.name);
      case "move": {
        const [from, to] = [chosen(s.where), chosen(s.to)];
        const source = mount.lookup(from, s.name);
        // No storage moves a directory into itself.
        if (!source || to.n === source.n || mount.namesBelow(source, to.n)) return;
        const moved = {
          id: this.#traits.ids === "path" ? `${to.id}/${s.newName}` : source.id,
          name: s.newName,
          kind: source.kind,
          size: 1,
        };
        return void (await mount.move(from, s.name, to, moved));
      }
      case "sweep":
        return this.#opened.tree.sweep();
      case "reopen":
      case "lose the index":
        this.#keeper?.close();
        this.#keeper = undefined;
        if (s.do === "lose the index") rmSync(join(this.#opened.dir, "search.db"));
        await this.#opened.reopen();
        return this.open();
      case "search":
        return this.#compare(s.keywords, chosen(s.where));
    }
  }

  compareAll(): void {
    const root = this.#mount.root()!;
    for (const keywords of KEYWORDS) this.#compare(keywords, root);
  }

  #compare(keywords: string, below: TreeNode): void {
    const isMeant = hasWords(wantedOf(keywords));
    const expected = this.#walk(below).filter(({ path }) => path !== "" && isMeant(path.split("/").at(-1)!));
    const found: string[] = [];
    let isBuilding = this.#keeper!.status().state === "building";
    while (isBuilding) {
      // In a thread of its own it does this by itself.
      this.#keeper!.turn();
      isBuilding = this.#keeper!.status().state === "building";
    }
    let place: Parameters<NameKeeper["search"]>[0]["place"] | undefined = { stage: "words", after: 0 };
    while (place) {
      const reply = this.#keeper!.search({
        wanted: { ...wantedOf(keywords), isLoose: false },
        within: [below.n],
        place,
        limit: 3,
        mayLoosen: false,
      });
      found.push(...reply.hits.map(({ names }) => names.join("/")));
      place = reply.place;
    }
    expect(found.sort(), `"${keywords}" below ${below.name}`).toEqual(expected.map(({ path }) => path).sort());
  }

  /** All visible nodes with their paths below one, itself first. */
  #walk(top: TreeNode = this.#mount.root()!, path = ""): { readonly node: TreeNode; readonly path: string }[] {
    const below = top.kind === "directory" ? (this.#mount.children(top) ?? []) : [];
    return [
      { node: top, path },
      ...below.flatMap((node) => this.#walk(node, path === "" ? node.name : `${path}/${node.name}`)),
    ];
  }
}

describe("a search", () => {
  it.each([
    ["stable ids", STABLE],
    ["paths as ids", PATHS],
  ])("finds what a walk meets, after any listings, changes, restarts and losses (%s)", async (_, traits) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        await using opened = await openTestTree();
        const world = new World(opened, traits);
        await world.open();
        try {
          for (const s of steps) await world.run(s);
          world.compareAll();
        } finally {
          world.close();
        }
      }),
      { numRuns: 20 },
    );
  });
});
