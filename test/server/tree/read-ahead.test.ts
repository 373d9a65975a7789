import { describe, expect, it } from "vitest";
import { createFindChild } from "#server/vfs/tree/read-ahead.ts";
import type { DirectoryRow, NodeTuple } from "#server/vfs/tree/rows.ts";
import type { Rows } from "#server/vfs/tree/statements.ts";
import { directory, file, list, openTestTree, ROOT, STABLE } from "./trees.ts";

const names = Array.from({ length: 200 }, (_, i) => `d${String(i).padStart(3, "0")}`);

/** Rows of one directory at key 1, with what was asked of them. */
function countedRows() {
  const asked: string[] = [];
  const row = { n: 1, version: 1, generation: 1 } as DirectoryRow;
  const tuple = (name: string) => [7, 1, name, null, null, 0] as unknown as NodeTuple;
  const rows = {
    inUnlisted: new Map(),
    directory: { get: (n: number) => (n === 1 ? row : undefined) },
    child(n: number, _generation: number, name: string) {
      asked.push(`child ${name}`);
      return n === 1 && names.includes(name) ? tuple(name) : undefined;
    },
    childrenAfter(_n: number, _generation: number, limit: number, name: string) {
      asked.push(`${limit} after ${name}`);
      return names
        .filter((one) => one > name)
        .slice(0, limit)
        .map(tuple);
    },
  };
  return { asked, rows: rows as unknown as Rows, turn: () => Object.assign(row, { version: row.version + 1 }) };
}

describe("looking children up", () => {
  it("in order reads the next ones together, so that 200 names are some ten reads", () => {
    const { asked, rows } = countedRows();
    const find = createFindChild(rows);
    expect(names.map((name) => find(1, name)?.[2])).toEqual(names);
    expect(asked.length).toBeLessThanOrEqual(16);
  });

  it("by eight requests side by side, which overtake each other, does so too", () => {
    const { asked, rows } = countedRows();
    const find = createFindChild(rows);
    const shuffled = names.map((name, i) => ({ name, at: i + ((i * 5) % 8) })).sort((a, b) => a.at - b.at);
    expect(shuffled.map(({ name }) => find(1, name)?.[2])).toEqual(shuffled.map(({ name }) => name));
    expect(asked.length).toBeLessThanOrEqual(40);
  });

  it("in no order reads nothing that was not asked for", () => {
    const { asked, rows } = countedRows();
    const find = createFindChild(rows);
    const mixed = names.map((_, i) => names[(i * 77) % 200] as string);
    expect(mixed.map((name) => find(1, name)?.[2])).toEqual(mixed);
    expect(asked.filter((one) => one.includes("after")).length).toBeLessThanOrEqual(4);
  });

  it("finds nothing under a name that is not there, in the middle of a walk too", () => {
    const { rows } = countedRows();
    const find = createFindChild(rows);
    for (const name of names.slice(0, 50)) expect(find(1, name)).toBeDefined();
    expect(find(1, "d050x")).toBeUndefined();
    expect(find(2, "d051")).toBeUndefined();
  });

  it("again and again, one by one, reads each once while the directory's version is the same", () => {
    const { asked, rows, turn } = countedRows();
    const find = createFindChild(rows);
    for (const name of ["d150", "d003", "d150", "d003", "d150"]) expect(find(1, name)?.[2]).toBe(name);
    expect(asked).toEqual(["child d150", "child d003"]);
    turn();
    find(1, "d150");
    expect(asked.slice(2)).toEqual(["child d150"]);
  });

  it("asks again once the directory has another version", () => {
    const { asked, rows, turn } = countedRows();
    const find = createFindChild(rows);
    for (const name of names.slice(0, 10)) find(1, name);
    asked.length = 0;
    find(1, "d010");
    expect(asked).toEqual([]);
    turn();
    find(1, "d011");
    expect(asked).toEqual(["child d011"]);
  });
});

describe("a directory that was never listed", () => {
  it("is asked once for each name while nothing changes in it, also for one that is not there", () => {
    const { asked, rows } = countedRows();
    const find = createFindChild(rows);
    for (let time = 0; time < 3; time++) expect(find(2, "new")).toBeUndefined();
    expect(asked).toEqual(["child new"]);
  });

  it("shows each change at once, and a listing of it too", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, STABLE);
    const root = await mount.setRoot(ROOT);
    const made = await mount.put(root, directory("made"));
    const seen = () => mount.lookup(made, "a")?.size;
    expect(seen()).toBeUndefined();
    await mount.put(made, file("a", { size: 1 }));
    expect(seen()).toBe(1);
    await mount.put(made, file("a", { size: 2 }));
    expect(seen()).toBe(2);
    await mount.remove(made, "a");
    expect(seen()).toBeUndefined();
    await mount.note(made, file("a", { size: 3 }));
    expect(seen()).toBe(3);
    t.clock.time += 3_600_000;
    await list(mount, made, t.clock.time, [file("a", { size: 4 })]);
    expect(seen()).toBe(4);
  });
});

describe("a walk through a listed directory", () => {
  it("shows each change at once: what was put, renamed, removed, and listed anew", async () => {
    await using t = await openTestTree();
    const mount = await t.tree.openMount(1, STABLE);
    const root = await mount.setRoot(ROOT);
    await list(
      mount,
      root,
      1,
      names.map((name) => directory(name)),
    );
    const walk = (to: number) => names.slice(0, to).map((name) => mount.lookup(root, name)?.n);
    expect(walk(20).every((n) => n !== undefined)).toBe(true);
    await mount.remove(root, "d020");
    expect(mount.lookup(root, "d020")).toBeUndefined();
    walk(20);
    await mount.put(root, file("d021", { id: "another", size: 9 }));
    expect(mount.lookup(root, "d021")).toMatchObject({ kind: "file", size: 9 });
    walk(20);
    await mount.move(root, "d022", root, directory("e022", { id: "id-d022" }));
    expect([mount.lookup(root, "d022"), mount.lookup(root, "e022")?.id]).toEqual([undefined, "id-d022"]);
    walk(20);
    t.clock.time += 3_600_000;
    const without = names.filter((name) => name !== "d023").map((name) => directory(name));
    await list(mount, root, t.clock.time, without);
    expect(mount.lookup(root, "d023")).toBeUndefined();
  });

  it("knows what is known of the directories that it comes to, after a restart", async () => {
    await using t = await openTestTree();
    let mount = await t.tree.openMount(1, STABLE);
    let root = await mount.setRoot(ROOT);
    await list(
      mount,
      root,
      1,
      names.map((name) => directory(name)),
    );
    for (const [i, name] of names.entries()) {
      if (i % 2 === 0) await list(mount, mount.lookup(root, name)!, 10 + i, [file(`in ${name}`)]);
    }
    await t.reopen();
    mount = await t.tree.openMount(1, STABLE);
    root = mount.root()!;
    const states = names.map((name) => mount.directory(mount.lookup(root, name)!)?.listedAt);
    expect(states).toEqual(names.map((_, i) => (i % 2 === 0 ? 10 + i : undefined)));
    // A listing that comes after a directory was met counts at once.
    await list(mount, mount.lookup(root, "d101")!, 500, [file("new")]);
    expect(mount.directory(mount.lookup(root, "d101")!)?.listedAt).toBe(500);
  });
});
