import { execFileSync } from "node:child_process";
import { mkdir, readdir, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { local } from "#drivers/local/index.ts";
import { testEnv } from "#test/drivers/env.ts";
import { sourceOf } from "#test/support/upload-source.ts";
import { calm, contentOf, directory, eventually, file, openFolder } from "./folder.ts";

/** `caf\xe9` in Latin-1: no UTF-8. */
const LATIN = Buffer.from("caf\xe9.txt", "latin1");
const ESCAPED = "caf\udce9.txt";

it("lists, reads, renames and removes names that are not UTF-8 (Entry.name: lone surrogates U+DC80–DCFF)", async () => {
  const { mount, root, names, entry } = await openFolder();
  await writeFile(Buffer.concat([Buffer.from(`${root}/`), LATIN]), "coffee");
  expect(await names()).toEqual([ESCAPED]);
  const found = await entry(ESCAPED);
  expect(found).toMatchObject({ id: ESCAPED, name: ESCAPED, size: 6 });
  expect((await contentOf(mount, found)).toString()).toBe("coffee");
  const o = { ...calm(), conflict: "fail" as const };
  const [copied] = await mount.copy!([found], directory(""), { ...o, name: "\udcff" });
  expect(copied?.error).toBeUndefined();
  const [moved] = await mount.move!([found], directory(""), { ...o, name: "café.txt" });
  expect(moved?.entry?.id).toBe("café.txt");
  expect((await readdir(root, { encoding: "buffer" })).map((name) => name.toString("hex")).sort()).toEqual(
    [Buffer.from("café.txt").toString("hex"), "ff"].sort(),
  );
  await mount.remove!([file("\udcff")], { ...calm(), mode: "permanent" });
  expect(await names()).toEqual(["café.txt"]);
});

it("works inside folders whose names are not UTF-8", async () => {
  const { mount, root, names } = await openFolder();
  await mkdir(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff])]));
  await mount.upload!(directory("\udcff"), "a", sourceOf(Buffer.from("a")), { ...calm(), conflict: "fail" });
  await mount.createDirectory!(directory("\udcff"), "\udcfe", calm());
  expect(await names("\udcff")).toEqual(["a", "\udcfe"]);
  await symlink("a", Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff]), Buffer.from("/l")]));
  expect((await contentOf(mount, file("\udcff/l"))).toString()).toBe("a");
  const [removed] = await mount.remove!([directory("\udcff")], { ...calm(), mode: "permanent" });
  expect(removed?.error).toBeUndefined();
  expect(await names()).toEqual([]);
});

it("refuses half a surrogate pair that stands for no byte", async () => {
  const { mount } = await openFolder();
  await expect(mount.createDirectory!(directory(""), "a\ud83d", calm())).rejects.toMatchObject({
    kind: "invalid-name",
  });
});

it("fails with invalid-name where a name is longer than the disk stores, before the body is opened", async () => {
  const { mount } = await openFolder();
  const source = sourceOf(Buffer.from("x"));
  await expect(
    mount.upload!(directory(""), "é".repeat(128), source, { ...calm(), conflict: "replace" }),
  ).rejects.toMatchObject({ kind: "invalid-name" });
  expect(source.opened).toEqual([]);
});

it("shows the disk's times to the microsecond", async () => {
  const { root, entry } = await openFolder();
  await writeFile(join(root, "a"), "");
  execFileSync("touch", ["-d", "2023-11-14T22:13:20.123456789Z", join(root, "a")]);
  expect((await entry("a")).modifiedAt).toBe(1_700_000_000_123.457);
});

it.each([1_700_000_000_123, 1_600_000_000_999.25, 1_234_567_890_001, -5_250, 0, 4_102_444_800_000])(
  "stores the time %d ms, by upload and by setModifiedAt",
  async (ms) => {
    const { mount, entry } = await openFolder();
    const o = { ...calm(), conflict: "fail" as const };
    const uploaded = await mount.upload!(directory(""), "a", sourceOf(Buffer.from("a"), { modifiedAt: ms }), o);
    expect(uploaded.modifiedAt).toBe(ms);
    await mount.createDirectory!(directory(""), "d", calm());
    expect((await mount.setModifiedAt!(directory("d"), ms, calm())).modifiedAt).toBe(ms);
    expect((await entry("a")).modifiedAt).toBe(ms);
    expect((await entry("d")).modifiedAt).toBe(ms);
  },
);

it("sets the time of what a link leads to, and keeps the time of access", async () => {
  const { mount, root, entry } = await openFolder();
  await writeFile(join(root, "a"), "");
  await utimes(join(root, "a"), 1_000_000, 2_000_000);
  await symlink("a", join(root, "l"));
  expect(await mount.setModifiedAt!(await entry("l"), 3_000_000_000, calm())).toMatchObject({ id: "l" });
  expect(await stat(join(root, "a"))).toMatchObject({ mtimeMs: 3_000_000_000, atimeMs: 1_000_000_000 });
});

it("gives a file another version when its content changes on the disk", async () => {
  const { root, entry } = await openFolder();
  await writeFile(join(root, "a"), "one");
  const before = await entry("a");
  await writeFile(join(root, "a"), "two!");
  expect((await entry("a")).version).not.toBe(before.version);
});

it("tells of changes by others soon, not of its own temporary files, and stops with the signal", async () => {
  const { mount, root, rootEntry } = await openFolder();
  const top = await rootEntry();
  let told = 0;
  const watching = new AbortController();
  mount.watch!(top, () => told++, watching.signal);
  await writeFile(join(root, "new"), "");
  await eventually(() => told > 0);
  told = 0;
  await writeFile(join(root, ".pandav-upload-00"), "");
  await writeFile(join(root, "second"), "");
  await eventually(() => told > 0);
  watching.abort();
  told = 0;
  const other = new AbortController();
  let toldOther = 0;
  mount.watch!(top, () => toldOther++, other.signal);
  await writeFile(join(root, "third"), "");
  await eventually(() => toldOther > 0);
  other.abort();
  expect(told).toBe(0);
});

it("throws where a folder cannot be watched", async () => {
  const { mount, rootEntry } = await openFolder();
  await rootEntry();
  expect(() => mount.watch!(directory("nowhere"), () => undefined, calm().signal)).toThrow(
    expect.objectContaining({ kind: "not-found" }),
  );
});

it("tells usage as df does (statfs(2))", async () => {
  const { mount, root } = await openFolder();
  const usage = await mount.usage!(calm());
  const [size = Number.NaN, available = Number.NaN] = execFileSync("df", ["-B1", "--output=size,avail", root], {
    encoding: "utf8",
  })
    .trim()
    .split("\n")[1]!
    .trim()
    .split(/\s+/)
    .map(Number);
  expect(usage.used).toBeGreaterThan(0);
  expect(usage.total).toBeLessThanOrEqual(size);
  expect(Math.abs(usage.total! - usage.used! - available)).toBeLessThan(1_000_000_000);
});

it.each([
  ["there is nothing", "missing"],
  ["there is a file", "file"],
])("refuses a root where %s, naming the setting", async (_what, name) => {
  const { root } = await openFolder();
  await writeFile(join(root, "file"), "");
  const mount = await local.open(local.settings.parse({ root: join(root, name) }), testEnv(), calm());
  await expect(mount.root(calm())).rejects.toMatchObject({
    kind: "invalid-config",
    message: expect.stringContaining("root: "),
  });
});

it("refuses a relative root in its settings", () => {
  expect(local.settings.safeParse({ root: "files" }).error?.issues[0]?.message).toMatch(/root must be an absolute/);
});
