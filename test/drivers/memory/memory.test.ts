import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import type { Entry, Mount } from "#drivers/contract/mount.ts";
import { capabilitiesOf } from "#drivers/contract/traits.ts";
import { createMemoryDriver, type MemoryDriverOptions, memory } from "#drivers/memory/index.ts";
import { MemoryStore } from "#drivers/memory/store.ts";
import { testEnv } from "#test/drivers/env.ts";
import { sourceOf } from "#test/support/upload-source.ts";

const calm = () => ({ signal: new AbortController().signal });
const on = (conflict: "fail" | "replace" | "rename") => ({ ...calm(), conflict });

async function open(options: MemoryDriverOptions = {}, settings: Record<string, unknown> = {}): Promise<Mount> {
  const driver = createMemoryDriver(options);
  return driver.open(driver.settings.parse(settings), testEnv(1000), calm());
}

async function pagesOf(mount: Mount, of?: Entry): Promise<string[][]> {
  const pages: string[][] = [];
  for await (const page of mount.list(of ?? (await mount.root(calm())), calm())) pages.push(page.map((e) => e.name));
  return pages;
}

async function find(mount: Mount, name: string, parent?: Entry): Promise<Entry> {
  for await (const page of mount.list(parent ?? (await mount.root(calm())), calm())) {
    const found = page.find((entry) => entry.name === name);
    if (found) return found;
  }
  throw new Error(`there is no ${name}`);
}

it("keeps ids across moves and overwrites (trait ids: stable)", async () => {
  const mount = await open({ seed: { a: "one", d: {} } });
  const before = await find(mount, "a");
  const [moved] = await mount.move!([before], await find(mount, "d"), { ...on("fail"), name: "b" });
  expect(moved?.entry).toMatchObject({ id: before.id, name: "b" });
  const stored = await mount.upload!(await find(mount, "d"), "b", sourceOf(Buffer.from("two")), on("replace"));
  expect(stored.id).toBe(before.id);
  expect(stored.version).not.toBe(before.version);
});

it("lists in pages of page_size", async () => {
  const mount = await open({ seed: { a: "", b: "", c: "", d: "", e: "" } }, { page_size: 2 });
  expect(await pagesOf(mount)).toEqual([["a", "b"], ["c", "d"], ["e"]]);
});

it("has no stat, no link and no watch, and without writing methods it is read-only (absent means unable)", async () => {
  const mount = await open({ readOnly: true, without: ["usage"], seed: { a: "x" } });
  expect(Object.keys(mount).sort()).toEqual(["list", "read", "root"]);
  expect(capabilitiesOf(mount, memory.traits)).toMatchObject({ upload: false, read: true, remove: false, stat: false });
});

it("returns the SHA-1 of the bytes that it stored", async () => {
  const mount = await open();
  const bytes = Buffer.from("some bytes");
  const entry = await mount.upload!(await mount.root(calm()), "a", sourceOf(bytes), on("fail"));
  expect(entry.hashes).toEqual({ sha1: createHash("sha1").update(bytes).digest("hex") });
});

it.each([
  ["error", ["a"], "already-exists"],
  ["suffix", ["a", "a (1)"], undefined],
  ["duplicate", ["a", "a"], undefined],
] as const)("with emulated replace, does as a service with collision %s does", async (collision, names, failure) => {
  const mount = await open({ seed: { a: "old" }, traits: { replace: "emulated", collision } });
  const upload = mount.upload!(await mount.root(calm()), "a", sourceOf(Buffer.from("new")), on("replace"));
  if (failure) await expect(upload).rejects.toMatchObject({ kind: failure });
  else await upload;
  expect((await pagesOf(mount)).flat()).toEqual(names);
  const root = await mount.root(calm());
  await expect(mount.upload!(root, "a", sourceOf(Buffer.from("x")), on("fail"))).rejects.toMatchObject({
    kind: "already-exists",
  });
});

it("fails with quota-exceeded before the body is opened, and counts what a replaced file frees", async () => {
  const mount = await open({ seed: { a: "12345678" } }, { quota_bytes: 10 });
  const root = await mount.root(calm());
  const tooLarge = sourceOf(Buffer.alloc(3));
  await expect(mount.upload!(root, "b", tooLarge, on("fail"))).rejects.toMatchObject({ kind: "quota-exceeded" });
  expect(tooLarge.opened).toEqual([]);
  const unknown = sourceOf(Buffer.alloc(3), { size: "unknown" });
  await expect(mount.upload!(root, "b", unknown, on("fail"))).rejects.toMatchObject({ kind: "quota-exceeded" });
  await mount.upload!(root, "a", sourceOf(Buffer.alloc(10)), on("replace"));
  expect(await mount.usage!(calm())).toEqual({ used: 10, total: 10 });
  const [copied] = await mount.copy!([await find(mount, "a")], root, { ...on("fail"), name: "c" });
  expect(copied?.error?.kind).toBe("quota-exceeded");
});

it("refuses to put a folder into itself, or in place of one that holds the target", async () => {
  const mount = await open({ seed: { a: { b: {} }, c: "file" } });
  const a = await find(mount, "a");
  const b = await find(mount, "b", a);
  for (const act of [mount.move!, mount.copy!]) {
    const [into] = await act([a], b, on("replace"));
    expect(into?.error?.kind).toBe("invalid-name");
  }
  const [over] = await mount.move!([b], await mount.root(calm()), { ...on("replace"), name: "a" });
  expect(over?.entry).toMatchObject({ id: b.id, name: "a" });
  expect((await pagesOf(mount)).flat()).toEqual(["c", "a"]);
});

it("gives no id twice, not even after a restart, when the tree still knows the old ones", async () => {
  const before = await open({ seed: { a: "secret" } });
  const after = await open({ seed: { b: "other" } });
  await expect(after.read!(await find(before, "a"), undefined, calm())).rejects.toMatchObject({ kind: "not-found" });
});

it("shows what its store holds, to every mount of it", async () => {
  const store = new MemoryStore();
  const [one, two] = [await open({ store, seed: { a: "x" } }), await open({ store })];
  await one.remove!([await find(two, "a")], { ...calm(), mode: "permanent" });
  expect(await pagesOf(two)).toEqual([]);
  expect(store.usedBytes).toBe(0);
});

it("refuses names that its traits say it refuses", async () => {
  const mount = await open({ traits: { names: { forbidden: ":*", maxBytes: 8, noTrailingDotOrSpace: true } } });
  const root = await mount.root(calm());
  for (const name of ["a:b", "123456789", "a.", "a "]) {
    await expect(mount.createDirectory!(root, name, calm()), name).rejects.toMatchObject({ kind: "invalid-name" });
  }
});
