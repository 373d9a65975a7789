import { describe, expect, it } from "vitest";
import { sameness } from "#server/tasks/transfer/equal.ts";

const file = { kind: "file", size: 3, modifiedAt: 1_000 } as const;
const sha1 = (text: string) => ({ hashes: { sha1: text } });

describe("whether two files hold the same", () => {
  it.each([
    [
      "a hash that both tell decides, whatever the times",
      { ...file, ...sha1("a") },
      { ...file, ...sha1("a"), modifiedAt: 9 },
      "by-hash",
    ],
    [
      "another hash is another content, whatever the times",
      { ...file, ...sha1("a") },
      { ...file, ...sha1("b") },
      "different",
    ],
    [
      "every hash that both tell must be the same",
      { ...file, hashes: { sha1: "a", md5: "m" } },
      { ...file, hashes: { sha1: "a", md5: "n" } },
      "different",
    ],
    [
      "without a common hash size and time decide",
      { ...file, ...sha1("a") },
      { ...file, hashes: { md5: "m" } },
      "by-time",
    ],
    ["times count as exactly as the coarser storage keeps them", file, { ...file, modifiedAt: 1_900 }, "by-time"],
    ["beyond that they are others", file, { ...file, modifiedAt: 2_001 }, "different"],
    ["without a time nothing is known", { kind: "file", size: 3 }, file, "different"],
    ["another size is another content", { ...file, ...sha1("a"), size: 4 }, { ...file, ...sha1("a") }, "different"],
    ["an unknown size may be any", { kind: "file", ...sha1("a") }, { kind: "file", ...sha1("a") }, "different"],
    ["a size that is only about right may be any", { ...file, sizeIs: "about" }, file, "different"],
    ["directories are no files", { kind: "directory" }, { kind: "directory" }, "different"],
  ] as const)("%s", (_, one, other, expected) => {
    expect(sameness(one, other, 1_000)).toBe(expected);
    expect(sameness(other, one, 1_000)).toBe(expected);
  });
});
