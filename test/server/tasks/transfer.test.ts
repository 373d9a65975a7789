import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Entry } from "#drivers/contract/mount.ts";
import { sourceOf } from "#test/support/upload-source.ts";
import { forever } from "#test/support/vfs.ts";
import { changed, openTaskWorld } from "./world.ts";

const SOURCE = { d: { "a.txt": "a", sub: { "b.txt": "bb", deep: { "c.txt": "ccc" } }, empty: {} }, "top.txt": "top" };
const COPIED = {
  "a.txt": "a",
  "sub/": "",
  "sub/b.txt": "bb",
  "sub/deep/": "",
  "sub/deep/c.txt": "ccc",
  "empty/": "",
};

describe("copying between storages", () => {
  it("copies a tree with all that is in it, and says how much that is", async () => {
    const { add, until, tree } = await openTaskWorld({ seeds: { from: SOURCE, to: {} } });
    const { id } = await add("copy", { from: "/from/d", to: "/to/d", conflict: "fail" });
    const task = await until(id, "succeeded");
    expect(await tree("/to/d")).toEqual(COPIED);
    expect(await tree("/from/d")).toEqual(COPIED);
    expect(task).toMatchObject({
      state: "succeeded",
      subject: { from: "/from/d", to: "/to/d" },
      totals: { files: 3, filesDone: 3, filesSkipped: 0, filesFailed: 0, directories: 4, bytes: 6, bytesDone: 6 },
      plan: {
        skip: { files: 0, bytes: 0 },
        service: { files: 0, bytes: 0 },
        receive: { files: 0, bytes: 0 },
        bytes: { files: 3, bytes: 6 },
      },
    });
  });

  it("makes the directories that it goes into", async () => {
    const { add, until, tree } = await openTaskWorld({ seeds: { from: SOURCE, to: {} } });
    const { id } = await add("copy", { from: "/from/top.txt", to: "/to/x/y/top.txt", conflict: "fail" });
    await until(id, "succeeded");
    expect(await tree("/to")).toEqual({ "x/": "", "x/y/": "", "x/y/top.txt": "top" });
  });

  it("moves: what was copied goes from where it was, in the end with its directories", async () => {
    const { add, until, tree } = await openTaskWorld({ seeds: { from: SOURCE, to: {} } });
    const { id } = await add("move", { from: "/from/d", to: "/to/d", conflict: "fail" });
    await until(id, "succeeded");
    expect(await tree("/to/d")).toEqual(COPIED);
    expect(await tree("/from")).toEqual({ "top.txt": "top" });
  });

  it("takes what it stored before it could write that down for its own, though the storages tell nothing in common", async () => {
    const untold = (entry: Entry): Entry => {
      const { hashes: _hashes, ...rest } = entry;
      return rest;
    };
    const wrap = (driver: AnyDriver) =>
      changed(driver, (mount) =>
        driver.id === "from"
          ? {
              async *list(directory, o) {
                for await (const page of mount.list(directory, o)) yield page.map(untold);
              },
              ...(mount.stat && { stat: async (names, o) => untold(await mount.stat!(names, o)) }),
            }
          : {
              // As after a kill between the two: it is stored, and nobody has heard of it.
              async upload(parent, name, source, o) {
                const { modifiedAt: _modifiedAt, ...undated } = source;
                await mount.upload!(parent, name, undated as typeof source, o);
                throw new StorageError("already-exists", `${name} is taken`);
              },
            },
      );
    const { add, until, tree } = await openTaskWorld({ seeds: { from: SOURCE, to: {} }, wrap });
    const { id } = await add("copy", { from: "/from/d", to: "/to/d", conflict: "fail" });
    expect(await until(id, "succeeded", "failed")).toMatchObject({ state: "succeeded" });
    expect(await tree("/to/d")).toEqual(COPIED);
  });

  it("moves one file", async () => {
    const { add, until, tree } = await openTaskWorld({ seeds: { from: SOURCE, to: {} } });
    const { id } = await add("move", { from: "/from/top.txt", to: "/to/t", conflict: "fail" });
    await until(id, "succeeded");
    expect(await tree("/to")).toEqual({ t: "top" });
    expect(Object.keys(await tree("/from"))).not.toContain("top.txt");
  });

  it("moves what this server keeps in the place of a service as that, and neither service learns of it (webdav.md §5)", async () => {
    const uploads: string[] = [];
    const { add, until, tree, vfs } = await openTaskWorld({
      seeds: { from: { d: { "a.txt": "a" } }, to: {} },
      wrap: (driver) => ({
        ...changed(driver, (mount) => ({
          upload(parent, name, ...rest) {
            uploads.push(name);
            return mount.upload!(parent, name, ...rest);
          },
        })),
        traits: { ...driver.traits, emptyFiles: false },
      }),
    });
    for (const [name, content] of [
      ["new.txt", ""],
      [".DS_Store", "own"],
    ] as const) {
      const body = { stream: Readable.from([Buffer.from(content)]), size: content.length };
      await vfs.write(`/from/d/${name}`, body, { ...forever, mayBeKept: "likely" });
    }
    const { id } = await add("move", { from: "/from/d", to: "/to/d", conflict: "fail" });
    await until(id, "succeeded");
    expect(await tree("/to/d")).toEqual({ "a.txt": "a", "new.txt": "", ".DS_Store": "own" });
    expect(await vfs.stat("/to/d/new.txt", forever)).toMatchObject({ pending: true });
    expect(await tree("/from")).toEqual({});
    expect(uploads).toEqual(["a.txt"]);
  });

  it("skips what is equal by size and hash, and sends what is not", async () => {
    const uploads: string[] = [];
    const { add, until, tree } = await openTaskWorld({
      seeds: { from: SOURCE, to: { d: { "a.txt": "a", sub: { "b.txt": "xx" } } } },
      wrap: (driver) =>
        changed(driver, (mount) => ({
          upload(parent, name, ...rest) {
            uploads.push(name);
            return mount.upload!(parent, name, ...rest);
          },
        })),
    });
    const { id } = await add("copy", { from: "/from/d", to: "/to/d", conflict: "replace" });
    const task = await until(id, "succeeded");
    expect(await tree("/to/d")).toEqual(COPIED);
    expect(uploads.sort()).toEqual(["b.txt", "c.txt"]);
    expect(task.totals).toMatchObject({ filesSkipped: 1, filesDone: 2, bytesDone: 5 });
    expect(task.plan).toEqual({
      skip: { files: 1, bytes: 1 },
      service: { files: 0, bytes: 0 },
      receive: { files: 0, bytes: 0 },
      bytes: { files: 2, bytes: 5 },
    });
  });

  it("leaves files alone that are there already, when told to, and their sources too when it moves", async () => {
    const { add, until, tree } = await openTaskWorld({ seeds: { from: SOURCE, to: { d: { "a.txt": "mine" } } } });
    const { id } = await add("move", { from: "/from/d", to: "/to/d", conflict: "skip" });
    await until(id, "succeeded");
    expect(await tree("/to/d")).toEqual({ ...COPIED, "a.txt": "mine" });
    expect(await tree("/from/d")).toEqual({ "a.txt": "a" });
  });

  it("fails where something is there already and nothing was said of it, and changes nothing", async () => {
    const { add, until, tree } = await openTaskWorld({ seeds: { from: SOURCE, to: { d: { "a.txt": "mine" } } } });
    const { id } = await add("copy", { from: "/from/d", to: "/to/d", conflict: "fail" });
    expect((await until(id, "failed")).error).toMatchObject({ kind: "already-exists", class: "permanent" });
    expect(await tree("/to")).toEqual({ "d/": "", "d/a.txt": "mine" });
  });

  it("ends failed where a file cannot be stored, with all the others stored; retry does the rest when the cause is gone", async () => {
    let refuses = true;
    const { add, until, tree, tasks } = await openTaskWorld({
      seeds: { from: SOURCE, to: {} },
      wrap: (driver) =>
        changed(driver, (mount) => ({
          upload: (parent, name, ...rest) =>
            name === "b.txt" && refuses
              ? Promise.reject(new StorageError("too-large", "b.txt is too large"))
              : mount.upload!(parent, name, ...rest),
        })),
    });
    const { id } = await add("move", { from: "/from/d", to: "/to/d", conflict: "fail" });
    const task = await until(id, "failed");
    expect(task.error).toEqual({ message: "b.txt is too large", kind: "too-large", class: "permanent" });
    expect(task.totals).toMatchObject({ files: 3, filesDone: 2, filesFailed: 1 });
    expect(await tasks.failedItems(id, 10)).toEqual([
      { path: "/from/d/sub/b.txt", message: "b.txt is too large", kind: "too-large" },
    ]);
    expect(Object.keys(await tree("/to/d"))).toEqual(expect.arrayContaining(["a.txt", "sub/deep/c.txt"]));
    // Nothing goes from where it was before everything is there.
    expect(await tree("/from/d")).toEqual(COPIED);
    refuses = false;
    await tasks.retry(id);
    await until(id, "succeeded");
    expect(await tree("/to/d")).toEqual(COPIED);
    expect(await tree("/from")).toEqual({ "top.txt": "top" });
  });

  it("never takes a directory that could not be listed for an empty one", async () => {
    let breaks = true;
    const { add, until, tree, tasks, clock } = await openTaskWorld({
      seeds: { from: SOURCE, to: {} },
      wrap: (driver) =>
        changed(driver, (mount) => ({
          async *list(directory, o) {
            yield* mount.list(directory, o);
            if (directory.name === "sub" && breaks) throw new StorageError("unavailable", "the storage broke off");
          },
        })),
    });
    const { id } = await add("move", { from: "/from/d", to: "/to/d", conflict: "fail" });
    expect((await until(id, "retrying")).error).toMatchObject({ kind: "unavailable", class: "retryable" });
    breaks = false;
    await clock.advance(11_000);
    await until(id, "succeeded");
    expect(await tree("/to/d")).toEqual(COPIED);
    expect(await tasks.list({ ended: false })).toEqual([]);
  });

  it("keeps a source file that was changed after it was copied, and says so", async () => {
    let isCopied = false;
    const { add, until, tree, tasks } = await openTaskWorld({
      seeds: { from: SOURCE, to: {} },
      wrap: (driver) =>
        changed(driver, (mount) => ({
          async upload(parent, name, ...rest) {
            const entry = await mount.upload!(parent, name, ...rest);
            if (name === "b.txt") isCopied = true;
            return entry;
          },
          async *list(directory, o) {
            if (driver.id === "from" && directory.name === "sub" && isCopied) {
              isCopied = false;
              // Somebody stores another content at the service itself.
              const source = sourceOf(Buffer.from("changed"));
              await mount.upload!(directory, "b.txt", source, { ...o, conflict: "replace" });
            }
            yield* mount.list(directory, o);
          },
        })),
    });
    const { id } = await add("move", { from: "/from/d", to: "/to/d", conflict: "fail" });
    const { error } = await until(id, "failed");
    expect(error).toMatchObject({ class: "permanent", message: expect.stringContaining("has changed") });
    expect(await tree("/from/d")).toEqual({
      "sub/": "",
      "sub/b.txt": "changed",
    });
    expect(await tree("/to/d")).toEqual(COPIED);
    await tasks.retry(id);
    await until(id, "succeeded");
    expect(await tree("/to/d")).toEqual({ ...COPIED, "sub/b.txt": "changed" });
    expect(await tree("/from")).toEqual({ "top.txt": "top" });
  });

  it("asks its target's service to take what it can take from the source's, a whole tree with one call", async () => {
    const received: unknown[] = [];
    const { add, until, tree } = await openTaskWorld({
      seeds: { from: SOURCE, to: {} },
      wrap: (driver) =>
        driver.id !== "to"
          ? driver
          : changed(driver, (mount) => ({
              async receive(entries, source, parent, o) {
                received.push([entries.map(({ name }) => name), source.driver, o.name]);
                return [{ entry: await mount.createDirectory!(parent, o.name ?? entries[0]!.name, o) }];
              },
            })),
    });
    const { id } = await add("copy", { from: "/from/d", to: "/to/e", conflict: "fail" });
    const task = await until(id, "succeeded");
    expect(received).toEqual([[["d"], "from", "e"]]);
    expect(task.plan?.receive).toEqual({ files: 1, bytes: 0 });
    expect(await tree("/to")).toEqual({ "e/": "" });
  });

  it("copies the bytes where that service does not take them after all", async () => {
    const { add, until, tree } = await openTaskWorld({
      seeds: { from: SOURCE, to: {} },
      wrap: (driver) =>
        changed(driver, () => ({
          receive: () => Promise.reject(new StorageError("unsupported", "not from there")),
        })),
    });
    const { id } = await add("copy", { from: "/from/d", to: "/to/d", conflict: "fail" });
    await until(id, "succeeded");
    expect(await tree("/to/d")).toEqual(COPIED);
  });
});
