import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeName, encodeName } from "#drivers/kit/bytes.ts";

const bytes = (...values: number[]) => Buffer.from(values);

it.each([
  ["plain ASCII", Buffer.from("a.txt"), "a.txt"],
  ["UTF-8", Buffer.from("课件 📚.pdf"), "课件 📚.pdf"],
  ["a real U+FFFD", Buffer.from("\ufffd"), "\ufffd"],
  ["Latin-1", bytes(0x63, 0xe9), "c\udce9"],
  ["a sequence that is cut off", bytes(0xe4, 0xbd), "\udce4\udcbd"],
  ["a cut sequence before more", bytes(0xe4, 0xbd, 0x61), "\udce4\udcbda"],
  ["an overlong slash", bytes(0xc0, 0xaf), "\udcc0\udcaf"],
  ["a surrogate as UTF-8 (RFC 3629 §3 forbids it)", bytes(0xed, 0xb2, 0x80), "\udced\udcb2\udc80"],
  ["beyond U+10FFFF", bytes(0xf4, 0x90, 0x80, 0x80), "\udcf4\udc90\udc80\udc80"],
  ["valid beside invalid", Buffer.concat([bytes(0xff), Buffer.from("é"), bytes(0xfe)]), "\udcffé\udcfe"],
])("decodes %s, one lone surrogate per byte that is not UTF-8, and back", (_what, raw, name) => {
  expect(decodeName(raw)).toBe(name);
  expect(encodeName(name)).toEqual(raw);
});

it("gives back every byte sequence", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (raw) => {
      expect(encodeName(decodeName(raw))).toEqual(Buffer.from(raw));
    }),
  );
});

it.each(["\ud800", "a\udbff", "\udc00", "\udc7f", "\udd00", "\udfff"])(
  "refuses the lone surrogate in %j, which stands for no byte",
  (name) => {
    expect(() => encodeName(name)).toThrow(expect.objectContaining({ kind: "invalid-name" }));
  },
);
