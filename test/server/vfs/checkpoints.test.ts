import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { openStore, type Store } from "#server/store/store.ts";
import { CalledOff } from "#server/vfs/called-off.ts";
import { Checkpoints } from "#server/vfs/checkpoints.ts";
import type { SeekableSource } from "#server/vfs/resource.ts";
import { PartsControl, parts } from "#test/support/parts-driver.ts";
import { forever, openTestVfs, silentLog, type TestVfs } from "#test/support/vfs.ts";

const CONTENT = Buffer.from(Array.from({ length: 10 * 1024 }, (_, i) => (i * 7) % 251));
const sha1 = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest("hex");

function sourceOf(content: Buffer, change: Partial<SeekableSource> = {}): SeekableSource {
  return {
    size: content.length,
    identity: `test:${sha1(content)}`,
    open: async ({ offset, length }) =>
      Readable.from([content.subarray(offset, offset + length)], { objectMode: false }),
    check: async () => {},
    ...change,
  };
}

describe("uploads that go on where they were (architecture.md §3: UploadOptions, Checkpoint)", () => {
  let root: string;
  let control: PartsControl;
  let test: TestVfs;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "pandav-parts-"));
    control = new PartsControl(root);
    test = await openTestVfs({ drivers: [parts] });
    await test.mount({ mountPath: "/m", driver: "parts", settings: { root } });
  });
  afterEach(async () => {
    await test.dispose();
    await rm(root, { recursive: true, force: true });
  });

  const rows = () => test.store.db.selectFrom("upload_checkpoint").selectAll().execute();

  /** Begins an upload and calls it off once `count` parts are stored. */
  async function cutOff(count: number, source = sourceOf(CONTENT), path = "/m/a", reason = new Error("gone")) {
    await control.set("hold-after", String(count));
    const leaving = new AbortController();
    const writing = test.vfs.write(path, source, { signal: leaving.signal, conflict: "replace" });
    writing.catch(() => {});
    await control.until(`part ${count - 1}`);
    leaving.abort(reason);
    await expect(writing).rejects.toBe(reason);
    await control.clear("hold-after");
  }

  const stored = (first: number) => Array.from({ length: 10 - first }, (_, i) => `part ${first + i}`);

  it("are given up at once where they were called off for good", async () => {
    await cutOff(4, sourceOf(CONTENT), "/m/a", new CalledOff("the task was cancelled"));
    expect(await rows()).toEqual([]);
    expect((await readdir(join(root, ".control"))).filter((name) => name.startsWith("upload-"))).toEqual([]);
  });

  it("sends only the missing parts when the same content comes again after a restart", async () => {
    await cutOff(4);
    expect(await rows()).toHaveLength(1);
    test = await test.restart();
    const progress: number[] = [];
    const { resource } = await test.vfs.write("/m/a", sourceOf(CONTENT), {
      ...forever,
      onProgress: (bytes) => progress.push(bytes),
    });
    expect(control.log()).toEqual(["begin a", ...stored(0), "confirm a"]);
    expect(progress).toEqual([4096, 5120, 6144, 7168, 8192, 9216, 10_240]);
    expect(await readFile(join(root, "a"))).toEqual(CONTENT);
    expect(resource.hashes).toMatchObject({ sha1: sha1(CONTENT) });
    expect(await rows()).toEqual([]);
  });

  it("gives up what is left of other content for the same name", async () => {
    await cutOff(4);
    const other = Buffer.from("other");
    await test.vfs.write("/m/a", sourceOf(other), forever);
    expect(control.log().slice(5)).toEqual(["abandon", "begin a", "part 0", "confirm a"]);
    expect(await readFile(join(root, "a"))).toEqual(other);
    expect(await rows()).toEqual([]);
  });

  it("keeps what is left of a file of another name", async () => {
    await cutOff(4);
    await test.vfs.write("/m/b", sourceOf(Buffer.from("other")), forever);
    expect(await rows()).toHaveLength(1);
  });

  it("goes on too where the content comes as a stream again, known by its hash", async () => {
    const send = (signal: AbortSignal) =>
      test.vfs.write("/m/a", { stream: Readable.from([CONTENT]), size: CONTENT.length }, { signal });
    await control.set("hold-after", "6");
    const leaving = new AbortController();
    const writing = send(leaving.signal);
    writing.catch(() => {});
    await control.until("part 5");
    leaving.abort(new Error("gone"));
    await expect(writing).rejects.toThrow("gone");
    await control.clear("hold-after");
    test = await test.restart();
    await send(forever.signal);
    expect(control.log()).toEqual(["begin a", ...stored(0), "confirm a"]);
  });

  it("does not let two uploads of the same content share a checkpoint", async () => {
    await control.set("hold-after", "2");
    const first = test.vfs.write("/m/a", sourceOf(CONTENT), { ...forever, conflict: "rename" });
    await control.until("part 1");
    const second = test.vfs.write("/m/a", sourceOf(CONTENT), { ...forever, conflict: "rename" });
    await control.clear("hold-after");
    const results = await Promise.all([first, second]);
    expect(results.map(({ resource }) => resource.path)).toEqual(["/m/a", "/m/a (1)"]);
    expect(control.log().filter((line) => line === "begin a")).toHaveLength(2);
    expect(await readFile(join(root, "a (1)"))).toEqual(CONTENT);
  });

  it("fails incomplete, shows nothing and forgets the parts when a byte is stored wrong", async () => {
    await control.set("corrupt-stored");
    const writing = test.vfs.write("/m/a", sourceOf(CONTENT), forever);
    await expect(writing).rejects.toMatchObject({ kind: "incomplete", reason: "verification-failed" });
    await expect(test.vfs.stat("/m/a", forever)).rejects.toMatchObject({ kind: "not-found" });
    expect(await rows()).toEqual([]);
  });

  it("fails before the storage confirms where the content changes on its way, and begins anew then", async () => {
    let checks = 0;
    const check = async () => {
      checks++;
      if (checks === 3) throw Object.assign(new Error("changed"), {});
    };
    await expect(test.vfs.write("/m/a", sourceOf(CONTENT, { check }), forever)).rejects.toThrow("changed");
    expect(control.log()).toEqual(["begin a", "part 0", "part 1"]);
    await expect(test.vfs.stat("/m/a", forever)).rejects.toMatchObject({ kind: "not-found" });
  });

  it("fails incomplete where the content is shorter than it said", async () => {
    const source = sourceOf(CONTENT, { size: CONTENT.length + 1 });
    await expect(test.vfs.write("/m/a", source, forever)).rejects.toMatchObject({ kind: "incomplete" });
    await expect(test.vfs.stat("/m/a", forever)).rejects.toMatchObject({ kind: "not-found" });
  });

  it("refuses content that is not what its claimed hash says", async () => {
    const source = sourceOf(CONTENT, { hashes: { md5: "0".repeat(32) } });
    await expect(test.vfs.write("/m/a", source, forever)).rejects.toMatchObject({ kind: "precondition-failed" });
    await expect(test.vfs.stat("/m/a", forever)).rejects.toMatchObject({ kind: "not-found" });
  });

  it("tells the name that the storage chose where the wanted one is taken (conflict rename)", async () => {
    await writeFile(join(root, "a.txt"), "old");
    const result = await test.vfs.write("/m/a.txt", sourceOf(CONTENT), { ...forever, conflict: "rename" });
    expect(result.resource.path).toBe("/m/a (1).txt");
    expect(result.created).toBe(true);
    expect((await test.vfs.stat("/m/a (1).txt", forever)).size).toBe(CONTENT.length);
    expect(await readFile(join(root, "a.txt"), "utf8")).toBe("old");
  });
});

describe("checkpoints that nobody comes back to", () => {
  const DAY = 24 * 3600_000;
  const key = { storageId: 1, parentId: "", name: "a", size: 1, identity: "x" };
  let now: number;
  let store: Store;
  let dataDir: string;
  let checkpoints: Checkpoints;
  const abandoned: unknown[] = [];
  let answer: () => Promise<void>;
  const storage = {
    id: 1,
    mountPath: "/m",
    closing: new AbortController().signal,
    mount: async () => ({
      async abandonUpload(state: unknown) {
        abandoned.push(state);
        await answer();
      },
    }),
  };
  const rows = async () => (await store.db.selectFrom("upload_checkpoint").selectAll().execute()).length;

  beforeEach(async () => {
    now = Date.UTC(2026, 0, 1);
    abandoned.length = 0;
    answer = async () => {};
    dataDir = await mkdtemp(join(tmpdir(), "pandav-checkpoints-"));
    store = await openStore(dataDir);
    await store.db
      .insertInto("storage")
      .values({
        id: 1,
        mount_path: "/m",
        driver: "d",
        settings: "{}",
        sort_order: 0,
        remark: "",
        disabled: 0,
        freshness: null,
        delivery: "auto",
        created_at: 0,
        modified_at: 0,
      })
      .execute();
    const clock = { now: () => now, sleep: async () => {} };
    checkpoints = new Checkpoints({ store, clock, log: silentLog });
    const held = await checkpoints.take(storage, key);
    await held!.save({ part: 3 });
    held!.release();
  });
  afterEach(async () => {
    await store.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const sweep = () => checkpoints.sweep((id) => (id === 1 ? storage : undefined));

  it("are given up at the service after a week, and not before", async () => {
    now += 6 * DAY;
    await sweep();
    expect(abandoned).toEqual([]);
    now += 2 * DAY;
    await sweep();
    expect(abandoned).toEqual([{ part: 3 }]);
    expect(await rows()).toBe(0);
  });

  it("wait where the service does not answer, but not for ever", async () => {
    answer = () => Promise.reject(new Error("no answer"));
    now += 8 * DAY;
    await sweep();
    expect(await rows()).toBe(1);
    now += 30 * DAY;
    await sweep();
    expect(await rows()).toBe(0);
  });

  it("are forgotten where the service does not know them any more", async () => {
    answer = () => Promise.reject(new StorageError("not-found", "no such upload"));
    now += 8 * DAY;
    await sweep();
    expect(await rows()).toBe(0);
  });

  it("are left alone while an upload has them, and where their storage is not mounted", async () => {
    now += 8 * DAY;
    const held = await checkpoints.take(storage, key);
    await sweep();
    expect(await held!.load()).toEqual({ part: 3 });
    held!.release();
    await checkpoints.sweep(() => undefined);
    expect(await rows()).toBe(1);
  });

  it("go with their storage", async () => {
    await store.db.deleteFrom("storage").where("id", "=", 1).execute();
    expect(await rows()).toBe(0);
  });
});
