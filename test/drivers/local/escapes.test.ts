import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { sourceOf } from "#test/support/upload-source.ts";
import { calm, contentOf, directory, file, listed, openFolder } from "./folder.ts";

const secret = Buffer.from("secret");

describe.each([
  ["through descriptors", true],
  ["by paths", false],
])("nothing outside the root is reachable (architecture.md §1), %s", (_way, anchored) => {
  it.each(["..", "../outside/secret", "a/../../outside/secret", ".", "a//b", "/etc/passwd", "a\0b", "/"])(
    "refuses the id %j in every method",
    async (id) => {
      const { mount, outside, root } = await openFolder({}, anchored);
      await writeFile(join(outside, "secret"), secret);
      await mkdir(join(root, "a"));
      const o = { ...calm(), conflict: "replace" as const };
      const refusals = [
        () => listed(mount, directory(id)),
        () => mount.read!(file(id), undefined, calm()),
        () => mount.upload!(directory(id), "new", sourceOf(secret), o),
        () => mount.createDirectory!(directory(id), "new", calm()),
        () => mount.setModifiedAt!(file(id), 0, calm()),
        () => mount.move!([directory("a")], directory(id), o),
        () => mount.stat!([id], calm()),
      ];
      for (const refusal of refusals) await expect(refusal()).rejects.toMatchObject({ kind: "invalid-name" });
      const removed = await mount.remove!([file(id)], { ...calm(), mode: "permanent" });
      expect(removed[0]?.error?.kind).toBe("invalid-name");
      const moved = await mount.move!([file(id)], directory("a"), o);
      expect(moved[0]?.error?.kind).toBe("invalid-name");
      const copied = await mount.copy!([file(id)], directory("a"), o);
      expect(copied[0]?.error?.kind).toBe("invalid-name");
      expect(() => mount.watch!(directory(id), () => undefined, calm().signal)).toThrow();
      expect(await readdir(outside)).toEqual(["secret"]);
      expect(await readdir(join(root, "a"))).toEqual([]);
    },
  );

  it.each(["..", "a/b", "a\0b", "", ".", "../outside/x"])("refuses the new name %j", async (name) => {
    const { mount, outside, root } = await openFolder({}, anchored);
    await writeFile(join(root, "old"), "old");
    const o = { ...calm(), conflict: "replace" as const };
    const kind = { kind: "invalid-name" };
    await expect(mount.upload!(directory(""), name, sourceOf(secret), o)).rejects.toMatchObject(kind);
    await expect(mount.createDirectory!(directory(""), name, calm())).rejects.toMatchObject(kind);
    const [moved] = await mount.move!([file("old")], directory(""), { ...o, name });
    expect(moved?.error?.kind).toBe("invalid-name");
    const [copied] = await mount.copy!([file("old")], directory(""), { ...o, name });
    expect(copied?.error?.kind).toBe("invalid-name");
    expect(await readdir(root)).toEqual(["old"]);
    expect(await readdir(outside)).toEqual([]);
  });

  it("neither lists nor opens links that leave the root, dangle, or lead to the root's own parents", async () => {
    const { mount, root, outside, names } = await openFolder({}, anchored);
    await writeFile(join(outside, "secret"), secret);
    await symlink(join(outside, "secret"), join(root, "file-link"));
    await symlink("../outside", join(root, "folder-link"));
    await symlink("nowhere", join(root, "dangling"));
    await symlink("/", join(root, "slash"));
    await symlink(".", join(root, "self"));
    await symlink(`${root}-not`, join(root, "prefix"));
    expect(await names()).toEqual([]);
    for (const id of ["file-link", "folder-link/secret", "dangling", "slash", "folder-link", "slash/etc/passwd"]) {
      await expect(mount.read!(file(id), undefined, calm()), id).rejects.toMatchObject({ kind: "not-found" });
      await expect(mount.stat!(id.split("/"), calm()), id).rejects.toMatchObject({ kind: "not-found" });
    }
    const into = { ...calm(), conflict: "replace" as const };
    await expect(mount.upload!(directory("folder-link"), "x", sourceOf(secret), into)).rejects.toMatchObject({
      kind: "not-found",
    });
    await expect(mount.setModifiedAt!(file("file-link"), 0, calm())).rejects.toMatchObject({ kind: "not-found" });
    await mount.remove!([file("folder-link/secret")], { ...calm(), mode: "permanent" });
    expect(await readFile(join(outside, "secret"))).toEqual(secret);
    expect(await readdir(outside)).toEqual(["secret"]);
  });

  it("replaces a link that leaves the root instead of writing through it", async () => {
    const { mount, root, outside } = await openFolder({}, anchored);
    await writeFile(join(outside, "secret"), secret);
    await symlink(join(outside, "secret"), join(root, "note"));
    await mount.upload!(directory(""), "note", sourceOf(Buffer.from("mine")), { ...calm(), conflict: "replace" });
    expect(await readFile(join(outside, "secret"))).toEqual(secret);
    expect((await contentOf(mount, file("note"))).toString()).toBe("mine");
  });

  it("removes links and never what they lead to", async () => {
    const { mount, root, outside } = await openFolder({}, anchored);
    await writeFile(join(outside, "secret"), secret);
    await mkdir(join(root, "a", "b"), { recursive: true });
    await symlink(outside, join(root, "a", "b", "link"));
    await symlink(join(outside, "secret"), join(root, "a", "file"));
    const [done] = await mount.remove!([directory("a")], { ...calm(), mode: "permanent" });
    expect(done?.error).toBeUndefined();
    expect(await readdir(root)).toEqual([]);
    expect(await readFile(join(outside, "secret"))).toEqual(secret);
  });

  it("lists and reads links that stay inside as what they lead to, and never in circles", async () => {
    const { mount, root, names, entry } = await openFolder({}, anchored);
    await mkdir(join(root, "real", "deep"), { recursive: true });
    await writeFile(join(root, "real", "text"), "text");
    await symlink("real", join(root, "alias"));
    await symlink("real/text", join(root, "text-alias"));
    await symlink("..", join(root, "real", "up"));
    await symlink("../other", join(root, "real", "other"));
    await mkdir(join(root, "other"));
    await symlink("../real", join(root, "other", "back"));
    expect(await names()).toEqual(["alias", "other", "real", "text-alias"]);
    expect(await names("real")).toEqual(["deep", "other", "text"]);
    expect(await names("alias")).toEqual(["deep", "text"]);
    expect(await names("real/other")).toEqual([]);
    expect(await entry("text-alias")).toMatchObject({ kind: "file", size: 4 });
    expect((await contentOf(mount, file("alias/text"))).toString()).toBe("text");
  });

  it("copies what is listed, and nothing that links lead to outside", async () => {
    const { mount, root, outside } = await openFolder({}, anchored);
    await writeFile(join(outside, "secret"), secret);
    await mkdir(join(root, "a"));
    await writeFile(join(root, "inside"), "inside");
    await symlink(join(outside, "secret"), join(root, "a", "out"));
    await symlink("../inside", join(root, "a", "in"));
    const [done] = await mount.copy!([directory("a")], directory(""), { ...calm(), conflict: "fail", name: "b" });
    expect(done?.error).toBeUndefined();
    expect(await readdir(join(root, "b"))).toEqual(["in"]);
    expect(await readFile(join(root, "b", "in"), "utf8")).toBe("inside");
  });

  it("lists no pipes, sockets or devices, and never waits for one", async () => {
    const { mount, root, names } = await openFolder({}, anchored);
    execFileSync("sh", ["-c", 'mkfifo "$0/pipe"', root]);
    const server = createServer().listen(join(root, "socket"));
    await once(server, "listening");
    onTestFinished(() => void server.close());
    await symlink("/dev/null", join(root, "device"));
    expect(await names()).toEqual([]);
    for (const id of ["pipe", "socket", "device"]) {
      await expect(mount.read!(file(id), undefined, calm()), id).rejects.toMatchObject({ kind: "not-found" });
    }
  });
});

it("stays inside while a folder is swapped for a link and back all the time", async () => {
  const { mount, root, outside } = await openFolder();
  await mkdir(join(root, "door"));
  await writeFile(join(root, "door", "file"), "inside");
  await writeFile(join(outside, "file"), secret);
  await writeFile(join(outside, "only-outside"), secret);
  let swapping = true;
  const swapper = (async () => {
    while (swapping) {
      await rename(join(root, "door"), join(root, "kept"));
      await symlink(outside, join(root, "door"));
      await rm(join(root, "door"));
      await rename(join(root, "kept"), join(root, "door"));
    }
  })();
  let insideSeen = 0;
  for (let i = 0; i < 300; i++) {
    const o = { ...calm(), conflict: "replace" as const };
    const found = await listed(mount, directory("door")).catch(() => []);
    expect(found.map(({ name }) => name)).not.toContain("only-outside");
    const read = await contentOf(mount, file("door/file")).catch(() => undefined);
    if (read) expect(read.toString()).toBe("inside");
    if (read) insideSeen++;
    await mount.upload!(directory("door"), "new", sourceOf(Buffer.from("x")), o).catch(() => undefined);
    await mount.createDirectory!(directory("door"), `folder-${i}`, calm()).catch(() => undefined);
    await mount.remove!([file("door/only-outside")], { ...calm(), mode: "permanent" });
  }
  swapping = false;
  await swapper;
  expect(insideSeen).toBeGreaterThan(0);
  expect((await readdir(outside)).sort()).toEqual(["file", "only-outside"]);
  expect(existsSync(join(root, "door", "new"))).toBe(true);
});

it("is unavailable, and never empty, when the root goes away or another folder takes its place", async () => {
  const { mount, root, rootEntry } = await openFolder();
  await mkdir(join(root, "a"));
  const top = await rootEntry();
  await rename(root, `${root}-unplugged`);
  const gone = { kind: "unavailable" };
  await expect(listed(mount, top)).rejects.toMatchObject(gone);
  await expect(mount.stat!(["a"], calm())).rejects.toMatchObject(gone);
  await expect(mount.root(calm())).rejects.toMatchObject(gone);
  await mkdir(root);
  await expect(listed(mount, top)).rejects.toMatchObject(gone);
  await expect(listed(mount, directory("a"))).rejects.toMatchObject(gone);
  await expect(mount.upload!(top, "x", sourceOf(secret), { ...calm(), conflict: "replace" })).rejects.toMatchObject(
    gone,
  );
  expect(await readdir(root)).toEqual([]);
  await rm(root, { recursive: true });
  await rename(`${root}-unplugged`, root);
  expect(await listed(mount, top)).toHaveLength(1);
});
