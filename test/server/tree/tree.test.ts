import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Entry } from "#drivers/contract/mount.ts";
import { HOT_LIMIT, type TreeNode } from "#server/vfs/tree/tree.ts";
import { directory, file, list, names, openTestTree, PATHS, ROOT, STABLE } from "./trees.ts";

async function collect(pages: AsyncIterable<readonly TreeNode[]>): Promise<TreeNode[]> {
  const all: TreeNode[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}

describe("a listing", () => {
  it("is invisible until it is complete, and then visible whole", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, STABLE);
    const root = await mount.setRoot(ROOT);
    const staging = await mount.stage(root, 1);
    await staging.add([file("a"), file("b")]);
    expect(mount.directory(root)).toBeUndefined();
    expect(names(mount, root)).toEqual([]);
    expect(await staging.commit()).toEqual({ changed: true, state: { listedAt: 1, version: 1, count: 2 } });
    expect(names(mount, root)).toEqual(["a", "b"]);
    expect(mount.lookup(root, "b")).toMatchObject({ id: "id-b", size: 1, modifiedAt: 5, kind: "file", pending: false });
    expect(mount.lookup(root, "c")).toBeUndefined();
  });

  it("of an empty directory is a listing", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, STABLE);
    const root = await mount.setRoot(ROOT);
    await list(mount, root, 7);
    expect(mount.directory(root)).toEqual({ listedAt: 7, version: 1, count: 0 });
  });

  it("that breaks on page 2 leaves the tree as it was (architecture.md §5)", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, STABLE);
    const root = await mount.setRoot(ROOT);
    await list(mount, root, 1, [file("a"), file("b"), file("c")]);
    const before = { state: mount.directory(root), children: mount.children(root) };
    const staging = await mount.stage(root, 2);
    await staging.add([file("a", { size: 9 }), file("new")]);
    await staging.abandon();
    expect({ state: mount.directory(root), children: mount.children(root) }).toEqual(before);
    const next = await list(mount, root, 3, [file("b"), file("c")]);
    expect(next.state.count).toBe(2);
    expect(names(mount, root)).toEqual(["b", "c"]);
  });

  it("that says what was known writes one row and keeps the version", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, STABLE);
    const root = await mount.setRoot(ROOT);
    const entries = Array.from({ length: 50 }, (_, i) => file(`f${i}`, { hashes: { sha1: "aa" }, detail: { a: [i] } }));
    await list(mount, root, 1, entries);
    const db = new DatabaseSync(join(t.dir, "tree.db"));
    const content = () => JSON.stringify(db.prepare("select * from entry order by r").all());
    const before = content();
    const frames = () => (db.prepare("pragma wal_checkpoint(passive)").get() as { log: number }).log;
    const framesBefore = frames();
    expect(await list(mount, root, 2, entries.slice(0, 20), entries.slice(20))).toEqual({
      changed: false,
      state: { listedAt: 2, version: 1, count: 50 },
    });
    expect(content()).toBe(before);
    // After a whole checkpoint the log begins anew: one page of one table.
    expect([1, framesBefore + 1]).toContain(frames());
    db.close();
  });

  it("keeps the key of what changed, moved or was renamed upstream, and gives a new one where the kind changed", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, STABLE);
    const root = await mount.setRoot(ROOT);
    await list(mount, root, 1, [file("a"), file("b"), directory("d"), file("k")]);
    const before = Object.fromEntries(mount.children(root)!.map((c) => [c.name, c.n]));
    const d = mount.lookup(root, "d")!;
    await list(mount, d, 2, [file("moved", { id: "id-b" })]);
    await list(mount, root, 3, [
      file("a", { size: 2 }),
      file("z", { id: "id-d2" }),
      directory("dd", { id: "id-d" }),
      directory("k"),
    ]);
    expect(mount.lookup(root, "a")!.n).toBe(before.a);
    expect(mount.lookup(root, "dd")!.n).toBe(before.d);
    expect(mount.lookup(mount.lookup(root, "dd")!, "moved")!.n).toBe(before.b);
    expect(mount.lookup(root, "k")!.n).not.toBe(before.k);
  });

  it("never puts a directory below itself, whatever older listings say", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, STABLE);
    const root = await mount.setRoot(ROOT);
    await list(mount, root, 1, [directory("outer")]);
    const outer = mount.lookup(root, "outer")!;
    await list(mount, outer, 2, [directory("inner")]);
    const inner = mount.lookup(outer, "inner")!;
    // Upstream inner went to the root and outer into inner; only inner is listed again.
    await list(mount, inner, 3, [directory("outer")]);
    expect(mount.lookup(inner, "outer")!.n).not.toBe(outer.n);
  });

  it("keeps digests that it does not carry while version, size and time are the same, and drops them otherwise", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, STABLE);
    const root = await mount.setRoot(ROOT);
    await mount.put(root, file("a", { hashes: { sha1: "aa", md5: "bb" } }));
    t.clock.time++;
    await list(mount, root, t.clock.time, [file("a")]);
    expect(mount.lookup(root, "a")!.hashes).toEqual({ sha1: "aa", md5: "bb" });
    await list(mount, root, t.clock.time + 1, [file("a", { hashes: { sha1: "aa" } })]);
    expect(mount.lookup(root, "a")!.hashes).toEqual({ sha1: "aa", md5: "bb" });
    await list(mount, root, t.clock.time + 2, [file("a", { modifiedAt: 6 })]);
    expect(mount.lookup(root, "a")!.hashes).toBeUndefined();
  });

  it("rebuilds ids of path-addressed services from the chain, so that a moved directory is one row", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, PATHS);
    const root = await mount.setRoot(ROOT);
    await list(mount, root, 1, [{ id: "d", name: "d", kind: "directory" }]);
    const d = mount.lookup(root, "d")!;
    await list(mount, d, 1, [{ id: "d/x\udce9", name: "x\udce9", kind: "file", size: 3 }]);
    const x = mount.children(d)![0]!;
    expect(x).toMatchObject({ id: "d/x\udce9", rawName: "x\udce9", name: "x\u201bE9" });
    const e = await mount.move(root, "d", root, { id: "e", name: "e", kind: "directory" });
    expect(e.n).toBe(d.n);
    expect(mount.children(e)).toEqual([{ ...x, id: "e/x\udce9" }]);
    expect(mount.lookup(root, "d")).toBeUndefined();
  });

  it("is readable in pages where it is too large for memory, at one generation while a new one comes in", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, STABLE);
    const root = await mount.setRoot(ROOT);
    const many = Array.from({ length: HOT_LIMIT + 500 }, (_, i) => file(`f${String(i).padStart(5, "0")}`));
    await list(mount, root, 1, many);
    expect(mount.children(root)).toBeUndefined();
    const pages = mount.pages(root);
    const seen = [...((await pages.next()).value ?? [])];
    await list(mount, root, 2, [file("only")]);
    await t.tree.sweep();
    for await (const page of pages) seen.push(...page);
    expect(seen.map((node) => node.name)).toEqual(many.map((entry) => entry.name));
    expect((await collect(mount.pages(root))).map((node) => node.name)).toEqual(["only"]);
    await t.tree.sweep();
    const db = new DatabaseSync(join(t.dir, "tree.db"), { readOnly: true });
    expect(db.prepare("select count(*) as rows from entry").get()).toEqual({ rows: 2 });
    db.close();
  });

  it("shows a file that is renamed under a reader exactly once", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, PATHS);
    const root = await mount.setRoot(ROOT);
    await list(
      mount,
      root,
      1,
      Array.from({ length: 2500 }, (_, i) => file(`f${String(i).padStart(5, "0")}`)),
    );
    const pages = mount.pages(root);
    const first = (await pages.next()).value ?? [];
    await mount.move(root, first[0]!.name, root, file("zz"));
    await mount.move(root, "f02499", root, file("aa"));
    const keys = [...first, ...(await collect(pages))].map((node) => node.n);
    expect(new Set(keys).size).toBe(2500);
    expect(keys).toHaveLength(2500);
  });
});

describe("entries of one name", () => {
  const DUPLICATES = { ...STABLE, duplicateNames: true };
  const one = file("a.txt", { id: "9", createdAt: 1 });
  const two = file("a.txt", { id: "10", createdAt: 1 });
  const latest = file("a.txt", { id: "1", createdAt: 2 });

  it("are all shown: the latest created under the name, then the highest id, each other marked", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, DUPLICATES);
    const root = await mount.setRoot(ROOT);
    await list(mount, root, 1, [one], [two, latest]);
    expect(mount.lookup(root, "a.txt")!.id).toBe("1");
    expect(names(mount, root)).toHaveLength(3);
    expect(names(mount, root).filter((name) => /^a \(~[0-9a-f]{6}\)\.txt$/.test(name))).toHaveLength(2);
    expect(new Set(mount.children(root)!.map((c) => c.rawName))).toEqual(new Set(["a.txt"]));
    const keys = new Map(mount.children(root)!.map((c) => [c.id, c.n]));
    expect((await list(mount, root, 2, [latest, two, one])).changed).toBe(false);
    await list(mount, root, 3, [one, two]);
    expect(mount.lookup(root, "a.txt")!.id).toBe("10");
    await list(mount, root, 4, [one]);
    expect(names(mount, root)).toEqual(["a.txt"]);
    expect(mount.lookup(root, "a.txt")!.n).toBe(keys.get("9"));
  });

  it("are marked so that the mark itself is no name in use", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, STABLE);
    const root = await mount.setRoot(ROOT);
    await list(mount, root, 1, [one, latest]);
    const marked = names(mount, root).find((name) => name !== "a.txt")!;
    await list(mount, root, 2, [one, latest, file(marked, { id: "77" })]);
    expect(new Set(names(mount, root)).size).toBe(3);
    expect(mount.lookup(root, marked)!.id).toBe("77");
  });

  it("are told apart when one is changed or removed here", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, DUPLICATES);
    const root = await mount.setRoot(ROOT);
    await list(mount, root, 1, [one, latest]);
    const marked = names(mount, root).find((name) => name !== "a.txt")!;
    expect((await mount.put(root, { ...one, modifiedAt: 99 })).name).toBe(marked);
    expect(mount.lookup(root, "a.txt")!.id).toBe("1");
    const staging = await mount.stage(root, t.clock.time);
    await mount.remove(root, "a.txt");
    await staging.add([one, latest]);
    await staging.commit();
    expect(mount.children(root)!.map((c) => c.id)).toEqual(["9"]);
  });

  it("are all shown even where the service gives them no ids", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, DUPLICATES);
    const root = await mount.setRoot(ROOT);
    await mount.put(root, file("a.txt", { id: "" }), "pending");
    await mount.put(root, file("b.txt", { id: "" }), "pending");
    await list(mount, root, 1, [one, two, file("c.txt", { id: "" })]);
    expect(names(mount, root)).toEqual(["a.txt", "b.txt", "c.txt"]);
  });

  it("include one composed and one decomposed form, which are two names", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, PATHS);
    const root = await mount.setRoot(ROOT);
    await list(mount, root, 1, [file("\u00e9"), file("e\u0301")]);
    expect(names(mount, root)).toEqual(["e\u0301", "\u00e9"]);
  });
});

describe.each([STABLE, PATHS])("local changes with ids $ids", (traits) => {
  it("win over a listing that began before them, even in the same millisecond, and lose to later ones", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, traits);
    const root = await mount.setRoot(ROOT);
    await list(mount, root, 1, [file("gone"), file("old"), file("other")]);
    const staging = await mount.stage(root, t.clock.time);
    await staging.add([file("gone"), file("old")]);
    await mount.remove(root, "gone");
    await mount.put(root, file("new", { size: 4 }));
    await mount.put(root, file("old", { size: 5 }));
    await staging.add([file("other")]);
    await staging.commit();
    expect(mount.children(root)!.map((c) => [c.name, c.size])).toEqual([
      ["new", 4],
      ["old", 5],
      ["other", 1],
    ]);
    expect(mount.directory(root)!.count).toBe(3);

    t.clock.time++;
    await list(mount, root, t.clock.time, [file("gone"), file("old"), file("other")]);
    expect(names(mount, root)).toEqual(["gone", "old", "other"]);
    expect(t.warnings.map((w) => w.fields.name).sort()).toEqual(["gone", "new"]);
    expect(await t.store.db.selectFrom("overlay").selectAll().execute()).toEqual([]);
  });

  it("hold until the service has settled (Traits.settlesWithinMs)", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, { ...traits, settlesWithinMs: 1000 });
    const root = await mount.setRoot(ROOT);
    await list(mount, root, 1, [file("a")]);
    await mount.remove(root, "a");
    await mount.put(root, file("b"));
    await list(mount, root, t.clock.time + 999, [file("a")]);
    expect(names(mount, root)).toEqual(["b"]);
    await list(mount, root, t.clock.time + 1000, [file("a")]);
    expect(names(mount, root)).toEqual(["a"]);
  });

  it("of pending content stay through every listing, whatever it says about the name", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, traits);
    const root = await mount.setRoot(ROOT);
    const pending = await mount.put(root, file("a", { size: 8 }), "pending");
    await list(mount, root, t.clock.time + 1e6, [file("a", { size: 3 })]);
    expect(mount.lookup(root, "a")).toMatchObject({ ...pending, pending: true });
    const stored = await mount.put(root, file("a", { size: 8 }));
    expect(stored).toMatchObject({ n: pending.n, pending: false });
  });

  it("keep the key on overwrite and rename, drop digests on overwrite and keep them on rename", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, traits);
    const root = await mount.setRoot(ROOT);
    const a = await mount.put(root, file("a", { hashes: { sha1: "aa" } }));
    const b = await mount.move(root, "a", root, file("b", { id: traits.ids === "path" ? "b" : "id-a" }));
    expect(b).toMatchObject({ n: a.n, name: "b", hashes: { sha1: "aa" } });
    const over = await mount.put(root, file("b", { id: traits.ids === "path" ? "b" : "id-new", size: 2 }));
    expect(over.n).toBe(a.n);
    expect(over.hashes).toBeUndefined();
    expect(names(mount, root)).toEqual(["b"]);
  });

  it("are there after a restart, and again when the tree's file is lost", async () => {
    await using t = await openTestTree();
    let mount = await t.tree.openMount(1, traits);
    let root = await mount.setRoot(ROOT);
    await list(mount, root, 1, [file("a"), file("b")]);
    const before = await mount.put(root, file("c"));
    await mount.remove(root, "a");
    await t.reopen();
    mount = await t.tree.openMount(1, traits);
    root = mount.root()!;
    expect(names(mount, root)).toEqual(["b", "c"]);
    expect(mount.lookup(root, "c")).toEqual(before);
    // As after a power cut that took the last commits of the tree, which syncs less often than the overlay.
    const db = new DatabaseSync(join(t.dir, "tree.db"));
    db.exec("delete from entry where name = 'c'");
    db.prepare("update entry set name = 'a' where name = 'b'").run();
    db.close();
    await t.reopen();
    mount = await t.tree.openMount(1, traits);
    expect(names(mount, mount.root()!)).toEqual(["c"]);
    expect(mount.lookup(mount.root()!, "c")).toEqual(before);
  });

  it("leave the overlay once they are old, settled and safe in the tree's file", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, traits);
    const root = await mount.setRoot(ROOT);
    await mount.put(root, file("a"));
    await mount.put(root, file("p"), "pending");
    t.clock.time += 10 * 60_000 - 1;
    await t.tree.sweep();
    expect(await t.store.db.selectFrom("overlay").select("name").execute()).toHaveLength(2);
    const staging = await mount.stage(root, t.clock.time - 10 * 60_000);
    t.clock.time += 1;
    await t.tree.sweep();
    expect(await t.store.db.selectFrom("overlay").select("name").execute()).toHaveLength(2);
    await staging.commit();
    expect(names(mount, root)).toEqual(["a", "p"]);
    await t.tree.sweep();
    expect(await t.store.db.selectFrom("overlay").select("name").execute()).toEqual([{ name: "p" }]);
    expect(names(mount, root)).toEqual(["a", "p"]);
  });

  it("remove a directory with all below it, and no key is ever given twice", async () => {
    await using t = await openTestTree();
    let mount = await t.tree.openMount(1, traits);
    let root = await mount.setRoot(ROOT);
    const used = new Set<number>([root.n]);
    for (let round = 0; round < 3; round++) {
      const d = await mount.put(root, directory("d", { id: traits.ids === "path" ? "d" : `d${round}` }));
      const inner = await mount.put(d, directory("i", { id: traits.ids === "path" ? "d/i" : `i${round}` }));
      await list(
        mount,
        inner,
        t.clock.time,
        Array.from({ length: 700 }, (_, i) => file(`f${i}`, { id: `${round}-${i}` })),
      );
      const keys = [d, inner, ...mount.children(inner)!].map((node) => node.n);
      for (const n of keys) {
        expect(used.has(n)).toBe(false);
        used.add(n);
      }
      await mount.remove(root, "d");
      expect(mount.lookup(root, "d")).toBeUndefined();
      await expect(mount.put(d, file("late"))).rejects.toMatchObject({ kind: "not-found" });
      await t.tree.sweep();
      await t.reopen();
      mount = await t.tree.openMount(1, traits);
      root = mount.root()!;
    }
    const db = new DatabaseSync(join(t.dir, "tree.db"), { readOnly: true });
    expect(db.prepare("select count(*) as rows from entry").get()).toEqual({ rows: 1 });
    expect(db.prepare("select count(*) as rows from orphan").get()).toEqual({ rows: 0 });
    db.close();
  });
});

describe("facts outside a listing", () => {
  it("are remembered without claiming that the directory is known", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, STABLE);
    const root = await mount.setRoot(ROOT);
    const a = await mount.note(root, file("a"));
    expect(mount.directory(root)).toBeUndefined();
    expect(mount.lookup(root, "a")).toEqual(a);
    await list(mount, root, 1, [file("a"), file("b")]);
    const version = mount.directory(root)!.version;
    expect((await mount.note(root, file("a"))).n).toBe(a.n);
    expect(mount.directory(root)!.version).toBe(version);
    await mount.note(root, file("a", { size: 77 }));
    expect(mount.directory(root)!.version).toBe(version + 1);
    await mount.forget(root, "b");
    expect(names(mount, root)).toEqual(["a"]);
    expect(await t.store.db.selectFrom("overlay").selectAll().execute()).toEqual([]);
  });
});

describe("the tree's file", () => {
  it("is set aside when it is no database, and the start goes on", async () => {
    const dir = await mkdtemp(join(tmpdir(), "pandav-tree-"));
    await writeFile(join(dir, "tree.db"), "this is no database, but long enough to be taken for one".repeat(100));
    await using t = await openTestTree(dir);
    const mount = await t.tree.openMount(1, STABLE);
    await mount.setRoot(ROOT);
    expect(t.warnings).toHaveLength(1);
    expect(mount.root()).toBeDefined();
  });

  it("is set aside when a newer version wrote it", async () => {
    await using t = await openTestTree();
    await (await t.tree.openMount(1, STABLE)).setRoot(ROOT);
    const db = new DatabaseSync(join(t.dir, "tree.db"));
    db.exec("insert into kysely_migration values ('9999-later', '2030')");
    db.close();
    await t.reopen();
    expect(t.warnings).toHaveLength(1);
    expect((await t.tree.openMount(1, STABLE)).root()).toBeUndefined();
  });

  it("forgets a dropped mount and leaves the others alone", async () => {
    await using t = await openTestTree();
    const [one, two] = [await t.tree.openMount(1, STABLE), await t.tree.openMount(2, PATHS)];
    for (const mount of [one, two]) {
      const root = await mount.setRoot(ROOT);
      await list(
        mount,
        root,
        1,
        Array.from({ length: 500 }, (_, i) => file(`f${i}`)),
      );
      await mount.put(root, file("mine"));
    }
    await t.tree.dropMount(1);
    const db = new DatabaseSync(join(t.dir, "tree.db"), { readOnly: true });
    expect(db.prepare("select distinct mount_id from entry").all()).toEqual([{ mount_id: 2 }]);
    db.close();
    expect(two.children(two.root()!)).toHaveLength(501);
    expect((await t.tree.openMount(1, STABLE)).root()).toBeUndefined();
    expect(await t.store.db.selectFrom("overlay").select("storage_id").execute()).toEqual([{ storage_id: 2 }]);
  });

  it("shows one whole listing, old or new, after its process was killed while listing", async () => {
    const dir = await mkdtemp(join(tmpdir(), "pandav-tree-"));
    try {
      for (const delay of [30, 75, 140]) {
        const child = spawn(process.execPath, [join(import.meta.dirname, "staging-child.ts"), dir], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        const gone = once(child, "exit");
        await once(child.stdout!, "data");
        await sleep(delay);
        child.kill("SIGKILL");
        await gone;
        await using t = { tree: await openTestTree(dir), [Symbol.asyncDispose]: async () => close(t.tree) };
        const mount = await t.tree.tree.openMount(1, STABLE);
        const root = mount.root()!;
        const state = mount.directory(root);
        const children = mount.children(root)!;
        expect(new Set(children.map((c) => c.size)).size).toBeLessThanOrEqual(1);
        expect(children).toHaveLength(state ? 1500 : 0);
        // What the killed listing left is taken back by the next one.
        const entries = Array.from({ length: 1500 }, (_, i): Entry => file(`f${i}`));
        expect((await list(mount, root, 1, entries)).state.count).toBe(1500);
        expect(new Set(mount.children(root)!.map((c) => c.size))).toEqual(new Set([1]));
      }
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

async function close(opened: Awaited<ReturnType<typeof openTestTree>>): Promise<void> {
  await opened.tree.close();
  await opened.store.close();
}
