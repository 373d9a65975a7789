/** Files that are kept here in the place of a service (webdav.md §5 "Placeholder overlay", decision 0019). */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import type { AnyDriver, Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { local } from "#drivers/local/index.ts";
import { createMemoryDriver, type MemoryDriverOptions } from "#drivers/memory/index.ts";
import { type MemoryNode, MemoryStore } from "#drivers/memory/store.ts";
import { systemClock } from "#server/upstream/clock.ts";
import type { StorageInput, Vfs } from "#server/vfs/api.ts";
import { LOOKED_FOR_EVERY_MS } from "#server/vfs/placeholders/settling.ts";
import type { WriteOptions } from "#server/vfs/resource.ts";
import { createOutage } from "#test/faults/fronts-world.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

const MINUTES = 60_000;
const TIME = Date.UTC(2001, 1, 3, 4, 5, 6);
const SHA1_OF_NOTHING = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

interface World {
  test: TestVfs;
  readonly store: MemoryStore;
  /** What the service holds, by path. */
  truth(): readonly string[];
  /** Lets time go by, so that listings are taken anew. */
  pass(ms: number): void;
  readonly outage: ReturnType<typeof createOutage>;
  /** The time has come to look for empty files that stay empty. */
  settle(): void;
  /** From now on uploads fail so. */
  refuse(error: StorageError): void;
  /** How many have. */
  refused(): number;
  restart(): Promise<void>;
}

async function world(
  o: Partial<StorageInput> & {
    traits?: MemoryDriverOptions["traits"];
    seed?: MemoryDriverOptions["seed"];
    tellsNothing?: boolean;
  } = {},
): Promise<World> {
  const { traits = { emptyFiles: false }, seed = { d: { "a.txt": "hello" } }, tellsNothing, ...input } = o;
  const store = new MemoryStore();
  const plain = createMemoryDriver({ store, seed, traits });
  const outage = createOutage(new StorageError("unavailable", "the service is down"));
  outage.end();
  const driver: AnyDriver = {
    ...plain,
    async open(settings, env, options) {
      const mount = outage.layer(await plain.open(settings as never, env as never, options));
      return {
        ...mount,
        async move(...of) {
          const outcomes = await mount.move!(...of);
          return tellsNothing ? outcomes.map(({ error }) => (error ? { error } : {})) : outcomes;
        },
        async upload(...of) {
          if (!refusal) return mount.upload!(...of);
          refusals++;
          throw refusal;
        },
      };
    },
  };
  let refusal: StorageError | undefined;
  let refusals = 0;
  let later = 0;
  let settle = Promise.withResolvers<void>();
  const clock: Clock = {
    // No two readings are the same, so that a listing is later than what was done before it.
    now: () => Date.now() + ++later,
    async sleep(ms, signal) {
      if (ms !== LOOKED_FOR_EVERY_MS) return systemClock.sleep(ms, signal);
      const left = Promise.withResolvers<never>();
      signal?.addEventListener("abort", () => left.reject(signal.reason), { once: true });
      await Promise.race([settle.promise, left.promise]);
      settle = Promise.withResolvers();
    },
  };
  const made: World = {
    test: await openTestVfs({ drivers: [driver], clock }),
    store,
    truth: () => pathsOf(store.root, ""),
    pass: (ms) => {
      later += ms;
    },
    outage,
    settle: () => settle.resolve(),
    refuse: (error) => {
      refusal = error;
    },
    refused: () => refusals,
    async restart() {
      made.test = await made.test.restart();
    },
  };
  onTestFinished(() => made.test.dispose());
  await made.test.mount({ mountPath: "/m", driver: "memory", settings: {}, ...input });
  return made;
}

function pathsOf(node: MemoryNode, path: string): readonly string[] {
  const below = [...node.children].flatMap((child) => {
    const at = `${path}/${child.name}`;
    return [at, ...pathsOf(child, at)];
  });
  return below.sort();
}

/** As the WebDAV front writes; `size` of −1: the client does not say. */
function put(vfs: Vfs, path: string, content: string, o: Partial<WriteOptions> & { size?: number; at?: number } = {}) {
  const { size = Buffer.byteLength(content), at, ...more } = o;
  const stream = Readable.from(content === "" ? [] : [Buffer.from(content)]);
  const source = { stream, ...(size >= 0 && { size }), ...(at !== undefined && { modifiedAt: at }) };
  return vfs.write(path, source, { ...forever, mayBeKept: "likely", ...more });
}

const read = async (vfs: Vfs, path: string, range?: { offset: number; length?: number }) =>
  text(await (await vfs.open(path, forever)).read(range));

async function names(vfs: Vfs, path: string, refresh = false): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const page of (await vfs.list(path, { ...forever, refresh })).pages())
    all.push(...page.map((r) => r.name));
  return all.sort();
}

const missing = expect.objectContaining({ kind: "not-found" });

describe("an empty file on a service that is spared them", () => {
  it("is listed and read at once with size, time, digest and etag, is asked of nobody, and outlives a restart", async () => {
    const w = await world();
    const { resource, created, modifiedAtStored } = await put(w.test.vfs, "/m/d/new", "", { at: TIME });
    expect([created, modifiedAtStored]).toEqual([true, true]);
    const facts = { size: 0, modifiedAt: TIME, etag: resource.etag, pending: true };
    for (let round = 0; round < 2; round++) {
      const { vfs } = w.test;
      expect(await names(vfs, "/m/d", true)).toEqual(["a.txt", "new"]);
      const listed = (await vfs.list("/m/d", forever)).entries?.find(({ name }) => name === "new");
      for (const seen of [await vfs.stat("/m/d/new", forever), listed]) {
        expect(seen).toMatchObject({ ...facts, hashes: { sha1: SHA1_OF_NOTHING } });
      }
      expect(await read(vfs, "/m/d/new")).toBe("");
      expect(w.truth()).toEqual(["/d", "/d/a.txt"]);
      await w.restart();
      w.pass(600 * MINUTES);
    }
  });

  it("becomes the file that comes under its name, as the same node, which the service then lists", async () => {
    const w = await world();
    const before = (await put(w.test.vfs, "/m/d/new", "")).resource;
    const { resource, created } = await put(w.test.vfs, "/m/d/new", "content");
    expect([created, resource.key, resource.pending, resource.size]).toEqual([false, before.key, false, 7]);
    expect(resource.etag).not.toBe(before.etag);
    expect(w.truth()).toContain("/d/new");
    w.pass(600 * MINUTES);
    await w.restart();
    expect(await w.test.vfs.stat("/m/d/new", forever)).toMatchObject({ key: before.key, size: 7, pending: false });
    expect(await read(w.test.vfs, "/m/d/new")).toBe("content");
    expect(
      await w.test.store.db.selectFrom("overlay").select("content").where("content", "is not", null).execute(),
    ).toEqual([]);
  });

  it("is one whose length was not announced too, and one that is not empty is sent whole", async () => {
    const w = await world();
    await put(w.test.vfs, "/m/d/empty", "", { size: -1 });
    await put(w.test.vfs, "/m/d/full", "content", { size: -1 });
    expect(w.truth()).toEqual(["/d", "/d/a.txt", "/d/full"]);
    expect(await read(w.test.vfs, "/m/d/full")).toBe("content");
  });

  it("that was announced and has bytes, or breaks off, is refused, and nothing is kept", async () => {
    const w = await world();
    await expect(put(w.test.vfs, "/m/d/x", "more", { size: 0 })).rejects.toMatchObject({ kind: "incomplete" });
    const stream = new Readable({ read() {} });
    const broken = w.test.vfs.write("/m/d/y", { stream }, { ...forever, mayBeKept: "likely" });
    setImmediate(() => stream.destroy());
    await expect(broken).rejects.toMatchObject({ kind: "incomplete" });
    expect(await names(w.test.vfs, "/m/d")).toEqual(["a.txt"]);
  });

  it("is not what a file becomes that the service has: that is emptied there", async () => {
    const w = await world();
    expect((await put(w.test.vfs, "/m/d/a.txt", "")).resource.pending).toBe(false);
    w.pass(600 * MINUTES);
    expect((await w.test.vfs.stat("/m/d/a.txt", forever)).size).toBe(0);
  });

  it("is judged by conditions as any file: there when a client wants it absent, absent when it wants it there", async () => {
    const { test } = await world();
    await put(test.vfs, "/m/d/new", "");
    await expect(put(test.vfs, "/m/d/new", "", { conflict: "fail" })).rejects.toMatchObject({ kind: "already-exists" });
    const seen: (number | undefined)[] = [];
    await put(test.vfs, "/m/d/new", "", { check: (existing) => void seen.push(existing?.size) });
    expect(seen).toEqual([0, 0]);
    await expect(test.vfs.makeDirectory("/m/d/new", forever)).rejects.toMatchObject({ kind: "already-exists" });
  });

  it("keeps its name from what chooses a free one", async () => {
    const w = await world();
    await put(w.test.vfs, "/m/d/new.txt", "");
    const { resource } = await put(w.test.vfs, "/m/d/new.txt", "content", { conflict: "rename" });
    expect(resource.path).toBe("/m/d/new (1).txt");
    const copied = await w.test.vfs.copy("/m/d/a.txt", "/m/d/new.txt", { ...forever, conflict: "rename" });
    expect(copied.path).toBe("/m/d/new (2).txt");
    expect(await names(w.test.vfs, "/m/d", true)).toEqual(["a.txt", "new (1).txt", "new (2).txt", "new.txt"]);
  });

  it("goes to the service from fronts that mean what they send, and where the mount says so", async () => {
    const w = await world();
    await w.test.vfs.write("/m/d/meant", { stream: Readable.from([]), size: 0 }, forever);
    await put(w.test.vfs, "/m/d/perhaps", "", { mayBeKept: "possible" });
    expect(w.truth()).toEqual(expect.arrayContaining(["/d/meant", "/d/perhaps"]));
    const passing = await world({ placeholders: "pass" });
    await put(passing.test.vfs, "/m/d/new", "");
    expect(passing.truth()).toContain("/d/new");
  });
});

describe("an empty file that stays empty", () => {
  it("goes to the service after a while; what is locked, new, or a file manager's own does not", async () => {
    const w = await world();
    const { vfs } = w.test;
    const { key } = (await put(vfs, "/m/d/old", "", { at: TIME })).resource;
    await put(vfs, "/m/d/locked", "");
    const holder = { userId: 1, tokens: "own" as const };
    const request = { scope: "exclusive", depth: "0", owner: "", timeoutMs: 3600_000 } as const;
    await vfs.locks.lock("/m/d/locked", request, { ...forever, holder });
    await put(vfs, "/m/d/.DS_Store", "");
    w.pass(20 * MINUTES);
    await put(vfs, "/m/d/new", "");
    w.settle();
    await expect.poll(() => w.truth()).toEqual(["/d", "/d/a.txt", "/d/old"]);
    await expect
      .poll(() => vfs.stat("/m/d/old", forever))
      .toMatchObject({ key, modifiedAt: TIME, size: 0, pending: false });
    expect((await vfs.stat("/m/d/new", forever)).pending).toBe(true);
  });

  it("stays here where the service refuses it, and is readable", async () => {
    const w = await world();
    await put(w.test.vfs, "/m/d/new", "");
    w.refuse(new StorageError("upstream", "no empty files here"));
    w.pass(20 * MINUTES);
    w.settle();
    await expect.poll(() => w.refused()).toBe(1);
    w.settle();
    expect(await read(w.test.vfs, "/m/d/new")).toBe("");
    expect([await names(w.test.vfs, "/m/d", true), w.truth()]).toEqual([
      ["a.txt", "new"],
      ["/d", "/d/a.txt"],
    ]);
    expect(w.refused()).toBe(1);
  });
});

describe("a service that takes empty files as they are", () => {
  it("gets them, unless its mount asks otherwise", async () => {
    const plain = await world({ traits: {} });
    await put(plain.test.vfs, "/m/d/new", "");
    await put(plain.test.vfs, "/m/d/.DS_Store", "x");
    expect(plain.truth()).toEqual(expect.arrayContaining(["/d/new", "/d/.DS_Store"]));
    const asking = await world({ traits: {}, placeholders: "keep" });
    await put(asking.test.vfs, "/m/d/new", "", { mayBeKept: "possible" });
    expect(asking.truth()).toEqual(["/d", "/d/a.txt"]);
  });
});

describe("a file manager's own file", () => {
  it.each(["._a.txt", ".DS_Store", "Thumbs.db", "desktop.ini", "~$a.docx"])(
    "is kept with its content: %s",
    async (name) => {
      const w = await world();
      await put(w.test.vfs, `/m/d/${name}`, "own content", { size: name.startsWith("~") ? -1 : 11 });
      await w.restart();
      expect(await read(w.test.vfs, `/m/d/${name}`)).toBe("own content");
      expect(await read(w.test.vfs, `/m/d/${name}`, { offset: 4, length: 3 })).toBe("con");
      expect(w.truth()).toEqual(["/d", "/d/a.txt"]);
      const before = (await w.test.vfs.stat(`/m/d/${name}`, forever)).etag;
      await put(w.test.vfs, `/m/d/${name}`, "other words");
      expect((await w.test.vfs.stat(`/m/d/${name}`, forever)).etag).not.toBe(before);
      expect(await read(w.test.vfs, `/m/d/${name}`)).toBe("other words");
    },
  );

  it("goes to the service where it is large", async () => {
    const w = await world();
    await put(w.test.vfs, "/m/d/._a", "x".repeat(256 * 1024 + 1));
    await put(w.test.vfs, "/m/d/._b", "x".repeat(256 * 1024 + 1), { size: -1 });
    await put(w.test.vfs, "/m/d/._c", "x".repeat(256 * 1024));
    expect(w.truth()).toEqual(["/d", "/d/._a", "/d/._b", "/d/a.txt"]);
  });
});

describe("a placeholder", () => {
  it("goes with its directory, renamed, moved to another mount, copied; and ends with it", async () => {
    const w = await world({ seed: { d: { sub: { "a.txt": "hello" } }, e: {} } });
    await w.test.mount({ mountPath: "/n", driver: "memory", settings: {}, placeholders: "keep" });
    const { vfs } = w.test;
    await put(vfs, "/m/d/sub/new", "");
    await put(vfs, "/m/d/.DS_Store", "own");
    await vfs.move("/m/d", "/m/renamed", { ...forever, conflict: "fail" });
    expect(await names(vfs, "/m/renamed/sub", true)).toEqual(["a.txt", "new"]);
    await vfs.copy("/m/renamed", "/m/e/copy", { ...forever, conflict: "fail" });
    expect(await names(vfs, "/m/e/copy/sub")).toEqual(["a.txt", "new"]);
    expect(await read(vfs, "/m/e/copy/.DS_Store")).toBe("own");
    await vfs.move("/m/renamed", "/n/moved", { ...forever, conflict: "fail" });
    expect(await names(vfs, "/n/moved/sub")).toEqual(["a.txt", "new"]);
    expect(await read(vfs, "/n/moved/.DS_Store")).toBe("own");
    await vfs.remove("/n/moved", forever);
    await vfs.remove("/m/e", forever);
    await vfs.makeDirectory("/m/e", forever);
    await w.restart();
    expect(await names(w.test.vfs, "/m/e")).toEqual([]);
    await expect(w.test.vfs.stat("/m/renamed/sub/new", forever)).rejects.toEqual(missing);
  });

  it("goes with its directory where the service does not tell what became of it", async () => {
    const w = await world({ tellsNothing: true });
    await put(w.test.vfs, "/m/d/.DS_Store", "own");
    await w.test.vfs.move("/m/d", "/m/e", { ...forever, conflict: "fail" });
    expect(await names(w.test.vfs, "/m/e", true)).toEqual([".DS_Store", "a.txt"]);
    expect(await read(w.test.vfs, "/m/e/.DS_Store")).toBe("own");
  });

  it("is moved, copied and removed alone without a word to the service, with its time", async () => {
    const w = await world();
    const { vfs } = w.test;
    await put(vfs, "/m/d/new", "", { at: TIME });
    await vfs.copy("/m/d/new", "/m/d/copy", { ...forever, conflict: "fail" });
    await vfs.move("/m/d/new", "/m/moved", { ...forever, conflict: "fail" });
    expect(await vfs.stat("/m/moved", forever)).toMatchObject({ modifiedAt: TIME, size: 0, pending: true });
    await vfs.remove("/m/d/copy", forever);
    expect(await names(vfs, "/m/d", true)).toEqual(["a.txt"]);
    expect(w.truth()).toEqual(["/d", "/d/a.txt"]);
    await w.restart();
    await expect(w.test.vfs.stat("/m/d/copy", forever)).rejects.toEqual(missing);
    expect(await names(w.test.vfs, "/m")).toEqual(["d", "moved"]);
  });

  it("is removed among others of the service in one request, and gives its place to what is moved there", async () => {
    const w = await world({ seed: { d: { a: "a", b: "b", c: "c" } } });
    const { vfs } = w.test;
    await put(vfs, "/m/d/new", "");
    await put(vfs, "/m/d/place", "");
    expect(await vfs.removeAll(["/m/d/a", "/m/d/new", "/m/d/b"], forever)).toEqual([{}, {}, {}]);
    await vfs.move("/m/d/c", "/m/d/place", { ...forever, conflict: "replace" });
    expect(await names(vfs, "/m/d", true)).toEqual(["place"]);
    expect([await read(vfs, "/m/d/place"), w.truth()]).toEqual(["c", ["/d", "/d/place"]]);
  });

  it("gives way to a true file of its name, made at the service by somebody else", async () => {
    const w = await world();
    await put(w.test.vfs, "/m/d/new", "");
    await put(w.test.vfs, "/m/d/other", "");
    const parent = [...w.store.root.children].find(({ name }) => name === "d")!;
    w.store.fill(w.store.add(parent, "new", "file", TIME), Buffer.from("theirs"), "0".repeat(40), TIME);
    expect((await w.test.vfs.stat("/m/d/new", forever)).size).toBe(0);
    w.pass(600 * MINUTES);
    expect(await names(w.test.vfs, "/m/d", true)).toEqual(["a.txt", "new", "other"]);
    expect(await read(w.test.vfs, "/m/d/new")).toBe("theirs");
    await w.restart();
    expect(await read(w.test.vfs, "/m/d/new")).toBe("theirs");
    expect((await w.test.vfs.stat("/m/d/other", forever)).pending).toBe(true);
    for (const child of [...parent.children]) if (child.name === "new") w.store.remove(child);
    w.pass(600 * MINUTES);
    expect(await names(w.test.vfs, "/m/d", true)).toEqual(["a.txt", "other"]);
  });

  it("is not taken away by a listing that shows what was removed just before", async () => {
    const w = await world({ traits: { emptyFiles: false, settlesWithinMs: 10_000 } });
    const { vfs } = w.test;
    await vfs.remove("/m/d/a.txt", forever);
    await put(vfs, "/m/d/a.txt", "");
    // The service still lists the removed file for a while.
    const parent = [...w.store.root.children].find(({ name }) => name === "d")!;
    const ghost = w.store.add(parent, "a.txt", "file", TIME);
    w.store.fill(ghost, Buffer.from("hello"), "0".repeat(40), TIME);
    w.pass(5_000);
    await vfs.list("/m/d", { ...forever, refresh: true });
    expect((await vfs.stat("/m/d/a.txt", forever)).size).toBe(0);
    w.store.remove(ghost);
    w.pass(60_000);
    expect(await names(vfs, "/m/d", true)).toEqual(["a.txt"]);
    expect(await vfs.stat("/m/d/a.txt", forever)).toMatchObject({ size: 0, pending: true });
  });

  it("hides no failure: a directory that cannot be listed fails, whatever is kept in it", async () => {
    const w = await world({ seed: { d: { "a.txt": "hello" }, never: {} } });
    await put(w.test.vfs, "/m/d/new", "");
    await put(w.test.vfs, "/m/never/listed", "");
    await w.restart();
    w.pass(600 * MINUTES);
    w.outage.begin();
    const { vfs } = w.test;
    const stale = await vfs.list("/m/d", forever);
    expect([stale.staleSeconds, (stale.entries ?? []).map(({ name }) => name).sort()]).toEqual([
      expect.any(Number),
      ["a.txt", "new"],
    ]);
    await expect(vfs.list("/m/d", { ...forever, refresh: true })).rejects.toMatchObject({ kind: "unavailable" });
    await expect(put(vfs, "/m/d/other", "")).rejects.toMatchObject({ kind: "unavailable" });
    await expect(vfs.stat("/m/unknown", forever)).rejects.toMatchObject({ kind: "unavailable" });
  });

  it("in a directory that was never listed leaves the listing to the service", async () => {
    const w = await world({ seed: { d: { "a.txt": "hello", "b.txt": "b" } } });
    w.outage.begin();
    await expect(put(w.test.vfs, "/m/d/._x", "")).rejects.toMatchObject({ kind: "unavailable" });
    await expect(w.test.vfs.list("/m/d", forever)).rejects.toMatchObject({ kind: "unavailable" });
    w.outage.end();
    w.pass(MINUTES);
    await put(w.test.vfs, "/m/d/._x", "");
    expect(await names(w.test.vfs, "/m/d")).toEqual(["._x", "a.txt", "b.txt"]);
  });

  it("has locks, properties and another time, which the content that comes keeps", async () => {
    const w = await world();
    const holder = { userId: 1, tokens: "own" as const };
    const request = { scope: "exclusive", depth: "0", owner: "", timeoutMs: 3600_000 } as const;
    const { token, created } = await w.test.vfs.locks.lock("/m/d/new", request, { ...forever, holder });
    expect([created, w.truth()]).toEqual([true, ["/d", "/d/a.txt"]]);
    await expect(put(w.test.vfs, "/m/d/new", "x")).rejects.toMatchObject({ kind: "locked" });
    const property = { namespace: "urn:x", name: "author", xml: '<author xmlns="urn:x">me</author>' };
    const patch = { modifiedAt: TIME, changes: [{ set: property }] };
    await w.test.vfs.patchProperties("/m/d/new", patch as never, { ...forever, holder });
    await w.restart();
    expect(await w.test.vfs.stat("/m/d/new", forever)).toMatchObject({ modifiedAt: TIME, properties: [property] });
    expect(w.test.vfs.locks.at("/m/d/new")).toMatchObject([{ token }]);
    await put(w.test.vfs, "/m/d/new", "content", { holder });
    expect(w.test.vfs.locks.at("/m/d/new")).toMatchObject([{ token }]);
    expect((await w.test.vfs.stat("/m/d/new", forever)).properties).toEqual([property]);
    w.pass(30 * MINUTES);
    await w.test.vfs.list("/m/d", { ...forever, refresh: true });
    await w.restart();
    expect(w.test.vfs.locks.at("/m/d/new")).toMatchObject([{ token }]);
    await w.test.vfs.locks.unlock("/m/d/new", token, { ...forever, holder });
  });
});

describe("on a folder of this machine whose mount asks for placeholders", () => {
  it("they are not on the disk, live as long as their directory, and give way to a true file", async () => {
    const root = await mkdtemp(join(tmpdir(), "pandav-placeholders-"));
    const made: { test: TestVfs } = { test: await openTestVfs({ drivers: [local] }) };
    onTestFinished(async () => {
      await made.test.dispose();
      await rm(root, { recursive: true, force: true });
    });
    await made.test.mount({ mountPath: "/l", driver: "local", settings: { root }, placeholders: "keep" });
    const { vfs } = made.test;
    await vfs.makeDirectory("/l/d", forever);
    await put(vfs, "/l/d/new", "");
    await put(vfs, "/l/d/.DS_Store", "own");
    await put(vfs, "/l/top", "");
    expect([existsSync(join(root, "d/new")), existsSync(join(root, "top"))]).toEqual([false, false]);
    expect(await names(vfs, "/l/d")).toEqual([".DS_Store", "new"]);
    expect((await vfs.stat("/l/d/new", forever)).size).toBe(0);
    expect((await vfs.stat("/l/top", forever)).size).toBe(0);
    made.test = await made.test.restart();
    expect(await read(made.test.vfs, "/l/d/.DS_Store")).toBe("own");
    await writeFile(join(root, "d/new"), "theirs");
    await expect.poll(() => read(made.test.vfs, "/l/d/new")).toBe("theirs");
    await put(made.test.vfs, "/l/d/.DS_Store", "own 2");
    await rename(join(root, "d"), join(root, "gone"));
    await expect(made.test.vfs.stat("/l/d/.DS_Store", forever)).rejects.toEqual(missing);
    await put(made.test.vfs, "/l/top", "content");
    expect(await readFile(join(root, "top"), "utf8")).toBe("content");
  });
});
