/** Placeholders in the tree: what they yield to, what takes them along, what a crash leaves of them (webdav.md §5, decision 0019). */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { directory, file, list, names, openTestTree, PATHS, ROOT, STABLE } from "./trees.ts";

const CONTENT = Buffer.from("own");
const kept = (name: string) => file(name, { id: `kept-${name}`, version: `v-${name}`, size: 3 });

describe.each([
  ["stable ids", STABLE],
  ["ids that are paths", PATHS],
])("placeholders in a tree with %s", (_, traits) => {
  async function opened() {
    const t = await openTestTree();
    const mount = await t.tree.openMount(1, traits);
    return { t, mount, root: await mount.setRoot(ROOT) };
  }
  const contents = async ({ store }: Awaited<ReturnType<typeof opened>>["t"]) =>
    (await store.db.selectFrom("overlay").select("name").where("content", "is not", null).execute()).map((r) => r.name);

  it("yield to what a listing has under their names, which then goes when the service has it no more", async () => {
    const { t, mount, root } = await opened();
    await using _ = t;
    const a = await mount.putPlaceholder(root, kept("a"), CONTENT);
    const b = await mount.putPlaceholder(root, kept("b"), CONTENT);
    t.clock.time += 10;
    await list(mount, root, t.clock.time, [file("a", { size: 7 }), file("c")]);
    expect(names(mount, root)).toEqual(["a", "b", "c"]);
    const now = mount.lookup(root, "a")!;
    expect([now.n, now.size, now.pending, mount.isPlaceholder(a), mount.isPlaceholder(b)]).toEqual([
      a.n,
      7,
      false,
      false,
      true,
    ]);
    expect([await contents(t), await mount.contentOf(a), await mount.contentOf(b)]).toEqual([
      ["b"],
      undefined,
      CONTENT,
    ]);
    t.clock.time += 10;
    await list(mount, root, t.clock.time, [file("c")]);
    expect(names(mount, root)).toEqual(["b", "c"]);
    t.clock.time += 10;
    expect(await list(mount, root, t.clock.time, [file("c")])).toMatchObject({ changed: false, state: { count: 2 } });
  });

  it("stay where a listing breaks off that had something under their names", async () => {
    const { t, mount, root } = await opened();
    await using _ = t;
    await list(mount, root, 1, [file("c")]);
    const a = await mount.putPlaceholder(root, kept("a"), CONTENT);
    t.clock.time += 10;
    const staging = await mount.stage(root, t.clock.time);
    await staging.add([file("a", { size: 7 })]);
    await staging.abandon();
    expect([names(mount, root), mount.lookup(root, "a")]).toEqual([["a", "c"], a]);
    expect(await mount.contentOf(a)).toEqual(CONTENT);
  });

  it("are no directory's, whose name a directory of the service takes as another node", async () => {
    const { t, mount, root } = await opened();
    await using _ = t;
    const a = await mount.putPlaceholder(root, kept("a"), CONTENT);
    t.clock.time += 10;
    await list(mount, root, t.clock.time, [directory("a")]);
    const now = mount.lookup(root, "a")!;
    expect([now.kind, now.n === a.n, await contents(t)]).toEqual(["directory", false, []]);
  });

  it("that are written while a listing runs are in it, with what was written last", async () => {
    const { t, mount, root } = await opened();
    await using _ = t;
    await mount.putPlaceholder(root, kept("a"), CONTENT);
    t.clock.time += 10;
    const staging = await mount.stage(root, t.clock.time);
    await staging.add([file("a", { size: 7 })]);
    const again = await mount.putPlaceholder(root, { ...kept("a"), version: "v2" }, Buffer.from("new"));
    const more = await mount.putPlaceholder(root, kept("b"), CONTENT);
    await staging.commit();
    expect(names(mount, root)).toEqual(["a", "b"]);
    expect([await mount.contentOf(again), await mount.contentOf(more)]).toEqual([Buffer.from("new"), CONTENT]);
    expect(mount.directory(root)?.count).toBe(2);
  });

  it("end with their directory, and leave nothing behind", async () => {
    const { t, mount, root } = await opened();
    await using _ = t;
    const d = await mount.put(root, directory("d"));
    await mount.putPlaceholder(d, kept("a"), CONTENT);
    await mount.remove(root, "d");
    await t.tree.sweep();
    expect([await contents(t), [...mount.placeholders()], mount.placeholderTotals()]).toEqual([
      [],
      [],
      { count: 0, bytes: 0 },
    ]);
  });

  it("go along when their directory moves, and are found below it", async () => {
    const { t, mount, root } = await opened();
    await using _ = t;
    const d = await mount.put(root, directory("d"));
    const a = await mount.putPlaceholder(d, kept("a"), CONTENT);
    const e = await mount.move(root, "d", root, directory("e", { id: traits.ids === "path" ? "e" : "id-d" }));
    expect([names(mount, e), mount.namesBelow(root, a.n)]).toEqual([["a"], ["e", "a"]]);
    expect(await mount.contentOf(mount.lookup(e, "a")!)).toEqual(CONTENT);
  });

  it("are there after a restart and after the tree lost its last commits; and gone, with a warning, with a lost tree's directories", async () => {
    const { t, mount, root } = await opened();
    await using _ = t;
    const d = await mount.put(root, directory("d"));
    const a = await mount.putPlaceholder(root, kept("a"), CONTENT);
    await mount.putPlaceholder(d, kept("b"), CONTENT);
    await t.reopen();
    let again = await t.tree.openMount(1, traits);
    expect([names(again, again.root()!), again.isPlaceholder(a), again.placeholderTotals()]).toEqual([
      ["a", "d"],
      true,
      { count: 2, bytes: 6 },
    ]);
    await change(t, "delete from entry where name = 'a'");
    again = await t.tree.openMount(1, traits);
    expect(await again.contentOf(again.lookup(again.root()!, "a")!)).toEqual(CONTENT);
    // No overlay row tells of the directory either.
    await t.store.db.deleteFrom("overlay").where("name", "=", "d").execute();
    await change(t, "delete from entry where name = 'd'");
    await t.tree.openMount(1, traits);
    expect(await contents(t)).toEqual(["a"]);
    expect(t.warnings).toMatchObject([{ fields: { mount: 1, count: 1 } }]);
  });

  it("do not come back after a crash between a listing that overruled them and the end of their overlay row", async () => {
    const { t, mount, root } = await opened();
    await using _ = t;
    await mount.putPlaceholder(root, kept("a"), CONTENT);
    const row = await t.store.db.selectFrom("overlay").selectAll().executeTakeFirstOrThrow();
    t.clock.time += 10;
    await list(mount, root, t.clock.time, [file("a", { size: 7 })]);
    await t.store.db.insertInto("overlay").values(row).execute();
    await t.reopen();
    const again = await t.tree.openMount(1, traits);
    expect([again.lookup(again.root()!, "a")?.size, await contents(t)]).toEqual([7, []]);
  });
});

/** Does something to the tree's file while nobody has it open. */
async function change(t: Awaited<ReturnType<typeof openTestTree>>, sql: string): Promise<void> {
  await t.tree.close();
  const db = new DatabaseSync(join(t.dir, "tree.db"));
  db.exec(sql);
  db.close();
  await t.reopen();
}
