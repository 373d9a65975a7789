import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { type ErrorKind, StorageError } from "#drivers/contract/errors.ts";
import { forever } from "#test/support/vfs.ts";
import { openPendingWorld, type PendingWorld } from "./world.ts";

const MINUTE = 60_000;

async function put(world: PendingWorld, path = "/s/a.txt"): Promise<string> {
  return (await world.put(path, "hello")).pending!;
}

async function stateOf(world: PendingWorld, id: string) {
  const { state, error } = (await world.tasks.get(id))!;
  const [mount, file] = [world.vfs.storages.at("/s")!, await world.vfs.stat("/s/a.txt", forever)];
  return { state, class: error?.class, failed: mount.pending.failed, onFile: file.failure?.message };
}

describe("uploads that fail (architecture.md §6: never dropped, marked on file, mount and task)", () => {
  it.each<readonly [ErrorKind, string]>([
    ["permission-denied", "the provider refuses the file for good"],
    ["quota-exceeded", "the storage is full"],
    ["too-large", "the provider takes no such files"],
  ])(
    "keeps the content after %s, over a restart too, and stores it when somebody tries again",
    async (kind, message) => {
      const world = await openPendingWorld({ seed: { "a.txt": "old" } });
      world.upstream.failure = new StorageError(kind, message);
      const id = await put(world);
      await world.until(async () => (await world.tasks.get(id))?.state === "failed");
      const failed = { state: "failed", class: "permanent", failed: 1, onFile: message };
      expect(await stateOf(world, id)).toEqual(failed);
      expect(await world.read("/s/a.txt")).toBe("hello");
      expect(world.stored()).toEqual({ "a.txt": "old" });
      await world.restart();
      expect(await stateOf(world, id)).toEqual(failed);
      expect(await world.read("/s/a.txt")).toBe("hello");
      world.upstream.failure = undefined;
      await world.tasks.retry(id);
      await world.settled();
      expect(world.stored()).toEqual({ "a.txt": "hello" });
      await world.until(async () => (await world.tasks.get(id))?.state === "succeeded");
      expect(await stateOf(world, id)).toMatchObject({ failed: 0, onFile: undefined });
    },
  );

  it("waits for a login, says so, and goes on when the account is back", async () => {
    const world = await openPendingWorld();
    world.upstream.failure = new StorageError("unauthenticated", "log in again");
    const id = await put(world);
    await world.until(async () => (await world.tasks.get(id))?.state === "retrying");
    await world.until(async () => (await stateOf(world, id)).failed === 1);
    expect(await stateOf(world, id)).toMatchObject({ class: "needs-login", onFile: "log in again" });
    world.upstream.failure = undefined;
    world.tasks.wakeLogins();
    await world.settled();
    expect(world.stored()).toEqual({ "a.txt": "hello" });
  });

  it("tries again by itself what may pass", async () => {
    const world = await openPendingWorld();
    world.upstream.failure = new StorageError("unavailable", "away");
    const id = await put(world);
    await world.until(async () => (await world.tasks.get(id))?.state === "retrying");
    expect(await stateOf(world, id)).toMatchObject({ failed: 0, onFile: undefined });
    world.upstream.failure = undefined;
    await world.clock.advance(MINUTE);
    await world.settled();
    expect(world.stored()).toEqual({ "a.txt": "hello" });
  });

  it.each([["sha1"], []] as const)(
    "settles a lost reply by what the storage has, and sends nothing twice (digests told: %s)",
    async (...hashes) => {
      const world = await openPendingWorld({ traits: { hashes: hashes.filter((name) => name !== undefined) } });
      world.upstream.lost = new StorageError("timeout", "no reply");
      const id = await put(world);
      await world.until(async () => (await world.tasks.get(id))?.state === "retrying");
      world.upstream.lost = undefined;
      await world.clock.advance(MINUTE);
      await world.settled();
      expect(world.stored()).toEqual({ "a.txt": "hello" });
      expect(world.upstream.begun).toHaveLength(1);
    },
  );

  it("keeps what was accepted when its task is cancelled or forgotten, and a retry goes on", async () => {
    const world = await openPendingWorld();
    world.upstream.hold();
    const id = await put(world);
    await world.until(() => world.upstream.begun.length === 1);
    await world.tasks.cancel(id);
    await world.until(async () => (await world.tasks.get(id))?.state === "cancelled");
    expect((await stateOf(world, id)).onFile).toContain("cancelled");
    await world.tasks.remove(id);
    expect(await world.tasks.get(id)).toBeDefined();
    expect(await world.read("/s/a.txt")).toBe("hello");
    world.upstream.letGo();
    await world.tasks.retry(id);
    await world.settled();
    expect(world.stored()).toEqual({ "a.txt": "hello" });
  });

  it("keeps the content of a directory that is gone at the storage, and stores it once that is there again", async () => {
    const world = await openPendingWorld({ seed: { d: {} } });
    world.upstream.hold();
    const id = (await world.put("/s/d/a.txt", "hello")).pending!;
    await world.until(() => world.upstream.begun.length === 1);
    const { store } = world.upstream;
    store.remove([...store.root.children][0]!);
    world.upstream.letGo();
    await world.until(async () => (await world.tasks.get(id))?.state === "failed");
    expect(await world.names("/s")).toEqual([]);
    expect(world.vfs.pending.list()).toMatchObject([{ path: "/s/d/a.txt", size: 5 }]);
    await world.vfs.makeDirectory("/s/d", forever);
    await world.tasks.retry(id);
    await world.settled();
    expect(world.stored()).toEqual({ "d/a.txt": "hello" });
  });
});

describe("no room (RFC 4918 §11.5: 507 before the body)", () => {
  const refused = async (world: PendingWorld, size: number) => {
    let read = false;
    const stream = new Readable({
      read() {
        read = true;
        this.push(null);
      },
    });
    await expect(world.vfs.write("/s/b.txt", { stream, size }, forever)).rejects.toMatchObject({
      kind: "quota-exceeded",
    });
    expect(read).toBe(false);
  };

  it("refuses what the spool cannot take", async () => {
    const world = await openPendingWorld({ spoolQuota: 10 });
    world.upstream.hold();
    await put(world);
    await refused(world, 6);
    world.upstream.letGo();
    await world.settled();
    await world.put("/s/b.txt", "123456");
  });

  it("refuses what the storage has no room for, less what waits for it already", async () => {
    const world = await openPendingWorld();
    world.upstream.usage = { used: 90, total: 100 };
    world.upstream.hold();
    await put(world);
    await refused(world, 6);
    await world.put("/s/b.txt", "12345");
  });
});

describe("storages with files that wait", () => {
  it("are not forgotten, and not given another folder", async () => {
    const world = await openPendingWorld();
    world.upstream.hold();
    await put(world);
    const { id, mountPath, driver } = world.vfs.storages.at("/s")!;
    await expect(world.vfs.storages.remove(id)).rejects.toMatchObject({ kind: "not-empty" });
    const other = { mountPath, driver, settings: { root: "/else" } };
    await expect(world.vfs.storages.update(id, other, forever)).rejects.toMatchObject({
      kind: /not-empty|invalid-config/,
    });
  });

  it("go on with them when they are enabled again, and under another mount path", async () => {
    const world = await openPendingWorld();
    world.upstream.hold();
    await put(world);
    await world.until(() => world.upstream.begun.length === 1);
    const { id, driver } = world.vfs.storages.at("/s")!;
    await world.vfs.storages.disable(id);
    world.upstream.letGo();
    await world.vfs.storages.enable(id, forever);
    await world.vfs.storages.update(id, { mountPath: "/moved", driver, settings: {} }, forever);
    expect(await world.read("/moved/a.txt")).toBe("hello");
    await world.clock.advance(MINUTE);
    await world.settled();
    expect(world.stored()).toEqual({ "a.txt": "hello" });
  });
});
