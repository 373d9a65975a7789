import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hidePatterns } from "#server/auth/hide-patterns.ts";
import { linearPattern } from "#server/auth/linear-pattern.ts";

const NAMES = fc.string({ unit: fc.constantFrom("a", "b", "A", ".", "-", "1", " ", "中", "😀"), maxLength: 12 });

/** Patterns of the part of RE2's syntax that JavaScript reads in the same way. */
const { pattern: PATTERNS } = fc.letrec<{ pattern: string; part: string; atom: string }>((tie) => ({
  atom: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(
      "a",
      "b",
      "A",
      "\\.",
      ".",
      "\\d",
      "\\W",
      "[ab]",
      "[^a-c]",
      "[\\d-]",
      "中",
      "^",
      "$",
      "\\b",
      "\\x41",
    ),
    tie("pattern").map((inner) => `(${inner})`),
    tie("pattern").map((inner) => `(?:${inner})`),
  ),
  part: fc
    .tuple(tie("atom"), fc.constantFrom("", "", "*", "+", "?", "{2}", "{1,3}", "{0,}", "*?"))
    .map(([atom, times]) => (["^", "$", "\\b"].includes(atom) ? atom : atom + times)),
  pattern: fc
    .array(
      fc.array(tie("part"), { maxLength: 3 }).map((parts) => parts.join("")),
      { minLength: 1, maxLength: 2 },
    )
    .map((options) => options.join("|")),
}));

/** Skips the few that are refused for their size. */
function ours(source: string): (name: string) => boolean {
  try {
    return linearPattern(source);
  } catch (error) {
    fc.pre(!/states|repetitions/.test((error as Error).message));
    throw error;
  }
}

describe("patterns of names", () => {
  it("find what JavaScript's own regular expressions find", () => {
    fc.assert(
      fc.property(PATTERNS, NAMES, (source, name) => {
        expect(ours(source)(name)).toBe(new RegExp(source, "u").test(name));
      }),
      { numRuns: 3000, seed: 7 },
    );
  });

  it.each([
    ["\\.tmp$", "a.tmp", true],
    ["\\.tmp$", "a.tmp.txt", false],
    ["(?i)^thumbs\\.DB$", "Thumbs.db", true],
    ["(?i)[a-c]x", "BX", true],
    ["^\\._", "._a", true],
    ["(?P<name>a)b", "ab", true],
    ["\\x{1F600}", "😀", true],
    ["^.$", "😀", true],
    ["", "anything", true],
  ])("%j in %j is %j", (source, name, found) => {
    expect(linearPattern(source)(name)).toBe(found);
  });

  it.each([
    "(",
    ")",
    "[a",
    "a**",
    "*a",
    "\\",
    "(?=a)",
    "(?!a)",
    "(?<!a)b",
    "(a)\\1",
    "[z-a]",
    "\\p{L}",
    "a{2,1}",
    "a{1001}",
  ])("refuse %j", (source) => {
    expect(() => linearPattern(source)).toThrow();
  });

  it.each(["(((a{1,50}){1,50}){1,50})", "((){1000}){1000}", "a".repeat(1001), "(".repeat(60) + ")".repeat(60)])(
    "refuse what would take too much: %#",
    (source) => {
      expect(() => linearPattern(source)).toThrow();
    },
  );

  it("take no more than pattern times name, where trying again would take for ever", () => {
    const matches = linearPattern("^(a+)+(a|a)*(.*a){20}$");
    const before = performance.now();
    for (let i = 0; i < 100; i++) matches(`${"a".repeat(1000)}!${i}`);
    // Trying again would take longer than the age of the universe; this takes some 30 ms.
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  it("stand one a line, and name the line that is none (alist-api.md §12.5)", () => {
    const hides = hidePatterns("\\.tmp$\r\n\n^\\.\n");
    expect(["a.tmp", ".a", "a"].map(hides)).toEqual([true, true, false]);
    expect(hidePatterns("")("a")).toBe(false);
    expect(() => hidePatterns("ok\n(")).toThrow(
      expect.objectContaining({ kind: "invalid-config", message: "( is illegal: missing closing )" }),
    );
  });
});
