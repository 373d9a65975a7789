import { describe, expect, it } from "vitest";
import { namesByPattern } from "#server/api/rename-pattern.ts";

const names = ["g1.txt", "g2.txt", "other", "IMG_7.jpg"];

describe("names by a pattern (alist-api.md §6)", () => {
  it("changes those that fit, with the pattern's groups, and leaves the others out", () => {
    expect(namesByPattern(names, "g(\\d)\\.txt", "f$1.txt")).toEqual([
      { from: "g1.txt", to: "f1.txt" },
      { from: "g2.txt", to: "f2.txt" },
    ]);
  });

  it("understands what Go's patterns have and JavaScript's have not", () => {
    expect(namesByPattern(names, "(?i)img_(?P<number>\\d)", `\${number}`)).toEqual([
      { from: "IMG_7.jpg", to: "7.jpg" },
    ]);
    expect(namesByPattern(["aa"], "(a)", `\${1}b`)).toEqual([{ from: "aa", to: "abab" }]);
  });

  it("refuses a pattern that cannot be, and stops one that would hold the server", () => {
    expect(() => namesByPattern(names, "(", "x")).toThrow("error parsing regexp");
    expect(() => namesByPattern(names, "x".repeat(2000), "x")).toThrow("at most 1000 characters");
    const began = performance.now();
    expect(() => namesByPattern([`${"a".repeat(40)}!`], "^(a+)+$", "x")).toThrow("takes too long");
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
