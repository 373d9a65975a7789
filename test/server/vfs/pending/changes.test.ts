import { describe, expect, it } from "vitest";
import type { Traits } from "#drivers/contract/traits.ts";
import { forever } from "#test/support/vfs.ts";
import { openPendingWorld, type PendingWorld } from "./world.ts";

const replace = { ...forever, conflict: "replace" } as const;

/** The storages that there are: ids that survive moves, and ids that are paths. */
const KINDS: readonly (readonly [string, Partial<Traits>, "memory" | "folder"])[] = [
  ["stable ids", {}, "memory"],
  ["emulated replace", { replace: "emulated" }, "memory"],
  ["paths as ids", { cheapStat: false }, "folder"],
  ["paths as ids that are asked for", {}, "folder"],
];

/** Nothing waits, nothing is left in the spool, and the storage has exactly this. */
async function expectStored(world: PendingWorld, files: Readonly<Record<string, string>>): Promise<void> {
  world.upstream.letGo();
  await world.settled();
  expect(world.stored()).toEqual(files);
  await world.until(async () => (await world.spooled()).length === 0);
  expect(await world.test.store.db.selectFrom("pending_upload").selectAll().execute()).toEqual([]);
  expect(await world.test.store.db.selectFrom("overlay").where("state", "=", "pending").selectAll().execute()).toEqual(
    [],
  );
}

describe.each(KINDS)(
  "files that wait for their upload, on a storage with %s (architecture.md §6, decision 0021)",
  (_, traits, storage) => {
    const open = async (seed = {}) => {
      const world = await openPendingWorld({ traits, seed, storage });
      world.upstream.hold();
      return world;
    };

    it.each([false, true])("are renamed and moved, the upload on its way: %s", async (isOnItsWay) => {
      const world = await open({ d: { "old.txt": "of before" } });
      await world.put("/s/a.txt", "new");
      await world.put("/s/d/old.txt", "newer");
      if (isOnItsWay) await world.until(() => world.upstream.begun.length === 2);
      await world.vfs.move("/s/a.txt", "/s/b.txt", replace);
      await world.vfs.move("/s/d/old.txt", "/s/d/moved.txt", replace);
      expect(await world.names("/s")).toEqual(["b.txt*", "d"]);
      expect(await world.names("/s/d")).toEqual(["moved.txt*"]);
      expect(await world.read("/s/b.txt")).toBe("new");
      await expectStored(world, { "b.txt": "new", "d/moved.txt": "newer" });
      expect(await world.names("/s/d")).toEqual(["moved.txt"]);
    });

    it("take the place of others by a move, which the storage keeps until the new one is there", async () => {
      const world = await open({ "a.txt": "a", "b.txt": "b" });
      await world.put("/s/a.txt", "new");
      await world.vfs.move("/s/a.txt", "/s/b.txt", replace);
      expect(world.stored()).toEqual({ "b.txt": "b" });
      expect(await world.names("/s")).toEqual(["b.txt*"]);
      await expectStored(world, { "b.txt": "new" });
    });

    it("give way to files that are moved or copied into their place", async () => {
      const world = await open({ "a.txt": "a", "c.txt": "c" });
      await world.put("/s/b.txt", "new b");
      await world.put("/s/d.txt", "new d");
      await world.until(() => world.upstream.begun.length === 2);
      await world.vfs.move("/s/a.txt", "/s/b.txt", replace);
      await world.vfs.copy("/s/c.txt", "/s/d.txt", replace);
      expect(await world.read("/s/b.txt")).toBe("a");
      await expectStored(world, { "b.txt": "a", "c.txt": "c", "d.txt": "c" });
    });

    it("are copied from here, within the storage and to another", async () => {
      const world = await open({ "a.txt": "old" });
      await world.put("/s/a.txt", "new");
      await world.vfs.copy("/s/a.txt", "/s/b.txt", replace);
      await world.vfs.copy("/s/a.txt", "/other/a.txt", replace);
      expect(await world.read("/other/a.txt")).toBe("new");
      expect(await world.names("/s")).toEqual(["a.txt*", "b.txt*"]);
      await expectStored(world, { "a.txt": "new", "b.txt": "new" });
    });

    it("are moved to another storage, and nothing is left behind", async () => {
      const world = await open({ "a.txt": "old" });
      await world.put("/s/a.txt", "new");
      await world.until(() => world.upstream.begun.length === 1);
      await world.vfs.move("/s/a.txt", "/other/a.txt", replace);
      expect(await world.names("/s")).toEqual([]);
      expect(await world.read("/other/a.txt")).toBe("new");
      await expectStored(world, {});
    });

    it.each([false, true])(
      "are removed with what they were to replace, the upload on its way: %s",
      async (isOnItsWay) => {
        const world = await open({ "a.txt": "old" });
        await world.put("/s/a.txt", "new");
        await world.put("/s/b.txt", "only here");
        if (isOnItsWay) await world.until(() => world.upstream.begun.length === 2);
        await world.vfs.remove("/s/a.txt", forever);
        await world.vfs.remove("/s/b.txt", forever);
        expect(await world.names("/s")).toEqual([]);
        await expectStored(world, {});
        await world.until(async () => (await world.uploads()).every(({ state }) => state === "cancelled"));
      },
    );

    it("are overwritten any number of times, and the last content is stored once", async () => {
      const world = await open();
      for (const content of ["one", "two", "three"]) await world.put("/s/a.txt", content);
      expect(await world.read("/s/a.txt")).toBe("three");
      await expectStored(world, { "a.txt": "three" });
      expect(world.upstream.ended).toHaveLength(1);
    });

    it("go with their directory when it is renamed, moved or removed while they are on their way", async () => {
      const world = await open({ x: { "kept.txt": "kept" }, y: {}, z: {} });
      await world.put("/s/x/a.txt", "in x");
      await world.put("/s/x/kept.txt", "kept, new");
      await world.put("/s/z/a.txt", "in z");
      await world.until(() => world.upstream.begun.length === 3);
      await world.vfs.move("/s/x", "/s/y/renamed", replace);
      await world.vfs.remove("/s/z", forever);
      expect(await world.names("/s")).toEqual(["y"]);
      expect(await world.names("/s/y/renamed")).toEqual(["a.txt*", "kept.txt*"]);
      await world.restart();
      expect(await world.names("/s/y/renamed")).toEqual(["a.txt*", "kept.txt*"]);
      await expectStored(world, { "y/renamed/a.txt": "in x", "y/renamed/kept.txt": "kept, new" });
    });

    it("come with a copy of their directory", async () => {
      const world = await open({ x: { "kept.txt": "kept" } });
      await world.put("/s/x/a.txt", "in x");
      await world.put("/s/x/kept.txt", "kept, new");
      await world.vfs.copy("/s/x", "/s/copy", replace);
      expect(await world.names("/s/copy")).toEqual(["a.txt*", "kept.txt*"]);
      await expectStored(world, {
        ...{ "x/a.txt": "in x", "x/kept.txt": "kept, new", "copy/a.txt": "in x", "copy/kept.txt": "kept, new" },
      });
    });

    it("take another time, and keep it", async () => {
      const world = await open();
      await world.put("/s/a.txt", "new");
      await world.vfs.setModifiedAt("/s/a.txt", 1_600_000_000_000, forever);
      const before = await world.vfs.stat("/s/a.txt", forever);
      expect([before.modifiedAt, before.pending]).toEqual([1_600_000_000_000, true]);
      await expectStored(world, { "a.txt": "new" });
      const after = await world.vfs.stat("/s/a.txt", forever);
      expect([after.modifiedAt, after.pending, after.etag]).toEqual([1_600_000_000_000, false, before.etag]);
    });
  },
);
