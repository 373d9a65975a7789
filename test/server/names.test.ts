import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { checkName } from "#drivers/contract/path.ts";
import type { NameRules } from "#drivers/contract/traits.ts";
import { createNameCodec } from "#server/vfs/names.ts";

const RULES: Record<string, NameRules> = {
  "a local disk": {},
  "a service that holds separators": { holdsSeparators: true },
  "a service that refuses characters": { forbidden: ':*?"<>|\\', noTrailingDotOrSpace: true },
  "a service with every rule": { holdsSeparators: true, forbidden: ':*?"<>|', noTrailingDotOrSpace: true },
};

/** Characters that some rule is about, so that random names meet them often. */
const TRICKY = [
  ..."\u201b\u201bu80FFAB9:*?.. \uff1a\uff0a\uff0e\u2420\u2401\u241f\u2421\u2400\uff0f\x01\x1f\x7f\ufffe\uffff\u{1F480}",
  "\udc80",
  "\udcff",
  "\ud83d",
  "\udc00",
  "\u201b80",
  "\u201buD83D",
];

function rawNames(rules: NameRules): fc.Arbitrary<string> {
  const unit = fc.oneof(
    fc.constantFrom(...TRICKY),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
  );
  const extra = rules.holdsSeparators ? [fc.constantFrom("/", "\0", ".")] : [];
  return fc
    .array(fc.oneof(unit, ...extra), { minLength: 1, maxLength: 12 })
    .map((parts) => parts.join(""))
    .filter((name) => rules.holdsSeparators || (!/[/\0]/.test(name) && name !== "." && name !== ".."));
}

/** XML 1.0 §2.2, production Char. */
const XML_CHARS = /^[\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

describe.each(Object.entries(RULES))("names of %s", (_, rules) => {
  const codec = createNameCodec(rules);

  it("give every upstream name a visible one that leads back to it", () => {
    fc.assert(
      fc.property(rawNames(rules), (raw) => {
        expect(codec.toUpstream(codec.toVisible(raw))).toBe(raw);
      }),
      { numRuns: 3000 },
    );
  });

  it("show only names that a path and XML 1.0 §2.2 can carry", () => {
    fc.assert(
      fc.property(rawNames(rules), (raw) => {
        const visible = codec.toVisible(raw);
        expect(visible.isWellFormed()).toBe(true);
        expect(visible).toMatch(XML_CHARS);
        expect(visible).not.toMatch(/[\x00-\x1f\x7f]/);
        checkName(visible);
      }),
      { numRuns: 3000 },
    );
  });

  it("never show two upstream names as one", () => {
    fc.assert(
      fc.property(rawNames(rules), rawNames(rules), (a, b) => {
        fc.pre(a !== b);
        expect(codec.toVisible(a)).not.toBe(codec.toVisible(b));
      }),
      { numRuns: 3000 },
    );
  });

  it("show a written name as it was written", () => {
    const written = fc
      .array(fc.constantFrom(..."abc .:*?<\u4e2d\u{1F480}e\u0301", "\u00e9"), { minLength: 1, maxLength: 10 })
      .map((parts) => parts.join(""))
      .filter((name) => name !== "." && name !== "..");
    fc.assert(
      fc.property(written, (name) => {
        expect(codec.toVisible(codec.toUpstream(name))).toBe(name);
      }),
    );
  });
});

describe("the name codec", () => {
  const plain = createNameCodec({});

  it.each([
    ["a\x01b\x7f", "a\u2401b\u2421"],
    ["a\u2401", "a\u201b\u2401"],
    ["caf\udce9", "caf\u201bE9"],
    ["\ud800x", "\u201buD800x"],
    ["\ud83d\udc80", "\u{1F480}"],
    ["\u201bE9", "\u201b\u201bE9"],
    ["it\u201bs", "it\u201bs"],
    ["e\u0301", "e\u0301"],
  ])("shows %j as %j", (raw, visible) => {
    expect(plain.toVisible(raw)).toBe(visible);
  });

  it("maps refused characters and trailing dots to full-width forms", () => {
    const codec = createNameCodec({ forbidden: ":", noTrailingDotOrSpace: true });
    expect(codec.toUpstream("a:b.")).toBe("a\uff1ab\uff0e");
    expect(codec.toUpstream("a ")).toBe("a\u2420");
    expect(codec.toUpstream("a\uff1a")).toBe("a\u201b\uff1a");
  });

  it("maps slashes, NUL and dot names of services that hold them", () => {
    const codec = createNameCodec({ holdsSeparators: true });
    expect(codec.toVisible("a/b\0")).toBe("a\uff0fb\u2400");
    expect(codec.toVisible("..")).toBe("\uff0e\uff0e");
  });

  it.each(["\u201bu002E\u201bu002E", "a\u201bu002Fb", "\u201bu0000"])(
    "refuses %j, an escape that would leave the directory",
    (name) => {
      expect(() => plain.toUpstream(name)).toThrow(expect.objectContaining({ kind: "invalid-name" }));
    },
  );

  it("refuses names that are longer than the service takes, and empty ones", () => {
    const kind = expect.objectContaining({ kind: "invalid-name" });
    expect(() => createNameCodec({ maxBytes: 5 }).toUpstream("\u4e2d\u6587")).toThrow(kind);
    expect(() => createNameCodec({ maxCharacters: 2 }).toUpstream("abc")).toThrow(kind);
    expect(() => plain.toUpstream("")).toThrow(StorageError);
    expect(createNameCodec({ maxBytes: 4 }).toUpstream("caf\u201bE9")).toBe("caf\udce9");
  });

  it("cuts a name that grew past a path segment, and keeps such names apart", () => {
    const a = plain.toVisible("\udc80".repeat(255));
    const b = plain.toVisible(`${"\udc80".repeat(254)}\udc81`);
    checkName(a);
    checkName(b);
    expect(a).not.toBe(b);
  });
});
