import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { createMemoryDriver, type MemoryDriverOptions } from "#drivers/memory/index.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

const opened: TestVfs[] = [];
afterEach(async () => {
  for (const test of opened.splice(0)) await test.dispose();
});

/** A vfs with a memory mount at `/m` that has a bin, and the calls made to it. */
async function open(options: MemoryDriverOptions = {}, settings: object = { trash: true }) {
  const calls: string[] = [];
  const recorder = { begun: ({ operation }: { operation: string }) => void calls.push(operation), ended() {} };
  const drivers: AnyDriver[] = [createMemoryDriver(options), createMemoryDriver({ id: "empty", aliases: [] })];
  const test = await openTestVfs({ drivers, recorder });
  opened.push(test);
  await test.mount({ mountPath: "/m", driver: "memory", settings: { ...settings } });
  return { vfs: test.vfs, calls, test };
}

const namesIn = async ({ vfs }: Pick<TestVfs, "vfs">, path: string) =>
  (await vfs.list(path, forever)).entries?.map(({ name }) => name);
const kinds = (outcomes: readonly { readonly error?: unknown }[]) =>
  outcomes.map(({ error }) => (error as StorageError | undefined)?.kind);

async function inBin({ vfs }: Pick<TestVfs, "vfs">) {
  const items = [];
  for await (const page of vfs.trash.list("/m", forever)) items.push(...page);
  return items;
}

describe("removing", () => {
  it("500 files of one directory are one call to the storage, and at most one listing", async () => {
    const files = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, "x"]));
    const { vfs, calls, test } = await open({ seed: { d: files } });
    await vfs.list("/m/d", forever);
    calls.length = 0;
    const outcomes = await vfs.removeAll(
      Object.keys(files).map((name) => `/m/d/${name}`),
      forever,
    );
    expect(outcomes).toEqual(Object.keys(files).map(() => ({})));
    expect(calls).toEqual(["remove"]);
    expect(await namesIn(test, "/m/d")).toEqual([]);
    expect((await inBin(test)).length).toBe(500);
  });

  it("gives each path its own outcome, and removes the others", async () => {
    const { vfs, test } = await open({ seed: { a: "", b: "", d: { inner: "" } } });
    const outcomes = await vfs.removeAll(["/m/a", "/m/missing", "/m/d", "/m", "/nowhere"], {
      ...forever,
      recursive: false,
    });
    expect(kinds(outcomes)).toEqual([undefined, "not-found", "is-a-directory", "permission-denied", "not-found"]);
    expect(await namesIn(test, "/m")).toEqual(["b", "d"]);
  });

  it("removes a directory only where it is empty when that is asked for, as the storage has it now", async () => {
    const { vfs, test } = await open({ seed: { empty: {}, full: { inner: "" } } });
    const outcomes = await vfs.removeAll(["/m/empty", "/m/full"], { ...forever, onlyEmpty: true });
    expect(kinds(outcomes)).toEqual([undefined, "not-empty"]);
    expect(await namesIn(test, "/m")).toEqual(["full"]);
  });

  it("goes past the bin only when it is told to, and says so where there is none", async () => {
    const { vfs, test } = await open({ seed: { a: "", b: "" } });
    await vfs.remove("/m/a", { ...forever, mode: "permanent" });
    await vfs.remove("/m/b", forever);
    expect((await inBin(test)).map(({ name }) => name)).toEqual(["b"]);
    const without = await open({ seed: { a: "" } }, {});
    await expect(without.vfs.remove("/m/a", { ...forever, mode: "trash" })).rejects.toMatchObject({
      kind: "unsupported",
    });
    await without.vfs.remove("/m/a", forever);
    expect(await namesIn(without.test, "/m")).toEqual([]);
  });
});

it("a service that says that it has no bin loses the bin, and can still remove", async () => {
  const plain = createMemoryDriver({ seed: { a: "", b: "" } });
  const refusal = new StorageError("unsupported", "the bin is off");
  const driver: AnyDriver = {
    ...plain,
    open: async (settings, env, o) => {
      const mount = await plain.open(settings, env, o);
      return {
        ...mount,
        remove: async (entries, how) =>
          how.mode === "trash" ? Promise.reject(refusal) : await mount.remove!(entries, how),
      };
    },
  };
  const test = await openTestVfs({ drivers: [driver] });
  opened.push(test);
  await test.mount({ mountPath: "/m", driver: "memory", settings: { trash: true } });
  await expect(test.vfs.remove("/m/a", forever)).rejects.toBe(refusal);
  expect(test.vfs.capabilities("/m")).toMatchObject({ trash: false, remove: true });
  await test.vfs.remove("/m/a", forever);
  expect(await namesIn(test, "/m")).toEqual(["b"]);
});

describe("the recycle bin", () => {
  it("lists what was removed, with where it was, under ids that are not the service's", async () => {
    const { vfs, test } = await open({ seed: { d: { "a.txt": "abc" } } });
    await vfs.remove("/m/d/a.txt", forever);
    const [item] = await inBin(test);
    expect(item).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{12}$/),
      name: "a.txt",
      kind: "file",
      size: 3,
      removedAt: expect.any(Number),
      originalPath: "/m/d/a.txt",
    });
  });

  it("restores by name or id, under another name where it is taken, and every front sees it", async () => {
    const { vfs, test } = await open({ seed: { d: { "a.txt": "old", "b.txt": "b" } } });
    await vfs.list("/m/d", forever);
    await vfs.removeAll(["/m/d/a.txt", "/m/d/b.txt"], forever);
    await vfs.write("/m/d/a.txt", { stream: Readable.from([Buffer.from("new")]), size: 3 }, forever);
    const b = (await inBin(test)).find(({ name }) => name === "b.txt");
    const outcomes = await vfs.trash.restore("/m", ["a.txt", b!.id, "never"], forever);
    expect(outcomes.map(({ path }) => path)).toEqual(["/m/d/a (1).txt", "/m/d/b.txt", undefined]);
    expect(kinds(outcomes)).toEqual([undefined, undefined, "not-found"]);
    expect(await namesIn(test, "/m/d")).toEqual(["a (1).txt", "a.txt", "b.txt"]);
    expect(await text(await (await vfs.open("/m/d/a (1).txt", forever)).read())).toBe("old");
    expect(await inBin(test)).toEqual([]);
  });

  it("does not choose between items of one name", async () => {
    const { vfs, test } = await open({ seed: { a: { x: "1" }, b: { x: "2" } } });
    await vfs.removeAll(["/m/a/x", "/m/b/x"], forever);
    const [outcome] = await vfs.trash.purge("/m", ["x"], forever);
    expect(outcome?.error).toMatchObject({ kind: "precondition-failed", message: expect.stringMatching(/by its id/) });
    const items = await inBin(test);
    expect(items.length).toBe(2);
    await vfs.trash.purge("/m", [items[0]!.id], forever);
    expect((await inBin(test)).map(({ id }) => id)).toEqual([items[1]!.id]);
    await vfs.trash.empty("/m", forever);
    expect(await inBin(test)).toEqual([]);
  });

  it("is unsupported where the storage has none, and where no storage is", async () => {
    const { vfs } = await open({}, {});
    await expect(vfs.trash.list("/m", forever).next()).rejects.toMatchObject({ kind: "unsupported" });
    await expect(vfs.trash.empty("/m", forever)).rejects.toMatchObject({ kind: "unsupported" });
    await expect(vfs.trash.empty("/", forever)).rejects.toMatchObject({ kind: "unsupported" });
  });
});

describe("moving and copying where the name is taken", () => {
  const seed = { "a.txt": "a", d: { "a.txt": "old" }, tree: { x: "1" }, target: { tree: { y: "2" } } };
  const rename = { ...forever, conflict: "rename" } as const;

  it("keeps both and tells the new name (sjtu-pan.md §3.1)", async () => {
    const { vfs, test } = await open({ seed });
    expect(await vfs.copy("/m/a.txt", "/m/d/a.txt", rename)).toMatchObject({ created: true, path: "/m/d/a (1).txt" });
    expect(await vfs.move("/m/a.txt", "/m/d/a.txt", rename)).toMatchObject({ created: true, path: "/m/d/a (2).txt" });
    expect(await vfs.move("/m/tree", "/m/target/tree", rename)).toMatchObject({
      created: true,
      path: "/m/target/tree (1)",
    });
    expect(await namesIn(test, "/m/d")).toEqual(["a (1).txt", "a (2).txt", "a.txt"]);
    expect(await namesIn(test, "/m/target/tree (1)")).toEqual(["x"]);
  });

  it("does the same between storages, where the bytes pass through us, and counts them", async () => {
    const { vfs, test } = await open({ seed });
    await test.mount({ mountPath: "/n", driver: "empty", settings: {} });
    await vfs.copy("/m/tree", "/n/tree", rename);
    const sums: number[] = [];
    const onProgress = (bytes: number) => void sums.push(bytes);
    expect(await vfs.copy("/m/tree", "/n/tree", { ...rename, onProgress })).toMatchObject({
      created: true,
      path: "/n/tree (1)",
    });
    expect(sums.at(-1)).toBe(1);
    await vfs.copy("/m/a.txt", "/n/a.txt", rename);
    expect(await vfs.move("/m/a.txt", "/n/a.txt", rename)).toMatchObject({ created: true, path: "/n/a (1).txt" });
    expect(await namesIn(test, "/n")).toEqual(["a (1).txt", "a.txt", "tree", "tree (1)"]);
    expect(await namesIn(test, "/m")).toEqual(["d", "target", "tree"]);
  });
});

describe("a plain link", () => {
  const link = { url: "https://files.example.com/a?sig=1", boundTo: [], acceptsRanges: true, reusable: true } as const;
  async function withLink(answer: object | undefined) {
    const plain = createMemoryDriver({ seed: { a: "abc", d: {} } });
    const driver: AnyDriver = {
      ...plain,
      open: async (settings, env, o) => ({
        ...(await plain.open(settings, env, o)),
        ...(answer && { link: async () => answer as never }),
      }),
    };
    const test = await openTestVfs({ drivers: [driver] });
    opened.push(test);
    await test.mount({ mountPath: "/m", driver: "memory", settings: {} });
    return test.vfs;
  }

  it("is handed on with its expiry", async () => {
    const vfs = await withLink({ ...link, expiresAt: 5 });
    expect(await vfs.link("/m/a", forever)).toEqual({ url: link.url, expiresAt: 5 });
    await expect(vfs.link("/m/d", forever)).rejects.toMatchObject({ kind: "is-a-directory" });
  });

  it.each([
    ["headers", { ...link, headers: { cookie: "secret" } }, /headers that only this server may send/],
    ["a cookie", { ...link, boundTo: ["cookie"] }, /a login's cookie/],
    ["our address", { ...link, boundTo: ["client-ip"] }, /this server's address/],
    ["nothing, for there is none", undefined, /gives no links/],
  ])("is refused with the reason where it needs %s (architecture.md §9)", async (_what, answer, reason) => {
    const vfs = await withLink(answer);
    await expect(vfs.link("/m/a", forever)).rejects.toMatchObject({
      kind: "unsupported",
      message: expect.stringMatching(reason),
    });
  });
});
