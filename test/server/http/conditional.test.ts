import { describe, expect, it } from "vitest";
import { evaluateConditions, rangeApplies } from "#server/http/conditional.ts";

/** 700 ms past the second: dates in headers have none. */
const now = { etag: '"abc"', modifiedAt: Date.UTC(1994, 10, 6, 8, 49, 37, 700) };
const SAME = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATER = "Sun, 06 Nov 1994 08:49:38 GMT";
const EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT";

describe("evaluateConditions (RFC 9110 §13.2.2)", () => {
  it.each([
    ["If-Match that is equal", "PUT", { "if-match": '"abc"' }, now, "proceed"],
    ["If-Match in a list", "PUT", { "if-match": '"x", "abc"' }, now, "proceed"],
    ["If-Match that differs", "PUT", { "if-match": '"x"' }, now, "failed"],
    ["If-Match weakly: the comparison is strong (§13.1.1)", "PUT", { "if-match": 'W/"abc"' }, now, "failed"],
    ["If-Match: * on something", "PUT", { "if-match": "*" }, now, "proceed"],
    ["If-Match: * on nothing", "PUT", { "if-match": "*" }, undefined, "failed"],
    ["If-Match unquoted, which matches nothing", "PUT", { "if-match": "abc" }, now, "failed"],
    ["If-Match on what has no etag", "GET", { "if-match": '"abc"' }, {}, "failed"],
    ["If-None-Match that is equal, reading", "GET", { "if-none-match": '"abc"' }, now, "not-modified"],
    ["If-None-Match weakly (§13.1.2)", "HEAD", { "if-none-match": 'W/"abc"' }, now, "not-modified"],
    ["If-None-Match that is equal, writing", "PUT", { "if-none-match": '"abc"' }, now, "failed"],
    ["If-None-Match that differs", "GET", { "if-none-match": '"x"' }, now, "proceed"],
    ["If-None-Match: * on something", "PUT", { "if-none-match": "*" }, now, "failed"],
    ["If-None-Match: * on nothing", "PUT", { "if-none-match": "*" }, undefined, "proceed"],
    ["If-None-Match unquoted", "PUT", { "if-none-match": "JoplinIgnore-123" }, now, "proceed"],
    ["a comma inside an etag", "GET", { "if-none-match": '"a,b"' }, { etag: '"a,b"' }, "not-modified"],
    ["If-Modified-Since the same second", "GET", { "if-modified-since": SAME }, now, "not-modified"],
    ["If-Modified-Since earlier", "GET", { "if-modified-since": EARLIER }, now, "proceed"],
    [
      "If-Modified-Since when writing, where it says nothing (§13.1.3)",
      "PUT",
      { "if-modified-since": LATER },
      now,
      "proceed",
    ],
    ["If-Modified-Since that is no date", "GET", { "if-modified-since": "yesterday" }, now, "proceed"],
    [
      "If-Modified-Since as RFC 850",
      "GET",
      { "if-modified-since": "Sunday, 06-Nov-94 08:49:37 GMT" },
      now,
      "not-modified",
    ],
    ["If-Modified-Since as asctime", "GET", { "if-modified-since": "Sun Nov  6 08:49:37 1994" }, now, "not-modified"],
    [
      "If-None-Match before If-Modified-Since",
      "GET",
      { "if-none-match": '"x"', "if-modified-since": LATER },
      now,
      "proceed",
    ],
    ["If-Unmodified-Since the same second", "PUT", { "if-unmodified-since": SAME }, now, "proceed"],
    ["If-Unmodified-Since earlier", "PUT", { "if-unmodified-since": EARLIER }, now, "failed"],
    ["If-Unmodified-Since on nothing", "PUT", { "if-unmodified-since": EARLIER }, undefined, "proceed"],
    [
      "If-Match before If-Unmodified-Since",
      "PUT",
      { "if-match": '"abc"', "if-unmodified-since": EARLIER },
      now,
      "proceed",
    ],
    ["no condition", "GET", {}, now, "proceed"],
  ] as const)("%s", (_name, method, headers, current, outcome) => {
    expect(evaluateConditions(headers, method, current)).toBe(outcome);
  });
});

describe("rangeApplies (RFC 9110 §13.1.5)", () => {
  it.each([
    ["no If-Range", undefined, true],
    ["the same etag", '"abc"', true],
    ["another etag", '"x"', false],
    ["a weak etag, which never matches", 'W/"abc"', false],
    ["exactly the date", SAME, true],
    ["a later date", LATER, false],
    ["an earlier date", EARLIER, false],
    ["nonsense", "abc", false],
  ])("%s", (_name, header, applies) => {
    expect(rangeApplies(header, now)).toBe(applies);
  });
});
