import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPrepared, type Prepared } from "#server/vfs/prepared.ts";
import { silentLog } from "#test/support/vfs.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pandav-prepared-"));
  path = join(folder, "prepared");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytes = (text: string) => Buffer.from(text);

/** What is kept under a key, copied behind three bytes of another's. */
function get(prepared: Prepared, key: string): string | undefined {
  const length = prepared.lengthOf(key);
  if (length === undefined) return undefined;
  const target = Buffer.from("abc".padEnd(length + 6, "-"));
  if (!prepared.copy(key, target, 3)) return undefined;
  expect([target.toString("latin1", 0, 3), target.toString("latin1", length + 3)]).toEqual(["abc", "---"]);
  return target.toString("latin1", 3, length + 3);
}

describe("prepared bytes on the disk", () => {
  it("gives back what was kept, at once and after the next start", () => {
    const first = openPrepared(path, 1, silentLog);
    first.keep("a", bytes("A"));
    expect(get(first, "a")).toBe("A");
    expect(get(first, "b")).toBeUndefined();
    first.close();
    const second = openPrepared(path, 2, silentLog);
    expect(get(second, "a")).toBe("A");
    second.close();
  });

  it("forgets everything when the last start did not end in order, for the tree may have forgotten something then", () => {
    const first = openPrepared(path, 1, silentLog);
    first.keep("a", bytes("A"));
    first.close();
    openPrepared(path, 2, silentLog); // killed: never closed
    const third = openPrepared(path, 3, silentLog);
    expect(get(third, "a")).toBeUndefined();
    third.close();
  });

  it("forgets everything when it does not belong to the start before this one (a restored backup)", () => {
    const first = openPrepared(path, 7, silentLog);
    first.keep("a", bytes("A"));
    first.close();
    const restored = openPrepared(path, 5, silentLog);
    expect(get(restored, "a")).toBeUndefined();
    restored.close();
  });

  it.each(["index", "0"])("begins anew where %s is damaged", async (suffix) => {
    const first = openPrepared(path, 1, silentLog);
    first.keep("a", bytes("A".repeat(100)));
    first.close();
    await writeFile(`${path}.${suffix}`, "nothing that was ever written here ".repeat(20));
    const prepared = openPrepared(path, 2, silentLog);
    expect(get(prepared, "a")).toBeUndefined();
    prepared.keep("a", bytes("B"));
    prepared.close();
    const again = openPrepared(path, 3, silentLog);
    expect(get(again, "a")).toBe("B");
    again.close();
  });

  it("misses what a file that was cut short no longer holds", async () => {
    const first = openPrepared(path, 1, silentLog);
    first.keep("a", bytes("A".repeat(100)));
    first.close();
    await writeFile(`${path}.0`, (await readFile(`${path}.0`)).subarray(0, 50));
    const prepared = openPrepared(path, 2, silentLog);
    expect(get(prepared, "a")).toBeUndefined();
    prepared.close();
  });

  it("goes on without keeping anything when the disk refuses to write", async () => {
    const warned: string[] = [];
    const log = { ...silentLog, warn: (_fields: unknown, message: string) => warned.push(message) };
    const prepared = openPrepared(path, 1, log as typeof silentLog);
    // No file can be put where a directory of its name stands.
    await mkdir(`${path}.index.new`);
    prepared.keep("a", bytes("A"));
    prepared.close();
    expect(warned).toEqual([expect.stringContaining("cannot be kept on the disk")]);
    expect(await readdir(folder)).not.toContain("prepared.index");
  });

  it("is only readable by its owner, for it holds names", async () => {
    const prepared = openPrepared(path, 1, silentLog);
    prepared.keep("a", bytes("A"));
    prepared.close();
    for (const file of await readdir(folder)) expect((await stat(join(folder, file))).mode & 0o077).toBe(0);
  });

  it("stays within its quota, the oldest going first", async () => {
    const prepared = openPrepared(path, 1, silentLog, 1_000_000);
    for (let i = 0; i < 600; i++) prepared.keep(`k${i}`, Buffer.alloc(10_000, i));
    prepared.close();
    const again = openPrepared(path, 2, silentLog, 1_000_000);
    expect(get(again, "k0")).toBeUndefined();
    expect(get(again, "k599")?.charCodeAt(0)).toBe(599 % 256);
    again.close();
    const sizes = await Promise.all(["0", "1"].map(async (n) => (await stat(`${path}.${n}`)).size));
    expect(sizes[0]! + sizes[1]!).toBeLessThanOrEqual(1_000_000);
  });

  it("gives each its own bytes where they are asked for in their order, backwards, side by side and again after others took their place", () => {
    const contentOf = (i: number) => `${i} `.repeat(5_000 + (i % 7) * 300);
    const first = openPrepared(path, 1, silentLog, 4_000_000);
    for (let i = 0; i < 60; i++) first.keep(`k${i}`, bytes(contentOf(i)));
    first.close();
    const prepared = openPrepared(path, 2, silentLog, 4_000_000);
    const inOrder = Array.from({ length: 60 }, (_, i) => i);
    const sideBySide = inOrder.map((i) => ({ i, at: i + ((i * 5) % 8) })).sort((a, b) => a.at - b.at);
    const orders = [inOrder, inOrder.toReversed(), sideBySide.map(({ i }) => i), inOrder.map((i) => (i * 37) % 60)];
    for (const order of orders) {
      for (const i of order) expect(get(prepared, `k${i}`) === contentOf(i)).toBe(true);
    }
    // The files are begun anew, one after the other, while somebody reads in order.
    for (let i = 100; i < 400; i++) {
      prepared.keep(`k${i}`, bytes(contentOf(i)));
      const known = get(prepared, `k${i % 60}`);
      if (known !== undefined) expect(known === contentOf(i % 60)).toBe(true);
    }
    prepared.close();
    const again = openPrepared(path, 3, silentLog, 4_000_000);
    const left = Array.from({ length: 400 }, (_, i) => i).filter((i) => get(again, `k${i}`) !== undefined);
    expect(left.length).toBeGreaterThan(40);
    for (const i of left) expect(get(again, `k${i}`) === contentOf(i)).toBe(true);
    again.close();
  });

  it("does not keep what is large, nor more than may wait to be written", () => {
    const prepared = openPrepared(path, 1, silentLog);
    prepared.keep("large", Buffer.alloc(300 * 1024));
    for (let i = 0; i < 100; i++) prepared.keep(`k${i}`, Buffer.alloc(200 * 1024));
    expect(get(prepared, "large")).toBeUndefined();
    expect(get(prepared, "k0")).toBeDefined();
    expect(get(prepared, "k99")).toBeUndefined(); // 16 MiB wait at most
    prepared.close();
  });
});
