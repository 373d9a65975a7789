import { describe, expect, it } from "vitest";
import type { Traits } from "#drivers/contract/traits.ts";
import { DEFAULT_FRESHNESS_MS, freshnessOf, judgeAge } from "#server/vfs/freshness.ts";

const traits: Traits = { ids: "stable", names: {}, hashes: [], replace: "atomic", collision: "error" };

describe("freshness (architecture.md §5)", () => {
  it("is 30 minutes where nobody says otherwise, the driver's where it does, the owner's before both", () => {
    expect(freshnessOf("/a", undefined, traits)).toBe(DEFAULT_FRESHNESS_MS);
    expect(freshnessOf("/a", undefined, { ...traits, freshness: "manual" })).toBe("manual");
    expect(freshnessOf("/a", { default: 5 }, { ...traits, freshness: "manual" })).toBe(5);
  });

  it("takes the first rule whose glob matches the path inside the mount", () => {
    const setting = {
      default: 1000,
      rules: [
        { glob: "/Movies/**", age: "manual" as const },
        { glob: "/*", age: 5 },
      ],
    };
    expect(freshnessOf("/Movies/new", setting, traits)).toBe("manual");
    expect(freshnessOf("/inbox", setting, traits)).toBe(5);
    expect(freshnessOf("/inbox/deep", setting, traits)).toBe(1000);
  });

  it.each([
    [0, 100, "fresh"],
    [100, 100, "fresh"],
    [101, 100, "refresh-behind"],
    [200, 100, "refresh-behind"],
    [201, 100, "refresh-first"],
    [1e12, "manual", "fresh"],
  ] as const)(
    "an age of %d ms at a freshness of %s is %s: up to twice the age is served at once",
    (age, freshness, verdict) => {
      expect(judgeAge(age, freshness)).toBe(verdict);
    },
  );
});
