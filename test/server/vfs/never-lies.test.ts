import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import type { AnyDriver, Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { createMemoryDriver, type MemoryDriverOptions } from "#drivers/memory/index.ts";
import { MemoryStore } from "#drivers/memory/store.ts";
import { systemClock } from "#server/upstream/clock.ts";
import type { StorageInput } from "#server/vfs/api.ts";
import { type Chaos, createChaos } from "#test/faults/chaos.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

const MINUTE = 60_000;
const opened: TestVfs[] = [];
afterEach(async () => {
  for (const test of opened.splice(0)) await test.dispose();
});

/** A clock that a test turns. */
function turnedClock(): Clock & { at: number } {
  const clock = {
    at: 1_700_000_000_000,
    now: () => clock.at,
    // Deadlines and pauses are real: only what reads the time is turned.
    sleep: systemClock.sleep,
  };
  return clock;
}

async function open(
  chaos: Chaos,
  options: MemoryDriverOptions & { clock?: Clock; input?: Partial<StorageInput> } = {},
) {
  const plain = createMemoryDriver(options);
  const drivers: AnyDriver[] = [
    { ...plain, open: async (settings, env, o) => chaos.layer(await plain.open(settings, env, o)) },
  ];
  const test = await openTestVfs({ drivers, ...(options.clock && { clock: options.clock }) });
  opened.push(test);
  await test.mount({ mountPath: "/m", driver: "memory", settings: { page_size: 2 }, ...options.input });
  return test;
}

const down = new StorageError("unavailable", "the service is down");
const write = (test: TestVfs, path: string, content: string) =>
  test.vfs.write(path, { stream: Readable.from([Buffer.from(content)]), size: content.length }, forever);
const names = async (test: TestVfs, path = "/m") =>
  (await test.vfs.list(path, forever)).entries?.map((entry) => entry.name);

describe("what a storage fails with is never shown as less than there is", () => {
  it("leaves the tree as it was when a listing breaks on page 2", async () => {
    const store = new MemoryStore();
    const clock = turnedClock();
    const seed = { a: "1", b: "2", c: "3" };
    const chaos = createChaos({ faults: [{ operation: "list", call: 2, page: 2, fails: down }] });
    const test = await open(chaos, { store, seed, clock });
    expect(await names(test)).toEqual(["a", "b", "c"]);
    // Somebody else removes two files; the listing that would tell breaks off.
    for (const node of [...store.root.children]) if (node.name !== "c") store.remove(node);
    clock.at += 3 * 30 * MINUTE;
    const listing = await test.vfs.list("/m", forever);
    expect(listing.entries?.map((entry) => entry.name)).toEqual(["a", "b", "c"]);
    expect(listing.staleSeconds).toBe(90 * 60);
    chaos.heal();
    expect((await test.vfs.list("/m", forever)).staleSeconds).toBeUndefined();
    expect(await names(test)).toEqual(["c"]);
  });

  it("fails the first listing of a directory instead of showing it empty", async () => {
    const chaos = createChaos({ faults: [{ operation: "list", fails: down }] });
    const test = await open(chaos, { seed: { a: "1" } });
    await expect(test.vfs.list("/m", forever)).rejects.toBe(down);
    await expect(test.vfs.stat("/m/a", forever)).rejects.toBe(down);
    await expect(test.vfs.stat("/m/missing", forever)).rejects.toBe(down);
  });

  it("believes an absence only of a fresh listing (architecture.md §4)", async () => {
    const clock = turnedClock();
    const chaos = createChaos({ faults: [{ operation: "list", call: 2, fails: down }] });
    const test = await open(chaos, { seed: { a: "1" }, clock });
    await names(test);
    await expect(test.vfs.stat("/m/missing", forever)).rejects.toMatchObject({ kind: "not-found" });
    clock.at += 31 * MINUTE;
    await expect(test.vfs.stat("/m/missing", forever)).rejects.toBe(down);
    await expect(test.vfs.stat("/m/missing", forever)).rejects.toMatchObject({ kind: "not-found" });
  });

  it("serves a listing of up to twice its age at once and refreshes it behind", async () => {
    const clock = turnedClock();
    const store = new MemoryStore();
    const chaos = createChaos();
    const test = await open(chaos, { store, seed: { a: "1" }, clock });
    await names(test);
    for (const node of [...store.root.children]) store.remove(node);
    clock.at += 45 * MINUTE;
    expect(await names(test)).toEqual(["a"]);
    await expect.poll(() => names(test)).toEqual([]);
    expect(chaos.points.filter((point) => point.operation === "list" && point.page === 1)).toHaveLength(2);
  });

  it("asks nobody while a listing is fresh, and never with freshness manual until somebody refreshes", async () => {
    const clock = turnedClock();
    const chaos = createChaos();
    const test = await open(chaos, { seed: { a: "1" }, clock, input: { freshness: { default: "manual" } } });
    await names(test);
    clock.at += 1000 * 24 * 60 * MINUTE;
    expect(await names(test)).toEqual(["a"]);
    await expect(test.vfs.stat("/m/b", forever)).rejects.toMatchObject({ kind: "not-found" });
    const listings = () => chaos.points.filter((point) => point.operation === "list" && point.page === 1).length;
    expect(listings()).toBe(1);
    await test.vfs.list("/m", { ...forever, refresh: true });
    expect(listings()).toBe(2);
    await test.vfs.list("/m", { ...forever, refresh: true });
    expect(listings()).toBe(2); // a second refresh within a second is answered from the first
  });

  it.each(["atomic", "emulated"] as const)(
    "fails an upload of which one stored byte is flipped, and shows nothing of it (replace: %s)",
    async (replace) => {
      const chaos = createChaos({ faults: [{ operation: "upload", flipsByte: 2 }] });
      const test = await open(chaos, { traits: { replace } });
      await expect(write(test, "/m/a", "hello")).rejects.toMatchObject({
        kind: "incomplete",
        reason: "verification-failed",
      });
      expect(await names(test)).toEqual([]);
      await expect(test.vfs.stat("/m/a", forever)).rejects.toMatchObject({ kind: "not-found" });
    },
  );

  it("keeps the old file when the new one is stored wrong and the service replaces in two steps", async () => {
    const chaos = createChaos({ faults: [{ operation: "upload", call: 2, flipsByte: 0 }] });
    const test = await open(chaos, { traits: { replace: "emulated" } });
    await write(test, "/m/a", "old");
    await expect(write(test, "/m/a", "new")).rejects.toMatchObject({ reason: "verification-failed" });
    expect(await text(await (await test.vfs.open("/m/a", forever)).read())).toBe("old");
    expect(await names(test)).toEqual(["a"]);
  });

  it("reads a file that was replaced upstream only as what it is now: never other bytes under the old headers", async () => {
    const store = new MemoryStore();
    const test = await open(createChaos(), { store, seed: { a: "old" } });
    const file = await test.vfs.open("/m/a", forever);
    for (const node of [...store.root.children]) store.remove(node);
    await expect(file.read()).rejects.toMatchObject({ kind: "not-found" });
    await expect(test.vfs.stat("/m/a", forever)).rejects.toMatchObject({ kind: "not-found" });
  });

  it("goes on with a new root where the old one is gone, and shows nothing of the old one", async () => {
    const clock = turnedClock();
    let store = new MemoryStore(0, "first");
    const drivers: AnyDriver[] = [
      {
        ...createMemoryDriver(),
        open: async (settings, env, o) =>
          createMemoryDriver({ store, seed: { [store.root.id]: "x" } }).open(settings, env, o),
      },
    ];
    const test = await openTestVfs({ drivers, clock });
    opened.push(test);
    const { id } = await test.mount({ mountPath: "/m", driver: "memory", settings: {} });
    const before = await names(test);
    store = new MemoryStore(0, "second");
    await test.vfs.storages.disable(id);
    await test.vfs.storages.enable(id, forever);
    clock.at += 3 * 30 * MINUTE;
    const after = await names(test);
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
  });

  it("withdraws an ability that the service itself says it has not", async () => {
    const unsupported = new StorageError("unsupported", "this account cannot copy");
    const chaos = createChaos({ faults: [{ operation: "copy", fails: unsupported }] });
    const test = await open(chaos, { seed: { a: "1" } });
    expect(test.vfs.capabilities("/m")?.copy).toBe(true);
    await expect(test.vfs.copy("/m/a", "/m/b", { ...forever, conflict: "fail" })).rejects.toBe(unsupported);
    expect(test.vfs.capabilities("/m")?.copy).toBe(false);
    await test.vfs.copy("/m/a", "/m/b", { ...forever, conflict: "fail" });
    expect(await names(test)).toEqual(["a", "b"]);
  });
});
