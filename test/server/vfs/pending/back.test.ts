import { describe, expect, it } from "vitest";
import { forever } from "#test/support/vfs.ts";
import { openPendingWorld } from "./world.ts";

describe("write mode `back` (architecture.md §6)", () => {
  it("answers when the content is kept here, shows and reads it while it waits, and stores it behind", async () => {
    const world = await openPendingWorld();
    world.upstream.hold();
    const { resource, created, pending } = await world.put("/s/a.txt", "hello world");
    expect([created, resource.pending, resource.size]).toEqual([true, true, 11]);
    expect(await world.names("/s")).toEqual(["a.txt*"]);
    expect(await world.read("/s/a.txt")).toBe("hello world");
    expect(await world.read("/s/a.txt", { offset: 6, length: 3 })).toBe("wor");
    expect(world.stored()).toEqual({});
    await world.until(() => world.upstream.begun.length === 1);
    expect(await world.uploads()).toMatchObject([{ id: pending, state: "running", subject: { to: "/s/a.txt" } }]);
    world.upstream.letGo();
    await world.settled();
    expect(world.stored()).toEqual({ "a.txt": "hello world" });
    expect(await world.names("/s")).toEqual(["a.txt"]);
    await world.until(async () => (await world.tasks.get(pending!))?.state === "succeeded");
    expect((await world.tasks.get(pending!))?.totals).toMatchObject({
      files: 1,
      filesDone: 1,
      bytes: 11,
      bytesDone: 11,
    });
  });

  it("says the same of a file before and after its upload has ended: etag, time, size and digest (webdav.md §5 PUT)", async () => {
    const world = await openPendingWorld({ traits: { setsModifiedAt: false }, without: ["setModifiedAt"] });
    world.upstream.hold();
    const before = (await world.put("/s/a.txt", "hello")).resource;
    world.upstream.letGo();
    await world.settled();
    const facts = ({ etag, modifiedAt, size, hashes, key }: typeof before) => ({ etag, modifiedAt, size, hashes, key });
    expect(facts(await world.vfs.stat("/s/a.txt", forever))).toEqual(facts(before));
    await world.restart();
    expect(facts(await world.vfs.stat("/s/a.txt", forever))).toEqual(facts(before));
  });

  it("goes on after a restart, and shows what waits from the first moment on", async () => {
    const world = await openPendingWorld();
    world.upstream.hold();
    await world.put("/s/a.txt", "hello");
    await world.restart();
    expect(await world.names("/s")).toEqual(["a.txt*"]);
    expect(await world.read("/s/a.txt")).toBe("hello");
    world.upstream.letGo();
    await world.settled();
    expect(world.stored()).toEqual({ "a.txt": "hello" });
    expect(await world.read("/s/a.txt")).toBe("hello");
  });

  it("keeps the old file at the storage until the new one is there", async () => {
    const world = await openPendingWorld({ seed: { "a.txt": "old" } });
    world.upstream.hold();
    expect((await world.put("/s/a.txt", "new!")).created).toBe(false);
    expect(await world.read("/s/a.txt")).toBe("new!");
    expect(world.stored()).toEqual({ "a.txt": "old" });
    world.upstream.letGo();
    await world.settled();
    expect(world.stored()).toEqual({ "a.txt": "new!" });
  });
});
