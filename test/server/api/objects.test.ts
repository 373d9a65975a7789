import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { PathError } from "#drivers/contract/path.ts";
import { toFailure } from "#server/api/failures.ts";
import { toTime } from "#server/api/objects.ts";

describe("times (alist-api.md §2)", () => {
  it.each([0, 1_704_164_645_000, 1_704_164_645_678, 1_751_000_000_000])(
    "of %i ms say the same moment in the server's zone",
    (ms) => {
      const text = toTime(ms);
      expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/);
      expect(Date.parse(text)).toBe(ms);
    },
  );

  it("carry fractions of a millisecond to the microsecond, without trailing zeros", () => {
    expect(toTime(1_704_164_645_678.901)).toMatch(/:05\.678901/);
    expect(toTime(1_704_164_645_500)).toMatch(/:05\.5(Z|[+-])/);
    expect(toTime(1_704_164_645_000)).toMatch(/:05(Z|[+-])/);
  });

  it.each([undefined, Number.NaN, Number.POSITIVE_INFINITY, 1e15])("of %s are Go's zero time", (ms) => {
    expect(toTime(ms)).toBe("0001-01-01T00:00:00Z");
  });
});

describe("failures", () => {
  it("keep the words that clients look for at the end, once (alist-api.md §3)", () => {
    expect(toFailure(new StorageError("not-found", "/a")).envelope).toMatchObject({
      code: 500,
      message: "/a: object not found",
      kind: "not-found",
    });
    expect(toFailure(new StorageError("not-found", "object not found")).envelope.message).toBe("object not found");
    expect(toFailure(new StorageError("not-found", "/a"), { phrases: false }).envelope.message).toBe("/a");
  });

  it("never answer 401 for a storage's own login", () => {
    expect(toFailure(new StorageError("unauthenticated", "log in again")).envelope.code).toBe(500);
  });

  it("carry the reason that a person must read", () => {
    expect(toFailure(new StorageError("permission-denied", "x", { reason: "share-expired" })).envelope).toMatchObject({
      code: 403,
      reason: "share-expired",
    });
    expect(toFailure(new PathError("traversal", "..")).envelope.code).toBe(403);
  });

  it("say nothing of a bug but that it is one", () => {
    const failure = toFailure(new TypeError("secret of the inside"));
    expect([failure.envelope, failure.level]).toEqual([{ code: 500, message: "internal error", data: null }, "error"]);
  });
});
