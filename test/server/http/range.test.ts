import { describe, expect, it } from "vitest";
import { contentRange, parseRange, unsatisfiedRange } from "#server/http/range.ts";

const part = (offset: number, length: number) => ({ kind: "part", offset, length });
const whole = { kind: "whole" };
const unsatisfiable = { kind: "unsatisfiable" };

describe("parseRange (RFC 9110 §14.1.2)", () => {
  it.each([
    ["no header", undefined, 10, whole],
    ["the first byte", "bytes=0-0", 10, part(0, 1)],
    ["a range inside", "bytes=2-4", 10, part(2, 3)],
    ["an open end", "bytes=3-", 10, part(3, 7)],
    ["a suffix", "bytes=-4", 10, part(6, 4)],
    ["a suffix longer than the file", "bytes=-40", 10, part(0, 10)],
    ["an end past the last byte, which is clamped", "bytes=8-99", 10, part(8, 2)],
    ["an end past 2^53", "bytes=8-99999999999999999999", 10, part(8, 2)],
    ["the unit in capitals (§14.1)", "BYTES=1-2", 10, part(1, 2)],
    ["optional white space", "bytes= 1 - 2 ", 10, part(1, 2)],
    ["a start past the end", "bytes=10-", 10, unsatisfiable],
    ["a start past 2^53", "bytes=99999999999999999999-", 10, unsatisfiable],
    ["a suffix of nothing", "bytes=-0", 10, unsatisfiable],
    ["a reversed range, which is invalid and ignored", "bytes=5-2", 10, whole],
    ["several ranges, which may be ignored (§14.2)", "bytes=0-1,3-4", 10, whole],
    ["another unit", "lines=1-2", 10, whole],
    ["no range at all", "bytes=", 10, whole],
    ["only a dash", "bytes=-", 10, whole],
    ["a negative start", "bytes=-1-2", 10, whole],
    ["an empty file, of which players ask for bytes=0-", "bytes=0-", 0, whole],
  ])("%s", (_name, header, size, answer) => {
    expect(parseRange(header, size)).toEqual(answer);
  });

  it("writes Content-Range with an inclusive end (§14.4)", () => {
    expect(contentRange(2, 3, 10)).toBe("bytes 2-4/10");
    expect(unsatisfiedRange(10)).toBe("bytes */10");
  });
});
