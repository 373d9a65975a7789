/** How old a listing may be before the storage is asked again. */
import { matchesGlob } from "node:path/posix";
import type { Traits } from "#drivers/contract/traits.ts";
import type { Freshness } from "./api.ts";

/** Where neither the storage's settings nor the driver says otherwise: 30 minutes (architecture.md §5). */
export const DEFAULT_FRESHNESS_MS = 30 * 60_000;

/** The greatest age in milliseconds of a directory's listing, by its path inside the mount; `manual`: only when somebody asks. */
export function freshnessOf(path: string, setting: Freshness | undefined, traits: Traits): number | "manual" {
  for (const rule of setting?.rules ?? []) {
    if (matchesGlob(path, rule.glob)) return rule.age;
  }
  return setting?.default ?? traits.freshness ?? DEFAULT_FRESHNESS_MS;
}

/** What a listing of that age is worth: good, good enough while a new one is taken, or to be waited for. */
export function judgeAge(ageMs: number, freshness: number | "manual"): "fresh" | "refresh-behind" | "refresh-first" {
  if (freshness === "manual" || ageMs <= freshness) return "fresh";
  return ageMs <= 2 * freshness ? "refresh-behind" : "refresh-first";
}
