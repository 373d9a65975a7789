import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ByteRange } from "#drivers/contract/mount.ts";
import { local } from "#drivers/local/index.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { changed } from "#test/server/tasks/world.ts";
import { parts } from "#test/support/parts-driver.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

describe("copying a file between storages", () => {
  let folder: string;
  let test: TestVfs;
  let reads: (ByteRange | undefined)[];
  let onRead: () => Promise<void>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-copying-"));
    reads = [];
    onRead = async () => {};
    const memory = changed(createMemoryDriver({ seed: { "a.txt": "abcdefghijkl", empty: "" } }), (mount) => ({
      async read(file, range, o) {
        reads.push(range);
        await onRead();
        return mount.read!(file, range, o);
      },
    }));
    test = await openTestVfs({ drivers: [memory, parts, local] });
    await test.mount({ mountPath: "/from", driver: "memory", settings: {} });
    await test.mount({ mountPath: "/to", driver: "parts", settings: { root: folder, partBytes: 4 } });
  });
  afterEach(async () => {
    await test.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it("reads each part once: the hash that the source tells is compared with the target's, and not computed again", async () => {
    await test.vfs.copy("/from/a.txt", "/to/a.txt", { ...forever, conflict: "fail" });
    expect(reads).toEqual([0, 4, 8].map((offset) => ({ offset, length: 4 })));
    expect(readFileSync(join(folder, "a.txt"), "utf8")).toBe("abcdefghijkl");
  });

  it("counts every byte of a source whose first bytes are in hand when it is opened", async () => {
    const source = join(folder, "source");
    mkdirSync(source);
    writeFileSync(join(source, "small.txt"), "small");
    await test.mount({ mountPath: "/disk", driver: "local", settings: { root: source } });
    await test.vfs.copy("/disk/small.txt", "/to/small.txt", { ...forever, conflict: "fail" });
    expect(readFileSync(join(folder, "small.txt"), "utf8")).toBe("small");
  });

  it("copies an empty file, of which no range can be asked for (RFC 9110 §14.1.2)", async () => {
    await test.vfs.copy("/from/empty", "/to/empty", { ...forever, conflict: "fail" });
    expect(readFileSync(join(folder, "empty"), "utf8")).toBe("");
  });

  it("fails where the source changes on the way, and leaves nothing at the target", async () => {
    onRead = async () => {
      onRead = async () => {};
      await test.vfs.write("/from/a.txt", { stream: Readable.from([Buffer.from("ABCDEFGHIJKL")]), size: 12 }, forever);
    };
    const copied = test.vfs.copy("/from/a.txt", "/to/a.txt", { ...forever, conflict: "fail" });
    await expect(copied).rejects.toMatchObject({ kind: expect.stringMatching(/incomplete|unavailable|upstream/) });
    await expect(test.vfs.stat("/to/a.txt", forever)).rejects.toMatchObject({ kind: "not-found" });
  });
});
