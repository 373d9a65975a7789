import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPrepared } from "#server/vfs/prepared.ts";
import { silentLog } from "#test/support/vfs.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pandav-prepared-"));
  path = join(folder, "prepared.db");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytes = (text: string) => Buffer.from(text);

describe("prepared bytes on the disk", () => {
  it("gives back what was kept, at once and after the next start", () => {
    const first = openPrepared(path, 1, silentLog);
    first.keep("a", bytes("A"));
    expect(first.get("a")?.toString()).toBe("A");
    expect(first.get("b")).toBeUndefined();
    first.close();
    const second = openPrepared(path, 2, silentLog);
    expect(second.get("a")?.toString()).toBe("A");
    second.close();
  });

  it("forgets everything when the last start did not end in order, for the tree may have forgotten something then", () => {
    const first = openPrepared(path, 1, silentLog);
    first.keep("a", bytes("A"));
    first.close();
    openPrepared(path, 2, silentLog); // killed: never closed
    const third = openPrepared(path, 3, silentLog);
    expect(third.get("a")).toBeUndefined();
    third.close();
  });

  it("forgets everything when it does not belong to the start before this one (a restored backup)", () => {
    const first = openPrepared(path, 7, silentLog);
    first.keep("a", bytes("A"));
    first.close();
    const restored = openPrepared(path, 5, silentLog);
    expect(restored.get("a")).toBeUndefined();
    restored.close();
  });

  it("begins anew over a file that is damaged", async () => {
    await writeFile(path, "this is no database, but long enough to be taken for one ".repeat(200));
    const prepared = openPrepared(path, 1, silentLog);
    prepared.keep("a", bytes("A"));
    prepared.close();
    const again = openPrepared(path, 2, silentLog);
    expect(again.get("a")?.toString()).toBe("A");
    again.close();
  });

  it("goes on without keeping anything when the disk refuses to write", async () => {
    const warned: string[] = [];
    const log = { ...silentLog, warn: (_fields: unknown, message: string) => warned.push(message) };
    const prepared = openPrepared(path, 1, log as typeof silentLog);
    const spoiler = new DatabaseSync(path);
    spoiler.exec("drop table prepared");
    spoiler.close();
    prepared.keep("a", bytes("A"));
    await expect.poll(() => warned).toHaveLength(1);
    prepared.keep("b", bytes("B"));
    prepared.close();
    expect(warned).toHaveLength(1);
  });

  it("stays within its quota, the oldest going first", async () => {
    const prepared = openPrepared(path, 1, silentLog, 1_000_000);
    for (let i = 0; i < 600; i++) prepared.keep(`k${i}`, Buffer.alloc(10_000, i));
    prepared.close();
    const again = openPrepared(path, 2, silentLog, 1_000_000);
    expect(again.get("k0")).toBeUndefined();
    expect(again.get("k599")?.[0]).toBe(599 % 256);
    again.close();
    expect((await stat(path)).size).toBeLessThan(8_000_000);
  });

  it("does not keep what is large, nor more than may wait to be written", () => {
    const prepared = openPrepared(path, 1, silentLog);
    prepared.keep("large", Buffer.alloc(300 * 1024));
    for (let i = 0; i < 100; i++) prepared.keep(`k${i}`, Buffer.alloc(200 * 1024));
    expect(prepared.get("large")).toBeUndefined();
    expect(prepared.get("k0")).toBeDefined();
    expect(prepared.get("k99")).toBeUndefined(); // 16 MiB wait at most
    prepared.close();
  });
});
