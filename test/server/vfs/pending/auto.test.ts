import { PassThrough, Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { forever } from "#test/support/vfs.ts";
import { openPendingWorld } from "./world.ts";

const MINUTE = 60_000;

describe("write mode `auto` (architecture.md §6)", () => {
  it("is that of drivers that need the whole body first; others answer when it is stored", async () => {
    const world = await openPendingWorld({ mode: "default" });
    const seekable = world.vfs.storages.at("/s")!;
    expect([seekable.writeMode, seekable.replyWithinMs]).toEqual([undefined, undefined]);
    world.upstream.hold();
    const put = world.put("/s/a.txt", "hello");
    await world.until(() => world.upstream.begun.length === 1);
    await world.clock.advance(MINUTE);
    expect((await put).pending).toBeDefined();
    expect((await world.put("/other/a.txt", "hello")).pending).toBeUndefined();
  });

  it("answers when the file is stored, where that is quick enough", async () => {
    const world = await openPendingWorld({ mode: "auto" });
    const { resource, pending } = await world.put("/s/a.txt", "hello");
    expect([resource.pending, pending]).toEqual([false, undefined]);
    expect(world.stored()).toEqual({ "a.txt": "hello" });
    expect(await world.uploads()).toEqual([]);
    expect(await world.spooled()).toEqual([]);
  });

  it("answers after `replyWithin`, and the same upload goes on while the storage is silent for ten minutes", async () => {
    const world = await openPendingWorld({ mode: "auto", seed: { "a.txt": "old" } });
    world.upstream.hold();
    let answered: { readonly pending?: string } | undefined;
    const put = world.put("/s/a.txt", "new content").then((result) => {
      answered = result;
    });
    await world.until(() => world.upstream.begun.length === 1);
    await world.clock.advance(MINUTE - 1);
    expect(answered).toBeUndefined();
    await world.clock.advance(1);
    await put;
    expect(answered?.pending).toBeDefined();
    expect(await world.names("/s")).toEqual(["a.txt*"]);
    expect(await world.read("/s/a.txt")).toBe("new content");
    await world.clock.advance(10 * MINUTE);
    expect(world.stored()).toEqual({ "a.txt": "old" });
    expect(await world.uploads()).toMatchObject([{ id: answered?.pending, state: "running" }]);
    world.upstream.letGo();
    await world.settled();
    expect(world.stored()).toEqual({ "a.txt": "new content" });
    expect(world.upstream.begun).toHaveLength(1);
    await world.until(async () => (await world.tasks.get(answered!.pending!))?.state === "succeeded");
  });

  it("answers at once where the caller would rather have a task (alist-api.md §7.1 As-Task)", async () => {
    const world = await openPendingWorld({ mode: "auto" });
    world.upstream.hold();
    expect((await world.put("/s/a.txt", "hello", { answerEarly: true })).pending).toBeDefined();
  });

  it("says what the storage refuses, before the answer", async () => {
    const world = await openPendingWorld({ mode: "auto" });
    world.upstream.failure = new StorageError("permission-denied", "not here");
    await expect(world.put("/s/a.txt", "hello")).rejects.toMatchObject({ kind: "permission-denied" });
    expect(await world.names("/s")).toEqual([]);
    expect(await world.spooled()).toEqual([]);
  });

  it("stops with its client before the answer, and without it after", async () => {
    const world = await openPendingWorld({ mode: "auto" });
    world.upstream.hold();
    const client = new AbortController();
    const first = world.put("/s/a.txt", "hello", { signal: client.signal });
    await world.until(() => world.upstream.begun.length === 1);
    client.abort(new Error("left"));
    await expect(first).rejects.toThrow("left");
    expect(await world.spooled()).toEqual([]);
    const other = new AbortController();
    const second = world.put("/s/a.txt", "hello", { signal: other.signal });
    await world.until(() => world.upstream.begun.length === 2);
    await world.clock.advance(MINUTE);
    await second;
    other.abort(new Error("left"));
    await setImmediate();
    world.upstream.letGo();
    await world.settled();
    expect(world.stored()).toEqual({ "a.txt": "hello" });
  });

  it("accepts nothing while no tasks run: it would wait for nobody", async () => {
    const world = await openPendingWorld({ mode: "back" });
    await world.tasks.close(AbortSignal.timeout(1000));
    expect((await world.put("/s/a.txt", "hello")).pending).toBeUndefined();
    expect(world.stored()).toEqual({ "a.txt": "hello" });
  });

  it("leaves nothing of a body that breaks off", async () => {
    const world = await openPendingWorld({ mode: "back" });
    const body = new PassThrough();
    const put = world.vfs.write("/s/a.txt", { stream: body, size: 10 }, forever);
    body.write("hello");
    await setImmediate();
    body.destroy();
    await expect(put).rejects.toMatchObject({ kind: "incomplete" });
    expect(await world.names("/s")).toEqual([]);
    expect(await world.spooled()).toEqual([]);
  });

  it("refuses what the client says to be other content, before it is accepted", async () => {
    const world = await openPendingWorld({ mode: "back" });
    const source = { stream: Readable.from([Buffer.from("hello")]), hashes: { sha1: "0".repeat(40) } };
    await expect(world.vfs.write("/s/a.txt", source, forever)).rejects.toMatchObject({ kind: "precondition-failed" });
    expect(await world.names("/s")).toEqual([]);
  });
});
