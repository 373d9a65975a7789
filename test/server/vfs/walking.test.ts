import { afterEach, describe, expect, it } from "vitest";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import type { SeedTree } from "#drivers/memory/store.ts";
import { nameGlob } from "#server/vfs/name-glob.ts";
import { totals } from "#server/vfs/totals.ts";
import { type Walked, type WalkOptions, walk } from "#server/vfs/walking.ts";
import { createChaos } from "#test/faults/chaos.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

const opened: TestVfs[] = [];
afterEach(async () => {
  for (const test of opened.splice(0)) await test.dispose();
});

const SEED: SeedTree = { ".hidden": { h: "1" }, b: { inner: { deep: "12345" }, x: "123" }, a: "12", empty: {} };

async function open(seed: SeedTree = SEED, broken?: { call: number }) {
  const plain = createMemoryDriver({ seed });
  const down = new StorageError("permission-denied", "not yours");
  const chaos = createChaos({ faults: broken ? [{ operation: "list", call: broken.call, page: 1, fails: down }] : [] });
  const driver: AnyDriver = {
    ...plain,
    open: async (settings, env, o) => chaos.layer(await plain.open(settings, env, o)),
  };
  const test = await openTestVfs({ drivers: [driver] });
  opened.push(test);
  await test.mount({ mountPath: "/m", driver: "memory", settings: {} });
  return test.vfs;
}

async function walked(
  vfs: TestVfs["vfs"],
  path: string,
  o: Partial<WalkOptions> = {},
): Promise<{ rows: Walked[]; batches: number }> {
  const rows: Walked[] = [];
  let batches = 0;
  for await (const batch of walk(vfs, path, { ...forever, ...o })) {
    rows.push(...batch);
    batches++;
  }
  return { rows, batches };
}
const shown = ({ rows }: { rows: Walked[] }) => rows.map(({ resource, depth }) => `${depth} ${resource.path}`);

describe("walk", () => {
  it("gives each directory before what is in it, by name, and marks the last of each", async () => {
    const { rows } = await walked(await open(), "/m");
    expect(shown({ rows })).toEqual([
      "0 /m",
      "1 /m/.hidden",
      "2 /m/.hidden/h",
      "1 /m/a",
      "1 /m/b",
      "2 /m/b/inner",
      "3 /m/b/inner/deep",
      "2 /m/b/x",
      "1 /m/empty",
    ]);
    expect(rows.filter(({ isLast }) => isLast).map(({ resource }) => resource.path)).toEqual([
      "/m",
      "/m/.hidden/h",
      "/m/b/inner/deep",
      "/m/b/x",
      "/m/empty",
    ]);
  });

  it("gives whole listings, directories first, and says where each begins", async () => {
    const { rows } = await walked(await open(), "/m", { order: "listings", hidden: false });
    expect(rows.map(({ resource, isEntered }) => `${resource.path}${isEntered ? ":" : ""}`)).toEqual([
      "/m",
      "/m/b",
      "/m/empty",
      "/m/a",
      "/m/b:",
      "/m/b/inner",
      "/m/b/x",
      "/m/b/inner:",
      "/m/b/inner/deep",
      "/m/empty:",
    ]);
  });

  it("goes down to a depth, and gives a file alone", async () => {
    const vfs = await open();
    expect(shown(await walked(vfs, "/m", { maxDepth: 0 }))).toEqual(["0 /m"]);
    expect(shown(await walked(vfs, "/m/b", { maxDepth: 1 }))).toEqual(["0 /m/b", "1 /m/b/inner", "1 /m/b/x"]);
    expect(shown(await walked(vfs, "/m/a"))).toEqual(["0 /m/a"]);
    await expect(walked(vfs, "/m/missing")).rejects.toMatchObject({ kind: "not-found" });
  });

  it("goes on past a directory that cannot be listed, and says which and why", async () => {
    // The second listing is that of `.hidden`.
    const { rows } = await walked(await open(SEED, { call: 2 }), "/m");
    const failed = rows.filter(({ error }) => error !== undefined);
    expect(failed.map(({ resource, error }) => [resource.path, (error as StorageError).kind])).toEqual([
      ["/m/.hidden", "permission-denied"],
    ]);
    expect(rows.at(-1)?.resource.path).toBe("/m/empty");
  });

  it("hands rows on in bounded batches, and makes no call for what the tree knows", async () => {
    const seed = Object.fromEntries(
      Array.from({ length: 30 }, (_, d) => [
        `d${d}`,
        Object.fromEntries(Array.from({ length: 100 }, (_, f) => [`f${f}`, ""])),
      ]),
    );
    const vfs = await open(seed);
    const first = await walked(vfs, "/m");
    expect(first.rows.length).toBe(1 + 30 + 3000);
    const largest = async () => {
      let most = 0;
      for await (const batch of walk(vfs, "/m", forever)) most = Math.max(most, batch.length);
      return most;
    };
    expect(await largest()).toBeLessThanOrEqual(500);
  });

  it("stops with its signal", async () => {
    const controller = new AbortController();
    const rows = walk(await open(), "/m", { signal: controller.signal });
    controller.abort(new Error("left"));
    await expect(rows.next()).rejects.toThrow("left");
  });
});

describe("totals", () => {
  async function sums(vfs: TestVfs["vfs"], path: string, maxDepth?: number) {
    const found = [];
    for await (const row of totals(vfs, path, { ...forever, ...(maxDepth !== undefined && { maxDepth }) }))
      found.push(row);
    return found;
  }

  it("adds up from below to above, what was asked for last", async () => {
    const found = await sums(await open(), "/m");
    expect(
      found.map((row) => ("bytes" in row ? [row.resource.path, row.bytes, row.files, row.directories] : row)),
    ).toEqual([
      ["/m/.hidden", 1, 1, 0],
      ["/m/b/inner", 5, 1, 0],
      ["/m/b", 8, 2, 1],
      ["/m/empty", 0, 0, 0],
      ["/m", 11, 4, 4],
    ]);
  });

  it("shows only what the depth allows, and counts all of it", async () => {
    const found = await sums(await open(), "/m", 0);
    expect(found).toMatchObject([{ bytes: 11, unlisted: 0 }]);
    expect(await sums(await open(), "/m/a")).toMatchObject([{ bytes: 2, files: 1, depth: 0 }]);
  });

  it("tells of what could not be listed in every sum that misses it", async () => {
    const found = await sums(await open(SEED, { call: 2 }), "/m");
    expect(found[0]).toMatchObject({ error: { kind: "permission-denied" } });
    expect(found.at(-1)).toMatchObject({ bytes: 10, unlisted: 1 });
  });
});

describe("nameGlob (fnmatch(3) without FNM_PERIOD)", () => {
  it.each([
    ["*.txt", "a.txt", true],
    ["*.txt", ".txt", true],
    ["*.txt", "a.txt.bak", false],
    ["?", "字", true],
    ["?", "👍", true],
    ["?", "ab", false],
    ["[a-c]x", "bx", true],
    ["[!a-c]x", "bx", false],
    ["[^a-c]x", "dx", true],
    ["[]]x", "]x", true],
    ["[", "[", true],
    ["[z-a]", "[z-a]", true],
    ["a\\*b", "a*b", true],
    ["a\\*b", "axb", false],
    ["a.b", "axb", false],
    ["(1+1)$^|{}/", "(1+1)$^|{}/", true],
    ["*", "with\nnew line", true],
  ])("%j and %j: %j", (pattern, name, fits) => {
    expect(nameGlob(pattern)(name)).toBe(fits);
  });

  it("may pass over capitals", () => {
    expect([nameGlob("*.TXT")("a.txt"), nameGlob("*.TXT", { ignoreCase: true })("a.txt")]).toEqual([false, true]);
  });

  it("is quick to say no to a pattern of many stars, which would keep a backtracking matcher busy for years", () => {
    const began = performance.now();
    expect(nameGlob(`${"*a".repeat(60)}b`)("a".repeat(250))).toBe(false);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
