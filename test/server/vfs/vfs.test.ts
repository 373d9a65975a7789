import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import type { Vfs } from "#server/vfs/api.ts";
import { forever, openTestVfs, type TestVfs, type TestVfsOptions } from "#test/support/vfs.ts";

const opened: TestVfs[] = [];
afterEach(async () => {
  for (const test of opened.splice(0)) await test.dispose();
});

async function open(options: Partial<TestVfsOptions> = {}): Promise<TestVfs> {
  const test = await openTestVfs({ drivers: [createMemoryDriver()], ...options });
  opened.push(test);
  return test;
}

async function withMemory(): Promise<Vfs> {
  const test = await open();
  await test.mount({ mountPath: "/m", driver: "memory", settings: {} });
  return test.vfs;
}

function put(vfs: Vfs, path: string, content: string) {
  return vfs.write(path, { stream: Readable.from([Buffer.from(content)]), size: Buffer.byteLength(content) }, forever);
}

async function namesIn(vfs: Vfs, path: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const page of (await vfs.list(path, forever)).pages()) names.push(...page.map((entry) => entry.name));
  return names.sort();
}

async function read(vfs: Vfs, path: string): Promise<string> {
  return text(await (await vfs.open(path, forever)).read());
}

describe("vfs over a memory mount", () => {
  it("shows what was written, at once, in listing, stat and content", async () => {
    const vfs = await withMemory();
    const { resource, created } = await put(vfs, "/m/a.txt", "hello");
    expect(created).toBe(true);
    expect(resource).toMatchObject({ path: "/m/a.txt", kind: "file", size: 5 });
    expect(resource.hashes?.sha1).toBe(createHash("sha1").update("hello").digest("hex"));
    expect(await namesIn(vfs, "/m")).toEqual(["a.txt"]);
    expect((await vfs.stat("/m/a.txt", forever)).etag).toBe(resource.etag);
    expect(await read(vfs, "/m/a.txt")).toBe("hello");
  });

  it("replaces a file, keeps its key and changes its etag", async () => {
    const vfs = await withMemory();
    const first = await put(vfs, "/m/a", "one");
    const second = await put(vfs, "/m/a", "two!");
    expect(second.created).toBe(false);
    expect(second.resource.key).toBe(first.resource.key);
    expect(second.resource.etag).not.toBe(first.resource.etag);
    expect(await read(vfs, "/m/a")).toBe("two!");
  });

  it("keeps the old file when a body breaks off, is too short or too long (architecture.md §6)", async () => {
    const vfs = await withMemory();
    await put(vfs, "/m/a", "old");
    const broken = new Readable({ read() {} });
    broken.push("ne");
    const writing = vfs.write("/m/a", { stream: broken, size: 3 }, forever);
    setImmediate(() => broken.destroy());
    await expect(writing).rejects.toMatchObject({ kind: "incomplete" });
    for (const size of [2, 4]) {
      const stream = Readable.from([Buffer.from("new")]);
      await expect(vfs.write("/m/a", { stream, size }, forever)).rejects.toMatchObject({ kind: "incomplete" });
    }
    expect(await read(vfs, "/m/a")).toBe("old");
  });

  it("refuses what must not be before the body is read", async () => {
    const vfs = await withMemory();
    await vfs.makeDirectory("/m/d", forever);
    await put(vfs, "/m/f", "x");
    const untouched = () => new Readable({ read: () => expect.unreachable("the body was read") });
    const cases: readonly [string, string][] = [
      ["/m/d", "is-a-directory"],
      ["/m", "is-a-directory"],
      ["/m/missing/x", "not-found"],
      ["/m/f/x", "not-a-directory"],
      ["/elsewhere/x", "not-found"],
    ];
    for (const [path, kind] of cases) {
      await expect(vfs.write(path, { stream: untouched(), size: 1 }, forever)).rejects.toMatchObject({ kind });
    }
    await expect(
      vfs.write("/m/f", { stream: untouched(), size: 1 }, { ...forever, conflict: "fail" }),
    ).rejects.toMatchObject({ kind: "already-exists" });
  });

  it("asks the caller's condition before the first byte and again before the commit", async () => {
    const vfs = await withMemory();
    await put(vfs, "/m/a", "old");
    const seen: (number | undefined)[] = [];
    const check = (existing: { size?: number | undefined } | undefined) => {
      seen.push(existing?.size);
      if (seen.length === 2) throw new StorageError("precondition-failed", "changed meanwhile");
    };
    const stream = Readable.from([Buffer.from("newer")]);
    await expect(vfs.write("/m/a", { stream, size: 5 }, { ...forever, check })).rejects.toMatchObject({
      kind: "precondition-failed",
    });
    expect(seen).toEqual([3, 3]);
    expect(await read(vfs, "/m/a")).toBe("old");
  });

  it("fails a write whose content is not what the client said, and keeps the old file", async () => {
    const vfs = await withMemory();
    await put(vfs, "/m/a", "old");
    const stream = Readable.from([Buffer.from("new")]);
    await expect(
      vfs.write("/m/a", { stream, size: 3, hashes: { md5: "0".repeat(32) } }, forever),
    ).rejects.toMatchObject({ kind: "precondition-failed", reason: "verification-failed" });
    expect(await read(vfs, "/m/a")).toBe("old");
  });

  it("moves and renames with all that is inside, and copies", async () => {
    const vfs = await withMemory();
    await vfs.makeDirectory("/m/d", forever);
    await put(vfs, "/m/d/a", "A");
    expect(await vfs.move("/m/d", "/m/e", { ...forever, conflict: "fail" })).toMatchObject({ created: true });
    expect(await namesIn(vfs, "/m")).toEqual(["e"]);
    expect(await read(vfs, "/m/e/a")).toBe("A");
    await vfs.copy("/m/e", "/m/f", { ...forever, conflict: "fail" });
    expect(await read(vfs, "/m/f/a")).toBe("A");
    await put(vfs, "/m/e/a", "B");
    expect(await vfs.copy("/m/e/a", "/m/f/a", { ...forever, conflict: "replace" })).toMatchObject({ created: false });
    expect(await read(vfs, "/m/f/a")).toBe("B");
    await expect(vfs.move("/m/e/a", "/m/f/a", { ...forever, conflict: "fail" })).rejects.toMatchObject({
      kind: "precondition-failed",
    });
    await expect(vfs.move("/m/e", "/m/e/x", { ...forever, conflict: "replace" })).rejects.toMatchObject({
      kind: "permission-denied",
    });
  });

  it("replaces a whole directory by a move with overwrite (RFC 4918 §9.9.3)", async () => {
    const vfs = await withMemory();
    for (const name of ["a", "b"]) {
      await vfs.makeDirectory(`/m/${name}`, forever);
      await put(vfs, `/m/${name}/only-in-${name}`, name);
    }
    await vfs.move("/m/a", "/m/b", { ...forever, conflict: "replace" });
    expect(await namesIn(vfs, "/m")).toEqual(["b"]);
    expect(await namesIn(vfs, "/m/b")).toEqual(["only-in-a"]);
  });

  it("copies a directory alone with Depth 0 (RFC 4918 §9.8.3)", async () => {
    const vfs = await withMemory();
    await vfs.makeDirectory("/m/d", forever);
    await put(vfs, "/m/d/a", "A");
    await vfs.copy("/m/d", "/m/e", { ...forever, conflict: "fail", recursive: false });
    expect(await namesIn(vfs, "/m/e")).toEqual([]);
  });

  it("finds names in either Unicode normalisation and writes new ones in NFC (webdav.md §5)", async () => {
    const vfs = await withMemory();
    const nfd = "/m/e\u0301te\u0301";
    await put(vfs, nfd, "x");
    expect(await namesIn(vfs, "/m")).toEqual(["été"]);
    expect((await vfs.stat(nfd, forever)).path).toBe("/m/été");
    await put(vfs, nfd, "y");
    expect(await namesIn(vfs, "/m")).toEqual(["été"]);
  });
});

describe("the mount table", () => {
  it("shows virtual parents and nested mounts, and hides a real child under a mount point", async () => {
    const { vfs, mount } = await open();
    await mount({ mountPath: "/cloud/a", driver: "memory", settings: {} });
    await vfs.makeDirectory("/cloud/a/inner", forever);
    await put(vfs, "/cloud/a/inner/hidden", "x");
    await mount({ mountPath: "/cloud/a/inner", driver: "memory", settings: {} });
    await mount({ mountPath: "/cloud/a/deep/er", driver: "memory", settings: {} });
    expect(await namesIn(vfs, "/")).toEqual(["cloud"]);
    expect(await namesIn(vfs, "/cloud")).toEqual(["a"]);
    expect(await namesIn(vfs, "/cloud/a")).toEqual(["deep", "inner"]);
    expect(await namesIn(vfs, "/cloud/a/inner")).toEqual([]);
    expect(await namesIn(vfs, "/cloud/a/deep")).toEqual(["er"]);
    for (const path of ["/", "/cloud", "/cloud/a", "/cloud/a/deep", "/cloud/a/inner"]) {
      await expect(vfs.remove(path, forever)).rejects.toMatchObject({ kind: "permission-denied" });
    }
  });

  it("copies and moves files between mounts, through the server", async () => {
    const { vfs, mount } = await open();
    await mount({ mountPath: "/a", driver: "memory", settings: {} });
    await mount({ mountPath: "/b", driver: "memory", settings: {} });
    await vfs.makeDirectory("/a/d", forever);
    await vfs.makeDirectory("/a/d/sub", forever);
    await put(vfs, "/a/d/x", "X");
    await put(vfs, "/a/d/sub/y", "Y");
    await vfs.copy("/a/d", "/b/d", { ...forever, conflict: "fail" });
    expect(await read(vfs, "/b/d/sub/y")).toBe("Y");
    await vfs.makeDirectory("/b/e", forever);
    await put(vfs, "/b/e/old", "old");
    expect(await vfs.move("/a/d", "/b/e", { ...forever, conflict: "replace" })).toMatchObject({ created: false });
    expect(await namesIn(vfs, "/b/e")).toEqual(["sub", "x"]);
    expect(await namesIn(vfs, "/a")).toEqual([]);
  });

  it("leaves the old directory, and no half of a copy beside it, when a copy over it breaks off (architecture.md §3)", async () => {
    const plain = createMemoryDriver({ seed: { d: { old: "old" } } });
    const full = {
      ...plain,
      id: "full",
      aliases: [],
      async open(...of: Parameters<typeof plain.open>) {
        const mount = await plain.open(...of);
        return {
          ...mount,
          upload: (...upload: Parameters<NonNullable<typeof mount.upload>>) =>
            upload[1] === "z" ? Promise.reject(new StorageError("quota-exceeded", "full")) : mount.upload!(...upload),
        };
      },
    };
    const source = createMemoryDriver({ seed: { d: { a: "new", z: "new" } } });
    const test = await open({ drivers: [source, full] });
    await test.mount({ mountPath: "/from", driver: "memory", settings: {} });
    await test.mount({ mountPath: "/to", driver: "full", settings: {} });
    const copied = test.vfs.copy("/from/d", "/to/d", { ...forever, conflict: "replace" });
    await expect(copied).rejects.toMatchObject({ kind: "quota-exceeded" });
    expect(await namesIn(test.vfs, "/to")).toEqual(["d"]);
    expect(await namesIn(test.vfs, "/to/d")).toEqual(["old"]);
  });

  it("refuses to pass more bytes through than a client should wait for, naming the task (architecture.md §9)", async () => {
    const { vfs, mount } = await open({ maxSyncBytes: 3 });
    await mount({ mountPath: "/a", driver: "memory", settings: {} });
    await mount({ mountPath: "/b", driver: "memory", settings: {} });
    await put(vfs, "/a/x", "four");
    await expect(vfs.copy("/a/x", "/b/x", { ...forever, conflict: "replace" })).rejects.toMatchObject({
      kind: "permission-denied",
      message: expect.stringContaining("task"),
    });
    expect(await namesIn(vfs, "/b")).toEqual([]);
  });

  it("refuses a taken path, an unknown driver and an unknown setting, and stores nothing", async () => {
    const { vfs, mount } = await open();
    await mount({ mountPath: "/m", driver: "memory", settings: {} });
    await expect(mount({ mountPath: "/m/", driver: "memory", settings: {} })).rejects.toMatchObject({
      kind: "already-exists",
      message: expect.stringContaining("/m"),
    });
    await expect(mount({ mountPath: "/n", driver: "nope", settings: {} })).rejects.toMatchObject({
      kind: "invalid-config",
      message: expect.stringContaining("memory"),
    });
    await expect(mount({ mountPath: "/n", driver: "memory", settings: { colour: "red" } })).rejects.toMatchObject({
      kind: "invalid-config",
      message: expect.stringContaining("colour"),
    });
    expect(vfs.storages.list().map((storage) => storage.mountPath)).toEqual(["/m"]);
  });

  it("keeps one dead mount from harming the others (architecture.md §1)", async () => {
    const dead = {
      ...createMemoryDriver({ id: "dead", aliases: [] }),
      open: async () => Promise.reject(new StorageError("unavailable", "the service is down")),
    };
    const alive = await open({ drivers: [createMemoryDriver(), createMemoryDriver({ id: "dead", aliases: [] })] });
    await alive.mount({ mountPath: "/dead", driver: "dead", settings: {} });
    await alive.mount({ mountPath: "/m", driver: "memory", settings: {} });
    opened.splice(opened.indexOf(alive), 1);
    await alive.vfs.close(AbortSignal.timeout(5000));
    await alive.store.close();
    const { vfs } = await open({ drivers: [createMemoryDriver(), dead], dataDir: alive.dataDir });
    expect(await namesIn(vfs, "/")).toEqual(["dead", "m"]);
    await put(vfs, "/m/a", "x");
    await expect(vfs.stat("/dead/x", forever)).rejects.toMatchObject({ kind: "unavailable" });
    await expect(vfs.list("/dead", forever)).rejects.toMatchObject({ kind: "unavailable" });
    expect(vfs.storages.list().find((storage) => storage.mountPath === "/dead")).toMatchObject({
      state: "failed",
      error: "the service is down",
    });
  });

  it("brings storages, tree and content back after a restart", async () => {
    const test = await open();
    await test.mount({ mountPath: "/m", driver: "memory", settings: {}, remark: "mine", order: 3 });
    opened.splice(opened.indexOf(test), 1);
    const again = await test.restart();
    opened.push(again);
    expect(again.vfs.storages.list()).toMatchObject([{ mountPath: "/m", driver: "memory", remark: "mine", order: 3 }]);
    await again.vfs.storages.disable(1);
    await expect(again.vfs.stat("/m", forever)).rejects.toMatchObject({ kind: "not-found" });
    await again.vfs.storages.enable(1, forever);
    expect((await again.vfs.stat("/m", forever)).kind).toBe("directory");
    await again.vfs.storages.remove(1);
    expect(again.vfs.storages.list()).toEqual([]);
  });
});

describe("a body of unknown length", () => {
  it("goes through the spool where the driver must know the length, and leaves nothing there", async () => {
    const driver = createMemoryDriver({ traits: { upload: { source: "seekable", size: "required" } } });
    const { vfs, mount } = await open({ drivers: [driver] });
    await mount({ mountPath: "/m", driver: "memory", settings: {} });
    const { resource } = await vfs.write("/m/a", { stream: Readable.from([Buffer.from("spooled")]) }, forever);
    expect(resource.size).toBe(7);
    expect((await buffer(await (await vfs.open("/m/a", forever)).read({ offset: 1, length: 2 }))).toString()).toBe(
      "po",
    );
  });

  it("is refused with quota-exceeded when the spool is full, and nothing is stored", async () => {
    const driver = createMemoryDriver({ traits: { upload: { source: "seekable", size: "required" } } });
    const { vfs, mount } = await open({ drivers: [driver], spoolQuota: 3 });
    await mount({ mountPath: "/m", driver: "memory", settings: {} });
    await expect(put(vfs, "/m/a", "four")).rejects.toMatchObject({ kind: "quota-exceeded" });
    expect(await namesIn(vfs, "/m")).toEqual([]);
  });
});
