import { describe, expect, it } from "vitest";
import type { Entry } from "#drivers/contract/mount.ts";
import { ROOT } from "#drivers/sjtu-pan/entries.ts";
import { calm } from "#test/contract/steps.ts";
import { failureOf } from "./failures.ts";
import { openWorld, type PanWorld } from "./simulator.ts";

async function namesIn(world: PanWorld, directory: Entry = ROOT): Promise<string[]> {
  const names: string[] = [];
  for await (const page of world.mount.list(directory, calm())) names.push(...page.map(({ name }) => name));
  return names;
}

const directory = (id: string): Entry => ({ id, name: id.split("/").at(-1)!, kind: "directory" });
const file = (id: string): Entry => ({ id, name: id.split("/").at(-1)!, kind: "file" });

/** Ends all tasks when one is asked about next. */
function endTasks({ pan }: PanWorld, outcome: { status: number; code?: string }): void {
  const action = () => {
    for (const task of pan.world.tasks.values()) task.outcome = outcome;
  };
  pan.faults.add({ route: "api.task", fault: { kind: "run", action } });
}

const conflict = (rule: "fail" | "replace" | "rename") => ({ ...calm(), conflict: rule });

describe("a listing of SJTU Pan", () => {
  it.each([0, 1, 20, 21, 1000, 2501, 10_000])(
    "of %i entries is complete, in pages of 1000 (sjtu-pan.md §12.5, scenario 7; P-14)",
    async (count) => {
      await using world = await openWorld();
      world.pan.files.makeDirectory("many");
      for (let i = 0; i < count; i++) world.pan.files.put(`many/${i}.txt`, "");
      const names = await namesIn(world, directory("many"));
      expect(new Set(names).size).toBe(count);
      expect(names).toHaveLength(count);
      expect(world.pan.log.count("api.list")).toBe(Math.max(1, Math.ceil(count / 1000)));
    },
  );

  it("keeps names of every kind (sjtu-pan.md §12.5, scenario 7; P-13)", async () => {
    await using world = await openWorld();
    const names = [
      "a b",
      "#?%+&=;@!$'()",
      "中文 名字.txt",
      "🎬👩‍👩‍👧.mkv",
      "%2F%41",
      "x".repeat(255),
      "字".repeat(255),
    ];
    for (const name of names) world.pan.files.put(`docs/${name}`, name);
    expect((await namesIn(world, directory("docs"))).sort()).toEqual(names.sort());
    for (const name of names) {
      const entry = await world.mount.stat!(["docs", name], calm());
      expect(entry).toMatchObject({ id: `docs/${name}`, name, size: Buffer.byteLength(name) });
    }
  });

  it("that changes between two pages loses nothing and repeats nothing (sjtu-pan.md §3.2)", async () => {
    await using world = await openWorld();
    for (let i = 0; i < 2500; i++) world.pan.files.put(`many/${String(i).padStart(4, "0")}`, "");
    // What was on the second page moves to the first one, which has been read.
    world.pan.faults.add({
      route: "api.list",
      skip: 1,
      fault: {
        kind: "run",
        action: () => {
          for (const name of ["0000", "0001"]) world.pan.files.remove(`many/${name}`);
        },
      },
    });
    const names = await namesIn(world, directory("many"));
    expect(new Set(names).size).toBe(names.length);
    const there = new Set(names);
    for (const name of world.pan.files.list("many")) expect(there.has(name), name).toBe(true);
  });

  it("that never stands still fails, and does not end as if complete", async () => {
    await using world = await openWorld();
    for (let i = 0; i < 1500; i++) world.pan.files.put(`many/${String(i).padStart(4, "0")}`, "");
    let made = 0;
    world.pan.faults.add({
      route: "api.list",
      times: Number.POSITIVE_INFINITY,
      fault: { kind: "run", action: () => world.pan.files.put(`many/${made++}-new`, "") },
    });
    expect(await failureOf(namesIn(world, directory("many")))).toMatchObject({ kind: "unavailable", retryable: true });
  });

  it("understands numbers instead of text, an old envelope, and a blank path of the root (sjtu-pan.md §11)", async () => {
    await using world = await openWorld({ knobs: { numericSizes: true, olderReplies: true, blankRootPath: true } });
    world.pan.files.put("a.txt", "text");
    const { size, hashes } = await world.mount.stat!(["a.txt"], calm());
    expect([size, hashes]).toEqual([4, { crc64: world.pan.files.stat("a.txt").crc64 }]);
    expect(await namesIn(world)).toEqual(["a.txt"]);
  });

  it("of a folder below the mount's root has ids from there", async () => {
    await using world = await openWorld({ settings: { root: "/lessons/math/" } });
    world.pan.files.put("lessons/math/one/a.txt", "1");
    const inside = await world.mount.stat!(["one", "a.txt"], calm());
    expect(inside.id).toBe("one/a.txt");
    expect(await namesIn(world, directory("one"))).toEqual(["a.txt"]);
    expect((await world.mount.root(calm())).id).toBe("");
    await world.mount.move!([inside], ROOT, conflict("fail"));
    expect(world.pan.files.tree()).toMatchObject({ "lessons/math/a.txt": 1 });
    await using missing = await openWorld({ settings: { root: "/not/there" } });
    expect((await failureOf(missing.mount.root(calm()))).kind).toBe("not-found");
  });

  it("of the root of a drive that the service does not know is an error, and nothing is missing or empty (sjtu-pan.md §1.6)", async () => {
    await using world = await openWorld();
    for (const code of ["SpaceNotFound", "LibraryNotFound"]) {
      world.pan.faults.add({ route: "api.list", fault: { kind: "error", status: 404, code } });
      expect(await failureOf(namesIn(world))).toMatchObject({ kind: "upstream", upstream: { code } });
    }
    world.pan.faults.add({ route: "api.list", fault: { kind: "error-in-200" } });
    expect(await failureOf(namesIn(world))).toMatchObject({
      kind: "permission-denied",
      upstream: { code: "NoPermission" },
    });
  });
});

describe("stat at SJTU Pan", () => {
  it("finds files, folders, the root and what is missing (sjtu-pan.md §12.5, scenario 8)", async () => {
    await using world = await openWorld();
    world.pan.files.put("docs/a.txt", "text");
    expect(await world.mount.stat!(["docs"], calm())).toMatchObject({ id: "docs", kind: "directory" });
    expect(await world.mount.stat!(["docs", "a.txt"], calm())).toMatchObject({ kind: "file", size: 4 });
    expect(await world.mount.stat!([], calm())).toEqual(ROOT);
    const failure = await failureOf(world.mount.stat!(["docs", "b.txt"], calm()));
    expect(failure.kind).toBe("not-found");
  });
});

describe("a new folder", () => {
  it.each([true, false])(
    "with a reply that has a body: %s, the wanted name and place (sjtu-pan.md §12.5, scenario 9; P-17)",
    async (hasBody) => {
      await using world = await openWorld({ knobs: { emptyMkdirBody: !hasBody } });
      const made = await world.mount.createDirectory!(ROOT, "new", calm());
      expect(made).toMatchObject({ id: "new", name: "new", kind: "directory" });
      await world.mount.createDirectory!(made, "deep", calm());
      expect(world.pan.files.tree()).toEqual({ "new/": null, "new/deep/": null });
    },
  );

  it("is not made where a file or a folder is, nor below what is missing (sjtu-pan.md §12.5, scenario 9; P-40)", async () => {
    await using world = await openWorld();
    world.pan.files.put("docs/a.txt", "text");
    const make = (parent: Entry, name: string) => failureOf(world.mount.createDirectory!(parent, name, calm()));
    expect((await make(ROOT, "docs")).kind).toBe("already-exists");
    expect((await make(directory("docs"), "a.txt")).kind).toBe("already-exists");
    expect((await make(directory("missing"), "new")).kind).toBe("not-found");
    expect((await make(directory("docs/a.txt"), "new")).kind).toBe("not-a-directory");
    expect(world.pan.files.tree()).toEqual({ "docs/": null, "docs/a.txt": 4 });
  });
});

describe("a move or copy at SJTU Pan", () => {
  it("of a folder over a folder replaces it whole, what was there being in the bin (sjtu-pan.md §3.1, §12.5, scenario 18)", async () => {
    for (const verb of ["move", "copy"] as const) {
      await using world = await openWorld();
      world.pan.files.put("new/a/one.txt", "1");
      world.pan.files.put("a/two.txt", "22");
      const [outcome] = await world.mount[verb]!([directory("new/a")], ROOT, conflict("replace"));
      expect(outcome).toMatchObject({ entry: { id: "a", kind: "directory" } });
      expect(world.pan.files.list("a")).toEqual(["one.txt"]);
      expect(world.pan.files.list()).toEqual(["a/", "new/"]);
      expect(world.pan.bin()).toHaveLength(1);
    }
  });

  it("that fails after the old folder was put aside puts it back", async () => {
    await using world = await openWorld();
    world.pan.files.put("new/a/one.txt", "1");
    world.pan.files.put("a/two.txt", "22");
    // The first is refused for the taken name, the second puts aside, the third is the move itself.
    world.pan.faults.add({ route: "api.move-directory", skip: 2, fault: { kind: "error", status: 500 } });
    const [outcome] = await world.mount.move!([directory("new/a")], ROOT, conflict("replace"));
    expect(outcome?.error?.kind).toBe("unavailable");
    expect(world.pan.files.tree()).toEqual({
      "a/": null,
      "a/two.txt": 2,
      "new/": null,
      "new/a/": null,
      "new/a/one.txt": 1,
    });
  });

  it("of a folder is asynchronous, and asked about until it is done (sjtu-pan.md §3.7, §12.5, scenario 18; P-27)", async () => {
    await using world = await openWorld({ knobs: { taskPolls: 5 } });
    world.pan.files.put("from/deep/a.txt", "text");
    let alive = 0;
    const [outcome] = await world.mount.copy!([directory("from")], ROOT, {
      ...conflict("fail"),
      name: "to",
      onProgress: () => alive++,
    });
    expect(outcome).toMatchObject({ entry: { id: "to", name: "to", kind: "directory" } });
    expect(world.pan.log.count("api.task")).toBe(6);
    expect(alive).toBe(6);
    expect(world.pan.files.tree()).toMatchObject({ "to/deep/a.txt": 4 });
    world.pan.files.put("to (2)/x", "");
    const [renamed] = await world.mount.copy!([directory("from")], ROOT, { ...conflict("rename"), name: "to" });
    expect(renamed?.entry?.name).toBe("to (1)");
  });

  it("whose task is asked about in vain for a moment is not given up (sjtu-pan.md §3.7)", async () => {
    await using world = await openWorld({ knobs: { taskPolls: 2 } });
    world.pan.files.put("from/a.txt", "text");
    world.pan.faults.add({ route: "api.task", times: 2, fault: { kind: "error", status: 503 } });
    const [outcome] = await world.mount.copy!([directory("from")], ROOT, { ...conflict("fail"), name: "to" });
    expect(outcome?.entry?.id).toBe("to");
  });

  it.each([
    [404, "SourceDirectoryNotFound"],
    [400, "QuotaLimitReached"],
  ] as const)(
    "whose task the service answers with %i %s is not declared done (sjtu-pan.md §3.7)",
    async (status, code) => {
      await using world = await openWorld({ knobs: { taskPolls: 3 } });
      world.pan.files.put("from/a.txt", "text");
      world.pan.faults.add({ route: "api.task", skip: 1, times: 5, fault: { kind: "error", status, code } });
      const [outcome] = await world.mount.copy!([directory("from")], ROOT, { ...conflict("fail"), name: "to" });
      expect(outcome?.error).toMatchObject({ upstream: { code } });
    },
  );

  it("whose task failed fails, and is asked about no more, also where the code is one that passes (sjtu-pan.md §3.7)", async () => {
    await using world = await openWorld({ knobs: { taskPolls: 5 } });
    world.pan.files.put("from/a.txt", "text");
    endTasks(world, { status: 500, code: "InternalServerError" });
    const [outcome] = await world.mount.copy!([directory("from")], ROOT, { ...conflict("fail"), name: "to" });
    expect(outcome?.error).toMatchObject({ kind: "unavailable", upstream: { code: "InternalServerError" } });
    expect(world.pan.log.count("api.task")).toBe(1);
  });

  it("of a folder into itself is refused before any call (sjtu-pan.md §3.5)", async () => {
    await using world = await openWorld();
    world.pan.files.put("a/b/c.txt", "text");
    for (const parent of ["a", "a/b"]) {
      const [outcome] = await world.mount.move!([directory("a")], directory(parent), conflict("fail"));
      expect(outcome?.error?.kind).toBe("permission-denied");
    }
    expect(world.pan.log.count("api.move-directory")).toBe(0);
  });

  it("of quotes and backslashes in a name is real JSON (sjtu-pan.md §10, P-36)", async () => {
    await using world = await openWorld({ knobs: { lenientNames: true } });
    world.pan.files.put('say "hi"\\now.txt', "text");
    const [outcome] = await world.mount.move!([file('say "hi"\\now.txt')], ROOT, {
      ...conflict("fail"),
      name: "said.txt",
    });
    expect(outcome?.entry?.id).toBe("said.txt");
  });
});

describe("removal at SJTU Pan", () => {
  it("of 500 files is one call, one outcome each (sjtu-pan.md §3.7, §12.5, scenario 20)", async () => {
    await using world = await openWorld();
    for (let i = 0; i < 500; i++) world.pan.files.put(`many/${i}`, "");
    await world.mount.root(calm());
    world.pan.log.clear();
    const entries = Array.from({ length: 500 }, (_, i) => file(i === 250 ? "many/missing" : `many/${i}`));
    const outcomes = await world.mount.remove!(entries, { ...calm(), mode: "permanent" });
    expect(outcomes.map(({ error }) => error?.kind).filter(Boolean)).toEqual(["not-found"]);
    expect(outcomes[250]?.error?.kind).toBe("not-found");
    expect(world.pan.log.count("api.")).toBe(1);
    expect(world.pan.files.list("many")).toEqual(["250"]);
    expect(world.pan.bin()).toEqual([]);
  });

  it("whose batch is asynchronous is over when its task is (sjtu-pan.md §3.7)", async () => {
    await using world = await openWorld({ knobs: { asyncBatch: true, taskPolls: 3 } });
    for (const name of ["a", "b", "c"]) world.pan.files.put(name, "");
    const outcomes = await world.mount.remove!([file("a"), file("missing"), file("c")], { ...calm(), mode: "trash" });
    expect(outcomes.map(({ error }) => error?.kind)).toEqual([undefined, "not-found", undefined]);
    expect(world.pan.log.count("api.task")).toBe(4);
    expect(world.pan.files.list()).toEqual(["b"]);
    expect(world.pan.bin()).toHaveLength(2);
  });

  it("goes on one by one where the service has no batch, and asks for it no more", async () => {
    await using world = await openWorld();
    for (const name of ["a", "b", "c", "d"]) world.pan.files.put(name, "");
    world.pan.faults.add({ route: "api.batch-delete", fault: { kind: "error", status: 404, code: "NotFound" } });
    const some = { ...calm(), mode: "permanent" as const };
    expect(await world.mount.remove!([file("a"), file("b")], some)).toEqual([{}, {}]);
    expect(await world.mount.remove!([file("c"), file("d")], some)).toEqual([{}, {}]);
    expect(world.pan.log.count("api.batch-delete")).toBe(1);
    expect(world.pan.files.list()).toEqual([]);
  });

  it("of the root is refused (sjtu-pan.md §3.6)", async () => {
    await using world = await openWorld();
    world.pan.files.put("a", "");
    for (const entries of [[ROOT], [file("a"), ROOT]]) {
      const failure = await world.mount.remove!(entries, { ...calm(), mode: "permanent" })
        .then((outcomes) => outcomes.find(({ error }) => error)?.error)
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ kind: "permission-denied" });
    }
    expect(world.pan.files.list()).toEqual(["a"]);
  });
});

describe("the bin of SJTU Pan", () => {
  async function bin(world: PanWorld) {
    const all = [];
    for await (const page of world.mount.trash!.list(calm())) all.push(...page);
    return all;
  }

  it("gives back one and many, purges one and many, and is emptied (sjtu-pan.md §3.8, §12.5, scenario 19)", async () => {
    await using world = await openWorld({ settings: { root: "/docs" } });
    for (const name of ["a", "b", "c", "d", "e", "f"]) world.pan.files.put(`docs/${name}`, name);
    world.pan.files.put("docs/dir/x", "x");
    const entries = [..."abcdef"].map(file);
    await world.mount.remove!([...entries, directory("dir")], { ...calm(), mode: "trash" });
    const all = await bin(world);
    const idOf = (name: string) => all.find((one) => one.name === name)!.id;
    expect(all.find(({ name }) => name === "a")).toMatchObject({ kind: "file", size: 1, originalPath: ["a"] });
    expect(all.find(({ name }) => name === "dir")).toMatchObject({ kind: "directory", originalPath: ["dir"] });
    const { trash } = world.mount;
    expect(await trash!.restore([idOf("a")], calm())).toEqual([{}]);
    expect(await trash!.restore([idOf("b"), "999999", idOf("dir")], calm())).toMatchObject([
      {},
      { error: { kind: "not-found" } },
      {},
    ]);
    expect(await trash!.purge([idOf("c")], calm())).toEqual([{}]);
    expect(await trash!.purge([idOf("d"), idOf("e")], calm())).toEqual([{}, {}]);
    expect(await trash!.purge(["999999"], calm())).toMatchObject([{ error: { kind: "not-found" } }]);
    expect((await bin(world)).map(({ name }) => name)).toEqual(["f"]);
    await trash!.empty(calm());
    expect(await bin(world)).toEqual([]);
    expect(world.pan.files.tree()).toEqual({
      "docs/": null,
      "docs/a": 1,
      "docs/b": 1,
      "docs/dir/": null,
      "docs/dir/x": 1,
    });
  });

  it("that was emptied in part only is not said to be empty (sjtu-pan.md §3.7, §3.8)", async () => {
    await using world = await openWorld({ knobs: { asyncEmptyBin: true } });
    world.pan.files.put("a", "");
    await world.mount.remove!([file("a")], { ...calm(), mode: "trash" });
    endTasks(world, { status: 207 });
    expect((await failureOf(world.mount.trash!.empty(calm()))).kind).toBe("incomplete");
  });

  it("lists more than a page (sjtu-pan.md §3.8)", async () => {
    await using world = await openWorld();
    for (let i = 0; i < 250; i++) world.pan.files.put(`many/${i}`, "");
    const entries = Array.from({ length: 250 }, (_, i) => file(`many/${i}`));
    await world.mount.remove!(entries, { ...calm(), mode: "trash" });
    expect(new Set((await bin(world)).map(({ id }) => id)).size).toBe(250);
    expect(world.pan.log.count("api.recycled-list")).toBe(3);
  });

  it("that is switched off says so (sjtu-pan.md §1.6)", async () => {
    await using world = await openWorld({ knobs: { recycleBin: false } });
    expect(await failureOf(bin(world))).toMatchObject({
      kind: "unsupported",
      upstream: { code: "RecycleBinNotEnabled" },
    });
  });
});

describe("the space of SJTU Pan", () => {
  it("is what the service says, and unknown where it has no limit (sjtu-pan.md §3.10)", async () => {
    await using world = await openWorld();
    world.pan.files.put("a", "12345");
    world.pan.setCapacity(1024 ** 4);
    expect(await world.mount.usage!(calm())).toEqual({ used: 5, total: 1024 ** 4 });
    world.pan.setCapacity(null);
    expect(await world.mount.usage!(calm())).toEqual({ used: 5 });
  });
});
