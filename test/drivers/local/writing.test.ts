import { createHash } from "node:crypto";
import { open, readdir, readFile, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { pseudoRandomBytes } from "#test/support/pseudo-random.ts";
import { sourceOf } from "#test/support/upload-source.ts";
import { calm, contentOf, directory, eventually, file, openFolder } from "./folder.ts";

const replace = () => ({ ...calm(), conflict: "replace" as const });

it("keeps the old file readable and whole until the new one is complete, and its mode afterwards", async () => {
  const { mount, root } = await openFolder();
  await writeFile(join(root, "a"), "old", { mode: 0o640 });
  const reader = await open(join(root, "a"));
  const stopped = Promise.withResolvers<void>();
  const aborting = new AbortController();
  const source = sourceOf(pseudoRandomBytes(300_000, 1), { hangs: { after: 200_000, reached: stopped.resolve } });
  const upload = mount.upload!(directory(""), "a", source, { signal: aborting.signal, conflict: "replace" });
  await stopped.promise;
  expect(await readFile(join(root, "a"), "utf8")).toBe("old");
  aborting.abort(new Error("gone"));
  await expect(upload).rejects.toThrow("gone");
  expect(await readdir(root)).toEqual(["a"]);
  expect(await readFile(join(root, "a"), "utf8")).toBe("old");
  await mount.upload!(directory(""), "a", sourceOf(Buffer.from("new")), replace());
  expect(await reader.readFile("utf8")).toBe("old");
  expect(await readFile(join(root, "a"), "utf8")).toBe("new");
  expect((await stat(join(root, "a"))).mode & 0o777).toBe(0o640);
  await reader.close();
});

it("gives a name to one of many that ask for it at once with conflict fail", async () => {
  const { mount, root, names } = await openFolder();
  const all = await Promise.allSettled(
    Array.from({ length: 8 }, (_, i) =>
      mount.upload!(directory(""), "a", sourceOf(Buffer.from(String(i))), { ...calm(), conflict: "fail" }),
    ),
  );
  const stored = all.flatMap((one, i) => (one.status === "fulfilled" ? [i] : []));
  expect(stored).toHaveLength(1);
  expect(await readFile(join(root, "a"), "utf8")).toBe(String(stored[0]));
  for (const one of all) if (one.status === "rejected") expect(one.reason).toMatchObject({ kind: "already-exists" });
  expect(await names()).toEqual(["a"]);
  expect(await readdir(root)).toEqual(["a"]);
});

it("gives each of many a name of its own with conflict rename", async () => {
  const { mount, names } = await openFolder();
  await Promise.all(
    Array.from({ length: 4 }, (_, i) =>
      mount.upload!(directory(""), "a.txt", sourceOf(Buffer.from(String(i))), { ...calm(), conflict: "rename" }),
    ),
  );
  expect(await names()).toEqual(["a (1).txt", "a (2).txt", "a (3).txt", "a.txt"]);
});

it("returns the SHA-1 of what is on the disk where verify_writes is set", async () => {
  const { mount } = await openFolder({ verify_writes: true });
  const bytes = pseudoRandomBytes(2_500_000, 2);
  const entry = await mount.upload!(directory(""), "a", sourceOf(bytes), replace());
  expect(entry.hashes).toEqual({ sha1: createHash("sha1").update(bytes).digest("hex") });
});

it("never lists temporary files, refuses their names, and sweeps old ones that nobody writes", async () => {
  const { mount, root, env, names } = await openFolder();
  const left = join(root, ".pandav-upload-left");
  await writeFile(left, "");
  const stopped = Promise.withResolvers<void>();
  const aborting = new AbortController();
  const source = sourceOf(Buffer.alloc(10), { hangs: { after: 5, reached: stopped.resolve } });
  const upload = mount.upload!(directory(""), "a", source, { signal: aborting.signal, conflict: "replace" });
  await stopped.promise;
  expect(await names()).toEqual([]);
  expect(await readdir(root)).toHaveLength(2);
  await expect(mount.createDirectory!(directory(""), ".pandav-upload-x", calm())).rejects.toMatchObject({
    kind: "invalid-name",
  });
  await expect(mount.read!(file(".pandav-upload-left"), undefined, calm())).rejects.toMatchObject({
    kind: "not-found",
  });
  for (const name of await readdir(root)) await utimes(join(root, name), 0, (env.clock.now() - 25 * 3_600_000) / 1000);
  expect(await names()).toEqual([]);
  const [inUse, ...swept] = await readdir(root);
  expect(swept).toEqual([]);
  expect(inUse).not.toBe(".pandav-upload-left");
  aborting.abort();
  await expect(upload).rejects.toBe(aborting.signal.reason);
  expect(await readdir(root)).toEqual([]);
});

it("fails incomplete when a file becomes shorter while it is read", async () => {
  const { mount, root, entry } = await openFolder();
  await writeFile(join(root, "a"), Buffer.alloc(8_000_000));
  const body = await mount.read!(await entry("a"), undefined, calm());
  let got = 0;
  const reading = (async () => {
    for await (const chunk of body) {
      if (got === 0) await truncate(join(root, "a"), 1000);
      got += chunk.length;
    }
  })();
  await expect(reading).rejects.toMatchObject({ kind: "incomplete" });
  expect(got).toBeLessThan(8_000_000);
});

it.each([0, 1, 65_536, 65_537, 524_288, 1_500_000])("reads %d bytes whole and in ranges, exactly", async (size) => {
  const { mount, root } = await openFolder();
  const bytes = pseudoRandomBytes(size, size);
  await writeFile(join(root, "a"), bytes);
  expect((await contentOf(mount, file("a"))).equals(bytes)).toBe(true);
  const offset = Math.floor(size / 3);
  if (size === 0) return;
  const part = await mount.read!(file("a"), { offset, length: size }, calm());
  expect(Buffer.concat(await part.toArray()).equals(bytes.subarray(offset))).toBe(true);
});

it("closes the file when a reader leaves early", async () => {
  const { mount, root } = await openFolder();
  await writeFile(join(root, "a"), Buffer.alloc(5_000_000));
  const openBefore = (await readdir("/proc/self/fd")).length;
  const aborting = new AbortController();
  const bodies = await Promise.all(
    Array.from({ length: 5 }, () => mount.read!(file("a"), undefined, { signal: aborting.signal })),
  );
  bodies[0]!.destroy();
  for (const body of bodies.slice(1)) body.on("error", () => undefined);
  aborting.abort();
  await eventually(() => bodies.every((body) => body.closed));
  expect((await readdir("/proc/self/fd")).length).toBeLessThanOrEqual(openBefore);
});

it("replaces folders by files and files by folders when it moves, and copies with times", async () => {
  const { mount, root, names } = await openFolder();
  await mount.createDirectory!(directory(""), "d", calm());
  await mount.upload!(directory("d"), "x", sourceOf(Buffer.from("x"), { modifiedAt: 1_000_000_000_500 }), replace());
  await mount.upload!(directory(""), "f", sourceOf(Buffer.from("f")), replace());
  const [copied] = await mount.copy!([directory("d")], directory(""), { ...replace(), name: "f" });
  expect(copied?.entry).toMatchObject({ id: "f", kind: "directory" });
  expect((await stat(join(root, "f", "x"))).mtimeMs).toBe(1_000_000_000_500);
  const [moved] = await mount.move!([file("d/x")], directory(""), { ...replace(), name: "f" });
  expect(moved?.entry).toMatchObject({ id: "f", kind: "file", size: 1 });
  expect(await readdir(root)).toEqual(["d", "f"]);
  expect(await names("d")).toEqual([]);
});

it("copies large files in pieces, tells how far it is, and leaves nothing behind when it is aborted", async () => {
  const { mount, root, entry } = await openFolder();
  const size = 33 * 1024 * 1024;
  await writeFile(join(root, "a"), "x");
  await truncate(join(root, "a"), size);
  const aborting = new AbortController();
  const aborted = mount.copy!([await entry("a")], directory(""), {
    signal: aborting.signal,
    conflict: "fail",
    name: "b",
    onProgress: () => aborting.abort(new Error("enough")),
  });
  await expect(aborted).rejects.toThrow("enough");
  expect(await readdir(root)).toEqual(["a"]);
  const steps: number[] = [];
  const [copied] = await mount.copy!([await entry("a")], directory(""), {
    ...calm(),
    conflict: "fail",
    name: "b",
    onProgress: (bytes) => steps.push(bytes),
  });
  expect(copied?.entry).toMatchObject({ id: "b", size });
  expect(steps.at(-1)).toBe(size);
  expect(steps).toEqual(steps.toSorted((one, other) => one - other));
});

it("refuses to put a folder into itself, and leaves a move to the same place alone", async () => {
  const { mount, names } = await openFolder();
  await mount.createDirectory!(directory(""), "a", calm());
  await mount.createDirectory!(directory("a"), "b", calm());
  for (const act of [mount.move!, mount.copy!]) {
    const [into] = await act([directory("a")], directory("a/b"), replace());
    expect(into?.error?.kind).toBe("invalid-name");
  }
  const [same] = await mount.move!([directory("a/b")], directory("a"), { ...calm(), conflict: "fail" });
  expect(same?.entry?.id).toBe("a/b");
  expect(await names("a")).toEqual(["b"]);
});
