/** The index beside a real tree, in its own thread: kept as the tree is, found again after anything that may happen to it (decision 0022). */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { type NameIndex, openNameIndex } from "#server/vfs/search/name-index.ts";
import { wantedOf, wantedOfGlob } from "#server/vfs/search/words.ts";
import type { MountTree, TreeNode } from "#server/vfs/tree/tree.ts";
import { directory, file, list, type OpenedTree, openTestTree, ROOT, STABLE } from "../tree/trees.ts";

const { signal } = new AbortController();
const silent = { debug() {}, info() {}, warn() {} };

class World {
  readonly opened: OpenedTree;
  index: NameIndex;
  mount: MountTree;
  root: TreeNode;
  isWanted = true;
  readonly #idleMs: number | undefined;

  private constructor(opened: OpenedTree, mount: MountTree, root: TreeNode, idleMs: number | undefined) {
    this.#idleMs = idleMs;
    this.opened = opened;
    this.mount = mount;
    this.root = root;
    this.index = this.#open();
  }

  static async open(idleMs?: number): Promise<World> {
    const opened = await openTestTree();
    const mount = await opened.tree.openMount(1, STABLE);
    const world = new World(opened, mount, await mount.setRoot(ROOT), idleMs);
    onTestFinished(async () => {
      await world.index.close();
      await opened[Symbol.asyncDispose]();
    });
    return world;
  }

  /** Paths below a directory that are found, sorted. */
  async find(keywords: string, below = this.root): Promise<string[]> {
    return this.ask(wantedOf(keywords), below);
  }

  async ask(wanted: ReturnType<typeof wantedOf>, below = this.root): Promise<string[]> {
    const place = { stage: "words", after: 0 } as const;
    const { hits } = await this.index.search(
      { wanted, within: [below.n], place, limit: 1000, mayLoosen: true },
      signal,
    );
    return hits.map(({ names }) => names.join("/")).sort();
  }

  async restart(between = () => {}): Promise<void> {
    await this.index.close();
    between();
    await this.opened.reopen();
    this.mount = await this.opened.tree.openMount(1, STABLE);
    this.root = this.mount.root()!;
    this.index = this.#open();
  }

  get file(): string {
    return join(this.opened.dir, "search.db");
  }

  /** Resolves when the index says it is so. */
  async until(state: string): Promise<void> {
    for (const deadline = Date.now() + 5_000; ; await sleep(5)) {
      const status = await this.index.status();
      if (status.state === state && status.waiting === 0) return;
      if (Date.now() > deadline) throw new Error(`the index is ${JSON.stringify(status)}`);
    }
  }

  #open(): NameIndex {
    const { tree, dir } = this.opened;
    const idle = this.#idleMs === undefined ? {} : { idleMs: this.#idleMs };
    return openNameIndex({ tree, dataDir: dir, isWanted: () => this.isWanted, log: silent, ...idle });
  }
}

describe("the index of names", () => {
  it("finds what was listed at once: two characters, one, a prefix, a text in the middle of a word when nothing else is found", async () => {
    const world = await World.open();
    await list(world.mount, world.root, 1, [directory("课程"), file("线性代数.pdf"), file("Report 2024.txt")]);
    expect(await world.find("线性")).toEqual(["线性代数.pdf"]);
    expect(await world.find("代")).toEqual(["线性代数.pdf"]);
    expect(await world.find("rep")).toEqual(["Report 2024.txt"]);
    expect(await world.find("port")).toEqual(["Report 2024.txt"]);
    expect(await world.find("")).toEqual(["Report 2024.txt", "线性代数.pdf", "课程"].sort());
    expect(await world.ask(wantedOfGlob("*port*.txt", false))).toEqual(["Report 2024.txt"]);
    expect(await world.ask({ ...wantedOf(""), kind: "directory" })).toEqual(["课程"]);
  });

  it("shows moved and renamed directories' entries at their new place without a new look at them, and nothing of removed ones", async () => {
    const world = await World.open();
    await list(world.mount, world.root, 1, [directory("a"), directory("b")]);
    const [a, b] = [world.mount.lookup(world.root, "a")!, world.mount.lookup(world.root, "b")!];
    await list(world.mount, a, 1, [file("deep one.txt")]);
    expect(await world.find("deep")).toEqual(["a/deep one.txt"]);
    const heeded = (await world.index.status()).names;
    await world.mount.move(world.root, "a", b, directory("a2", { id: "id-a" }));
    expect(await world.find("deep")).toEqual(["b/a2/deep one.txt"]);
    expect(await world.find("deep", b)).toEqual(["a2/deep one.txt"]);
    expect((await world.index.status()).names).toBe(heeded);
    await world.mount.remove(world.root, "b");
    expect(await world.find("deep")).toEqual([]);
    await world.opened.tree.sweep();
    await world.until("ready");
    expect((await world.index.status()).names).toBe(0);
  });

  it("is made anew from the tree where it is lost or damaged, and a listing never knows of it", async () => {
    const world = await World.open();
    await list(world.mount, world.root, 1, [file("lost and found.txt")]);
    expect(await world.find("found")).toHaveLength(1);
    for (const harm of [
      () => rmSync(world.file),
      () => writeFileSync(world.file, "no database at all, and long enough to be read as one".repeat(100)),
      () => {
        const bytes = readFileSync(world.file);
        bytes.fill(0xff, 4096);
        writeFileSync(world.file, bytes);
      },
    ]) {
      await world.restart(harm);
      await list(world.mount, world.root, 2, [file("lost and found.txt"), file("new.txt")]);
      await world.find("found");
      await world.until("ready");
      expect(await world.find("found")).toEqual(["lost and found.txt"]);
      expect(await world.find("new")).toEqual(["new.txt"]);
    }
  });

  it("goes on after a restart with what was changed while no index ran, and looks at all again where it knows more than the tree", async () => {
    const world = await World.open();
    await list(world.mount, world.root, 1, [file("one.txt")]);
    expect(await world.find("one")).toHaveLength(1);
    await world.index.close();
    await list(world.mount, world.root, 2, [file("one.txt"), file("two.txt")]);
    await world.restart();
    expect(await world.find("two")).toEqual(["two.txt"]);
    // A crash of the machine takes the tree's last changes back, marks included.
    await world.index.close();
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(world.file);
    db.exec("update state set heeded = heeded + 1000");
    db.close();
    await world.restart();
    await list(world.mount, world.root, 3, [file("three.txt")]);
    await world.find("x");
    await world.until("ready");
    expect(await world.find("three")).toEqual(["three.txt"]);
  });

  it("has no file and notes nothing while it is off, and knows everything when it is on again", async () => {
    const world = await World.open();
    await list(world.mount, world.root, 1, [file("before.txt")]);
    await world.find("before");
    world.isWanted = false;
    await expect(world.find("before")).rejects.toMatchObject({ kind: "unsupported" });
    expect([existsSync(world.file), world.opened.tree.nameMarks.isKept()]).toEqual([false, false]);
    const marks = world.opened.tree.nameMarks.last();
    await list(world.mount, world.root, 2, [file("before.txt"), file("meanwhile.txt")]);
    expect(world.opened.tree.nameMarks.last()).toBe(marks);
    world.isWanted = true;
    await world.find("x");
    await world.until("ready");
    expect(await world.find("meanwhile")).toEqual(["meanwhile.txt"]);
  });

  it("stays empty once it is cleared, until it is built again", async () => {
    const world = await World.open();
    await list(world.mount, world.root, 1, [file("one.txt")]);
    expect(await world.find("one")).toHaveLength(1);
    await world.index.clear();
    await list(world.mount, world.root, 2, [file("one.txt"), file("two.txt")]);
    expect([await world.find("one"), await world.find("two"), await world.find("wo.t")]).toEqual([[], [], []]);
    await world.restart();
    expect([await world.find("one"), (await world.index.status()).state]).toEqual([[], "cleared"]);
    await world.index.fill();
    await world.until("ready");
    expect([await world.find("one"), await world.find("two")]).toEqual([["one.txt"], ["two.txt"]]);
  });

  it("forgets what a dropped mount had", async () => {
    const world = await World.open();
    await list(world.mount, world.root, 1, [file("one.txt")]);
    await world.find("one");
    await world.opened.tree.dropMount(1);
    expect(await world.find("one")).toEqual([]);
    await world.until("ready");
    expect((await world.index.status()).names).toBe(0);
  });

  it("lets its thread end when there is nothing to do, and begins another when there is", async () => {
    const world = await World.open(20);
    await list(world.mount, world.root, 1, [file("one.txt")]);
    const threads = () => readdirSync("/proc/self/task").length;
    const before = threads();
    expect(await world.find("one")).toEqual(["one.txt"]);
    const most = threads();
    expect(most).toBeGreaterThan(before);
    for (const deadline = Date.now() + 5_000; threads() >= most; await sleep(5))
      expect(Date.now()).toBeLessThan(deadline);
    await list(world.mount, world.root, 2, [file("one.txt"), file("two.txt")]);
    expect(await world.find("two")).toEqual(["two.txt"]);
  });

  it("keeps few marks behind", async () => {
    const world = await World.open();
    const many = Array.from({ length: 5000 }, (_, i) => file(`f${i}.txt`));
    await list(world.mount, world.root, 1, many);
    expect(await world.find("f4999")).toEqual(["f4999.txt"]);
    await world.index.close();
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(world.opened.tree.nameMarks.path, { readOnly: true });
    expect(db.prepare("select count(*) as count from name_mark").get()).toEqual({ count: 1 });
    db.close();
  });
});
