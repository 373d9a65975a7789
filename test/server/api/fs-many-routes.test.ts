import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Api, openApi } from "./world.ts";

const SEED = {
  flat: { "a.txt": "old a" },
  tree: { "a.txt": "new a", deep: { "b.txt": "b", empty: { more: {} } }, other: { "c.txt": "c" } },
  twins: { one: { "same.txt": "1" }, two: { "same.txt": "2" } },
  names: { "g1.txt": "1", "g2.txt": "2", "f2.txt": "there" },
};

describe("changing many entries at once (alist-api.md §6)", () => {
  let api: Api;
  beforeEach(async () => {
    api = await openApi({ seed: SEED });
  });
  afterEach(() => api.close());

  const list = async (path: string) =>
    (await api.post("/api/fs/list", { path })).data.content.map(({ name }: { name: string }) => name).sort();
  const flatten = (src: string, conflict_policy: string) =>
    api.post("/api/fs/recursive_move", { src_dir: `/local/${src}`, dst_dir: "/local/flat", conflict_policy });

  it("batch_rename gives every name, passes blanks over and stops at the first that fails", async () => {
    const rename = (pairs: readonly (readonly [string, string])[]) =>
      api.post("/api/fs/batch_rename", {
        src_dir: "/local/names",
        rename_objects: pairs.map(([src_name, new_name]) => ({ src_name, new_name })),
      });
    expect(
      (
        await rename([
          ["", ""],
          ["g1.txt", "h1.txt"],
        ])
      ).code,
    ).toBe(200);
    expect(
      (
        await rename([
          ["g2.txt", "f2.txt"],
          ["h1.txt", "never.txt"],
        ])
      ).message,
    ).toBe("file [f2.txt] exists");
    expect((await rename([["h1.txt", "a/b"]])).code).toBe(400);
    expect(await list("/local/names")).toEqual(["f2.txt", "g2.txt", "h1.txt"]);
  });

  it("regex_rename changes names by a pattern, never onto another", async () => {
    const rename = (src_name_regex: string, new_name_regex: string) =>
      api.post("/api/fs/regex_rename", { src_dir: "/local/names", src_name_regex, new_name_regex });
    expect((await rename("^g(\\d)", "x$1")).code).toBe(200);
    expect(await list("/local/names")).toEqual(["f2.txt", "x1.txt", "x2.txt"]);
    expect((await rename("^x", "f")).message).toBe("file [f2.txt] exists");
    expect((await rename("^x2", "../y")).code).toBe(400);
  });

  it("recursive_move cancels before the first file where one is in the way", async () => {
    expect((await flatten("tree", "cancel")).message).toBe("file [a.txt] exists");
    expect(await list("/local/flat")).toEqual(["a.txt"]);
  });

  it("recursive_move skips what is there, and says how many came", async () => {
    expect((await flatten("tree", "skip")).message).toBe("Successfully moved 2 files");
    expect(await list("/local/flat")).toEqual(["a.txt", "b.txt", "c.txt"]);
    expect(await list("/local/tree")).toEqual(["a.txt", "deep", "other"]);
  });

  it("recursive_move overwrites what is there, and never one file of the tree with another", async () => {
    expect((await flatten("tree", "overwrite")).message).toBe("Successfully moved 3 files");
    expect((await api.post("/api/fs/get", { path: "/local/flat/a.txt" })).data.size).toBe(5);
    for (const policy of ["overwrite", "cancel"]) {
      expect((await flatten("twins", policy)).message).toBe("file [same.txt] exists");
    }
    expect(await list("/local/flat")).toEqual(["a.txt", "b.txt", "c.txt"]);
    expect((await flatten("twins", "skip")).message).toBe("Successfully moved 1 file");
  });

  it("remove_empty_directory takes away what holds no file, from below, and nothing else", async () => {
    expect((await api.post("/api/fs/remove_empty_directory", { src_dir: "/local/tree" })).code).toBe(200);
    expect(await list("/local/tree")).toEqual(["a.txt", "deep", "other"]);
    expect(await list("/local/tree/deep")).toEqual(["b.txt"]);
  });

  it("link names the file's own address, with a signature that holds; nothing for what is no file", async () => {
    const { data } = await api.post("/api/fs/link", { path: "/local/flat/a.txt" });
    const url = new URL(data.url);
    expect(url.pathname).toBe("/p/local/flat/a.txt");
    expect(() => api.deps.auth.signatures.check("/local/flat/a.txt", url.searchParams.get("sign") ?? "")).not.toThrow();
    expect((await api.post("/api/fs/link", { path: "/local/none" })).code).toBe(500);
  });
});
