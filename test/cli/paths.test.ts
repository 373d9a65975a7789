import { describe, expect, it } from "vitest";
import { humanSize } from "#server/cli/format.ts";
import { lastName, namesDirectory, resolveAmong, shownBelow } from "#server/cli/paths.ts";

const mounts = (...paths: string[]) => ({ mounts: paths.map((path) => ({ path, disabled: false })) });

describe("what a path on the command line means (architecture.md §9)", () => {
  const two = { ...mounts("/sjtu", "/photos/old"), inUse: "/sjtu" };
  it.each([
    ["/", "/sjtu"],
    ["", "/sjtu"],
    [".", "/sjtu"],
    ["docs/", "/sjtu/docs"],
    ["/docs//a", "/sjtu/docs/a"],
    ["./docs/.", "/sjtu/docs"],
    ["/sjtu/docs", "/sjtu/docs"],
    ["sjtu", "/sjtu"],
    ["/photos", "/photos"],
    ["photos/old/x", "/photos/old/x"],
    ["/photographs", "/sjtu/photographs"],
    // What may not be is refused by the server, and never another path.
    ["../x", "/sjtu/../x"],
  ])("%j is %j", (typed, path) => {
    expect(resolveAmong(two, typed)).toBe(path);
  });

  it("means the only mount where there is one, also one at the root or one that alone is enabled", () => {
    expect(resolveAmong(mounts("/local"), "a")).toBe("/local/a");
    expect(resolveAmong(mounts("/"), "/a")).toBe("/a");
    const reply = { mounts: [...mounts("/a").mounts, { path: "/b", disabled: true }] };
    expect(resolveAmong(reply, "x")).toBe("/a/x");
  });

  it.each([
    [mounts(), /no storage is mounted/],
    [mounts("/a", "/b"), /^\/a, \/b are mounted: begin the path with one of them/],
    [{ ...mounts("/a"), inUse: "/gone" }, /the mount in use, \/gone, is gone/],
  ])("is refused as wrong use where nobody can tell", (reply, message) => {
    expect(() => resolveAmong(reply, "x")).toThrow(message);
  });

  it("keeps what was typed for people", () => {
    expect(shownBelow("docs/", "/sjtu/docs", "/sjtu/docs/a/b")).toBe("docs/a/b");
    expect(shownBelow("docs", "/sjtu/docs", "/sjtu/docs")).toBe("docs");
    expect(shownBelow("/", "/sjtu", "/sjtu/a")).toBe("/a");
    expect(["docs/", "/", ".", "a/.", "docs", "a.b"].map(namesDirectory)).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(["docs/", "/a/b.txt", "/", "./"].map(lastName)).toEqual(["docs", "b.txt", "", ""]);
  });
});

describe("humanSize, as ls -h of coreutils has it", () => {
  it.each([
    [0, "0"],
    [1023, "1023"],
    [1024, "1.0K"],
    [1025, "1.1K"],
    [10 * 1024, "10K"],
    [10 * 1024 + 1, "11K"],
    [1024 * 1024 - 1, "1.0M"],
    [1.5 * 1024 ** 3, "1.5G"],
    [9.96 * 1024, "10K"],
    [Number.MAX_SAFE_INTEGER, "8.0P"],
  ])("%d is %s", (bytes, text) => {
    expect(humanSize(bytes)).toBe(text);
  });
});
