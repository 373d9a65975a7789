import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, writeSync } from "node:fs";
import {
  appendFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pseudoRandomBytes } from "#test/support/pseudo-random.ts";
import { sourceOf } from "#test/support/upload-source.ts";
import { calm, contentOf, directory, eventually, file, listed, openFolder } from "./folder.ts";

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
  const steps: number[] = [];
  const onProgress = (stored: number) => void steps.push(stored);
  const entry = await mount.upload!(directory(""), "a", sourceOf(bytes), { ...replace(), onProgress });
  expect(entry.hashes).toEqual({ sha1: createHash("sha1").update(bytes).digest("hex") });
  // Two signs of life while it is read back, so that no limit on silence ends it.
  expect(steps.filter((stored) => stored === bytes.length)).toHaveLength(3);
});

it.each([
  ["the old file", "old"],
  ["nothing", undefined],
])(
  "fails where the disk has other bytes than were sent, and leaves %s under the name (verify_writes)",
  async (_what, old) => {
    const { mount, root } = await openFolder({ verify_writes: true });
    if (old) await writeFile(join(root, "a"), old);
    const bytes = pseudoRandomBytes(2_500_000, 3);
    const flipLast = () => {
      const [temporary] = readdirSync(root).filter((name) => name.startsWith(".pandav-upload-"));
      const fd = openSync(join(root, temporary!), "r+");
      writeSync(fd, Buffer.from([bytes.at(-1)! ^ 1]), 0, 1, bytes.length - 1);
      closeSync(fd);
    };
    const onProgress = (written: number) => written === bytes.length && flipLast();
    const source = sourceOf(bytes, { kind: "stream" });
    await expect(
      mount.upload!(directory(""), "a", source, { ...replace(), onProgress: (n) => void onProgress(n) }),
    ).rejects.toMatchObject({ kind: "incomplete", reason: "verification-failed" });
    expect(await readdir(root)).toEqual(old ? ["a"] : []);
    if (old) expect(await readFile(join(root, "a"), "utf8")).toBe(old);
  },
);

describe("after the process was killed", () => {
  /** What a killed upload leaves: the file of a mount that is used no more, which this process forgets. */
  async function leftBehind(): Promise<Awaited<ReturnType<typeof openFolder>> & { name: string }> {
    const folder = await openFolder();
    const stopped = Promise.withResolvers<void>();
    const aborting = new AbortController();
    const source = sourceOf(Buffer.alloc(10), { hangs: { after: 5, reached: stopped.resolve } });
    const upload = folder.mount.upload!(directory(""), "a", source, { signal: aborting.signal, conflict: "replace" });
    await stopped.promise;
    const [name] = await readdir(folder.root);
    const content = await readFile(join(folder.root, name!));
    aborting.abort();
    await expect(upload).rejects.toBe(aborting.signal.reason);
    await writeFile(join(folder.root, name!), content);
    return { ...folder, name: name! };
  }

  it("sweeps what it was writing at the first listing, and nothing of makers that may live", async () => {
    const { root, again, name, names } = await leftBehind();
    const foreign = name.replace(/[0-9a-f]{12}/, "0".repeat(12));
    await writeFile(join(root, foreign), "another Pandav writes this");
    // Its own mount is not dead.
    expect(await names()).toEqual([]);
    expect((await readdir(root)).sort()).toEqual([foreign, name].sort());
    expect(await listed(await again(), directory(""))).toEqual([]);
    expect(await readdir(root)).toEqual([foreign]);
  });

  it("knows what it was writing also when others have written in between", async () => {
    const { root, again, name } = await leftBehind();
    for (let i = 0; i < 3; i++)
      await (await again()).upload!(directory(""), "b", sourceOf(Buffer.from("b")), replace());
    expect((await readdir(root)).sort()).toEqual([name, "b"].sort());
    expect(await listed(await again(), directory(""))).toHaveLength(1);
    expect(await readdir(root)).toEqual(["b"]);
  });

  it.each([
    ["gives a replaced folder its name back where the new one did not come", false],
    ["removes a replaced folder where the new one came", true],
  ])("%s", async (_what, came) => {
    const { root, again, name } = await leftBehind();
    await rm(join(root, name));
    const keeper = join(root, `${name}.old`);
    await mkdir(join(keeper, "d", "deep"), { recursive: true });
    await writeFile(join(keeper, "d", "deep", "x"), "old");
    if (came) await mkdir(join(root, "d"));
    const mount = await again();
    await listed(mount, directory(""));
    expect(await readdir(root)).toEqual(["d"]);
    const inside = await listed(mount, directory("d"));
    expect(inside.map((entry) => entry.name)).toEqual(came ? [] : ["deep"]);
    if (!came) expect(await readFile(join(root, "d", "deep", "x"), "utf8")).toBe("old");
  });
});

it("never sweeps what another mount of this process is writing into the same folder", async () => {
  const { mount, root, again } = await openFolder();
  const stopped = Promise.withResolvers<void>();
  const aborting = new AbortController();
  const source = sourceOf(Buffer.alloc(10), { hangs: { after: 5, reached: stopped.resolve } });
  const upload = mount.upload!(directory(""), "a", source, { signal: aborting.signal, conflict: "replace" });
  await stopped.promise;
  expect(await listed(await again(), directory(""))).toEqual([]);
  expect(await readdir(root)).toHaveLength(1);
  aborting.abort();
  await expect(upload).rejects.toBe(aborting.signal.reason);
});

it("puts the old folder back when the new one cannot take its place", async () => {
  // Without descriptors, what lies in a folder is not found any more once that is put aside.
  const { mount, root } = await openFolder({}, false);
  await mount.createDirectory!(directory(""), "d", calm());
  await mount.createDirectory!(directory("d"), "x", calm());
  const [moved] = await mount.move!([directory("d/x")], directory(""), { ...replace(), name: "d" });
  expect(moved?.error?.kind).toBe("not-found");
  expect(await readdir(root)).toEqual(["d"]);
  expect(await readdir(join(root, "d"))).toEqual(["x"]);
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
  // The file's own time is the sender's and says nothing.
  for (const name of await readdir(root)) await utimes(join(root, name), 0, 0);
  expect(await names()).toEqual([]);
  expect(await readdir(root)).toHaveLength(2);
  env.advance(25 * 3_600_000);
  expect(await names()).toEqual([]);
  const [inUse, ...swept] = await readdir(root);
  expect(swept).toEqual([]);
  expect(inUse).not.toBe(".pandav-upload-left");
  aborting.abort();
  await expect(upload).rejects.toBe(aborting.signal.reason);
  expect(await readdir(root)).toEqual([]);
});

it("reads nothing of a file that is another than the entry says (mount.ts, Mount.read)", async () => {
  const { mount, root, entry } = await openFolder();
  await writeFile(join(root, "a"), "one");
  const before = await entry("a");
  await writeFile(join(root, "b"), "two");
  await rename(join(root, "b"), join(root, "a"));
  await expect(mount.read!(before, undefined, calm())).rejects.toMatchObject({ kind: "precondition-failed" });
  expect((await contentOf(mount, await entry("a"))).toString()).toBe("two");
  await appendFile(join(root, "a"), "!");
  await expect(mount.read!(before, { offset: 0, length: 1 }, calm())).rejects.toMatchObject({
    kind: "precondition-failed",
  });
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
