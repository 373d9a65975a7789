/** What the vfs keeps with nodes: where it is shown, what carries it, what ends it (architecture.md §5). */
import { mkdtemp, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Hashes } from "#drivers/contract/mount.ts";
import { local } from "#drivers/local/index.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { systemClock } from "#server/upstream/clock.ts";
import type { Vfs } from "#server/vfs/api.ts";
import type { DeadProperty } from "#server/vfs/properties/dead-properties.ts";
import type { Resource } from "#server/vfs/resource.ts";
import { forgetfulService } from "#test/support/forgetful-driver.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

const TIME = Date.UTC(2001, 1, 3, 4, 5, 6);
const SHA1_OF_HELLO = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";

const author = (text: string): DeadProperty => ({
  namespace: "urn:x",
  name: "author",
  xml: `<author xmlns="urn:x">${text}</author>`,
});

async function put(vfs: Vfs, path: string, text: string, facts: { modifiedAt?: number; hashes?: Hashes } = {}) {
  const stream = Readable.from([Buffer.from(text)]);
  return vfs.write(path, { stream, size: Buffer.byteLength(text), ...facts }, forever);
}

async function listed(vfs: Vfs, path: string): Promise<Readonly<Record<string, Resource>>> {
  const all: Resource[] = [];
  for await (const page of (await vfs.list(path, forever)).pages()) all.push(...page);
  return Object.fromEntries(all.map((resource) => [resource.name, resource]));
}

const facts = ({ modifiedAt, hashes, properties }: Resource) => ({ modifiedAt, sha1: hashes?.sha1, properties });
const at = async (vfs: Vfs, path: string) => facts(await vfs.stat(path, forever));

async function forgetful() {
  const { driver, store } = forgetfulService();
  let later = 0;
  const clock = { ...systemClock, now: () => Date.now() + later };
  const test = await openTestVfs({ drivers: [driver, createMemoryDriver()], clock });
  const world = {
    test,
    store,
    /** Lists anew, as somebody does who comes some seconds later. */
    async refresh() {
      later += 5000;
      await world.test.vfs.list("/f", { ...forever, refresh: true });
    },
  };
  onTestFinished(() => world.test.dispose());
  await test.mount({ mountPath: "/f", driver: "forgetful", settings: {} });
  return world;
}

/** A folder of this machine: its ids are paths. */
async function folder() {
  const root = await mkdtemp(join(tmpdir(), "pandav-properties-"));
  const world: { test: TestVfs; readonly root: string } = { test: await openTestVfs({ drivers: [local] }), root };
  onTestFinished(async () => {
    await world.test.dispose();
    await rm(root, { recursive: true, force: true });
  });
  await world.test.mount({ mountPath: "/l", driver: "local", settings: { root } });
  return world;
}

describe("times and digests that a service does not keep (webdav.md §5)", () => {
  it("are shown by stat and listing alike, under a new version of the listing, and again after a restart", async () => {
    const world = await forgetful();
    await put(world.test.vfs, "/f/a", "hello");
    const before = await world.test.vfs.list("/f", forever);
    const { modifiedAtStored, resource } = await put(world.test.vfs, "/f/a", "hello", {
      modifiedAt: TIME,
      hashes: { sha1: SHA1_OF_HELLO },
    });
    expect(modifiedAtStored).toBe(true);
    const expected = { modifiedAt: TIME, sha1: SHA1_OF_HELLO, properties: undefined };
    expect(facts(resource)).toEqual(expected);
    world.test = await world.test.restart();
    const { vfs } = world.test;
    expect(await at(vfs, "/f/a")).toEqual(expected);
    expect(facts((await listed(vfs, "/f")).a!)).toEqual(expected);
    expect((await vfs.list("/f", forever)).version).not.toBe(before.version);
    // The service's own listing changes nothing of it.
    await world.refresh();
    expect(await at(vfs, "/f/a")).toEqual(expected);
  });

  it("a time set later changes what listings show and their version at once", async () => {
    const { test } = await forgetful();
    await put(test.vfs, "/f/a", "hello");
    const before = (await test.vfs.list("/f", forever)).version;
    await test.vfs.setModifiedAt("/f/a", TIME, forever);
    expect((await listed(test.vfs, "/f")).a!.modifiedAt).toBe(TIME);
    expect((await test.vfs.list("/f", forever)).version).not.toBe(before);
  });

  it("end with the content that they were of, whoever replaces it", async () => {
    const { test, store, refresh } = await forgetful();
    const { vfs } = test;
    await put(vfs, "/f/a", "hello", { modifiedAt: TIME, hashes: { sha1: SHA1_OF_HELLO } });
    await put(vfs, "/f/b", "hello", { modifiedAt: TIME });
    await put(vfs, "/f/a", "world");
    expect((await at(vfs, "/f/a")).modifiedAt).not.toBe(TIME);
    const [b] = store.named(store.root, "b");
    store.fill(b!, Buffer.from("other"), "", Date.UTC(2022, 0, 1));
    await refresh();
    expect(await at(vfs, "/f/b")).toEqual({ modifiedAt: Date.UTC(2022, 0, 1), sha1: undefined, properties: undefined });
  });

  it("cost no row where nobody asked for them", async () => {
    const { test } = await forgetful();
    await put(test.vfs, "/f/a", "hello");
    expect(await test.store.db.selectFrom("remembered").selectAll().execute()).toEqual([]);
  });
});

describe("what moves, copies and removals do to it (RFC 4918 §9.8.2, §9.9.1)", () => {
  const kept = { modifiedAt: TIME, sha1: SHA1_OF_HELLO, properties: [author("Jim")] };

  async function keep(vfs: Vfs, path: string) {
    await put(vfs, path, "hello", { modifiedAt: TIME, hashes: { sha1: SHA1_OF_HELLO } });
    await vfs.patchProperties(path, { changes: [{ set: author("Jim") }] }, forever);
  }

  it.each(["stable ids", "paths as ids"])("carry it with a file and below a directory: %s", async (ids) => {
    const world = ids === "stable ids" ? await forgetful() : await folder();
    const base = ids === "stable ids" ? "/f" : "/l";
    const { vfs } = world.test;
    await vfs.makeDirectory(`${base}/d`, forever);
    await vfs.patchProperties(`${base}/d`, { changes: [{ set: author("Dir") }] }, forever);
    await keep(vfs, `${base}/d/a`);
    await vfs.move(`${base}/d/a`, `${base}/d/b`, { ...forever, conflict: "fail" });
    expect(await at(vfs, `${base}/d/b`)).toEqual(kept);
    await vfs.copy(`${base}/d`, `${base}/e`, { ...forever, conflict: "fail" });
    expect((await at(vfs, `${base}/e`)).properties).toEqual([author("Dir")]);
    expect(await at(vfs, `${base}/e/b`)).toMatchObject({ properties: [author("Jim")], modifiedAt: TIME });
    await vfs.move(`${base}/d`, `${base}/g`, { ...forever, conflict: "fail" });
    expect((await at(vfs, `${base}/g`)).properties).toEqual([author("Dir")]);
    world.test = await world.test.restart();
    expect(await at(world.test.vfs, `${base}/g/b`)).toEqual(kept);
    expect((await at(world.test.vfs, `${base}/e/b`)).properties).toEqual([author("Jim")]);
  });

  it("carry it to another storage, where a time is set or remembered as that one can", async () => {
    const { test } = await forgetful();
    await test.mount({ mountPath: "/m", driver: "memory", settings: {} });
    await keep(test.vfs, "/f/a");
    await test.vfs.copy("/f/a", "/m/a", { ...forever, conflict: "fail" });
    expect(await at(test.vfs, "/m/a")).toEqual(kept);
    await test.vfs.move("/m/a", "/f/b", { ...forever, conflict: "fail" });
    expect(await at(test.vfs, "/f/b")).toMatchObject({ modifiedAt: TIME, properties: [author("Jim")] });
  });

  it("give what is overwritten the properties of what comes, none where that has none", async () => {
    const { test } = await forgetful();
    const { vfs } = test;
    await keep(vfs, "/f/old");
    await put(vfs, "/f/new", "x");
    await vfs.move("/f/new", "/f/old", { ...forever, conflict: "replace" });
    expect((await at(vfs, "/f/old")).properties).toBeUndefined();
    await keep(vfs, "/f/a");
    await put(vfs, "/f/b", "x");
    await vfs.copy("/f/b", "/f/a", { ...forever, conflict: "replace" });
    expect((await at(vfs, "/f/a")).properties).toBeUndefined();
  });

  it("end it with what is removed: what is made at its path later has none, nor after a restart", async () => {
    const world = await folder();
    const { vfs } = world.test;
    await vfs.makeDirectory("/l/d", forever);
    await keep(vfs, "/l/d/a");
    await vfs.remove("/l/d", forever);
    expect(await world.test.store.db.selectFrom("remembered").selectAll().execute()).toEqual([]);
    await vfs.makeDirectory("/l/d", forever);
    await put(vfs, "/l/d/a", "hello");
    world.test = await world.test.restart();
    expect((await at(world.test.vfs, "/l/d/a")).properties).toBeUndefined();
  });

  it("leave dead properties with a file that is overwritten (architecture.md §5)", async () => {
    const { test } = await forgetful();
    await keep(test.vfs, "/f/a");
    await put(test.vfs, "/f/a", "another content");
    expect(await at(test.vfs, "/f/a")).toMatchObject({ properties: [author("Jim")] });
    expect((await at(test.vfs, "/f/a")).modifiedAt).not.toBe(TIME);
  });
});

describe("durability", () => {
  it("knows entries again by id and name after the tree was lost (architecture.md §5)", async () => {
    const world = await folder();
    await put(world.test.vfs, "/l/a", "hello");
    await world.test.vfs.patchProperties("/l/a", { changes: [{ set: author("Jim") }] }, forever);
    const { dataDir } = world.test;
    await world.test.restart().then(async (again) => {
      world.test = again;
    });
    // Between two starts, as when the disk loses it.
    const closed = world.test;
    await closed.vfs.close(AbortSignal.timeout(5000));
    for (const suffix of ["", "-wal", "-shm"]) await unlink(join(dataDir, `tree.db${suffix}`)).catch(() => {});
    await closed.logins.close();
    await closed.accounts.close();
    await closed.store.close();
    world.test = await openTestVfs({ drivers: [local], dataDir });
    expect((await listed(world.test.vfs, "/l")).a!.properties).toEqual([author("Jim")]);
    world.test = await world.test.restart();
    expect((await at(world.test.vfs, "/l/a")).properties).toEqual([author("Jim")]);
  });

  it("gives nothing to a file that another put where one was that is gone", async () => {
    const world = await folder();
    await put(world.test.vfs, "/l/a", "hello");
    await world.test.vfs.patchProperties("/l/a", { changes: [{ set: author("Jim") }] }, forever);
    await unlink(join(world.root, "a"));
    await expect(world.test.vfs.stat("/l/a", forever)).rejects.toMatchObject({ kind: "not-found" });
    await writeFile(join(world.root, "a"), "stranger");
    world.test = await world.test.restart();
    expect((await at(world.test.vfs, "/l/a")).properties).toBeUndefined();
  });
});

describe("other settings of a storage", () => {
  it("end all that was remembered of the old folder where they are taken, and nothing where they are refused", async () => {
    const { test, root } = await folder();
    const { vfs } = test;
    await put(vfs, "/l/a", "hello");
    await vfs.patchProperties("/l/a", { changes: [{ set: author("Jim") }] }, forever);
    const { id } = vfs.storages.at("/l")!;
    const moveTo = (other: string) =>
      vfs.storages.update(id, { mountPath: "/l", driver: "local", settings: { root: other } }, forever);
    await expect(moveTo(join(root, "missing"))).rejects.toThrow();
    expect((await at(vfs, "/l/a")).properties).toEqual([author("Jim")]);
    const other = await mkdtemp(join(tmpdir(), "pandav-properties-"));
    onTestFinished(() => rm(other, { recursive: true, force: true }));
    await writeFile(join(other, "a"), "hello");
    await moveTo(other);
    expect((await at(vfs, "/l/a")).properties).toBeUndefined();
    await moveTo(root);
    expect((await at(vfs, "/l/a")).properties).toBeUndefined();
  });
});

describe("changing dead properties", () => {
  it("is all or nothing: one property too many leaves all and the time as they were (webdav.md §5)", async () => {
    const { test } = await forgetful();
    const { vfs } = test;
    await put(vfs, "/f/a", "hello");
    const before = await at(vfs, "/f/a");
    const many = Array.from({ length: 101 }, (_, i) => ({ set: { ...author("x"), name: `p${i}` } }));
    await expect(vfs.patchProperties("/f/a", { modifiedAt: TIME, changes: many }, forever)).rejects.toMatchObject({
      kind: "quota-exceeded",
      index: 100,
    });
    const long = { set: author("x".repeat(64 * 1024)) };
    await expect(vfs.patchProperties("/f/a", { changes: [long] }, forever)).rejects.toMatchObject({ index: 0 });
    expect(await at(vfs, "/f/a")).toEqual(before);
  });

  it("runs in order, and side by side none is lost", async () => {
    const { test } = await forgetful();
    const { vfs } = test;
    await put(vfs, "/f/a", "hello");
    await vfs.patchProperties(
      "/f/a",
      { changes: [{ set: author("Jim") }, { remove: author("") }, { set: author("Bo") }] },
      forever,
    );
    expect((await at(vfs, "/f/a")).properties).toEqual([author("Bo")]);
    const names = Array.from({ length: 20 }, (_, i) => `p${i}`);
    await Promise.all(
      names.map((name) => vfs.patchProperties("/f/a", { changes: [{ set: { ...author("x"), name } }] }, forever)),
    );
    expect((await at(vfs, "/f/a")).properties?.map(({ name }) => name).sort()).toEqual(["author", ...names].sort());
  });
});
