/** Whether two files hold the same, as far as their storages tell. */
import type { HashName } from "#drivers/contract/mount.ts";
import type { Resource } from "../../vfs/resource.ts";

/** `by-hash`: a hash that both storages tell is the same. `by-time`: they tell none in common, and size and time are the same. */
export type Sameness = "by-hash" | "by-time" | "different";

type Compared = Pick<Resource, "kind" | "size" | "sizeIs" | "hashes" | "modifiedAt">;

/** `precisionMs`: how exactly the coarser of the two storages keeps times. */
export function sameness(one: Compared, other: Compared, precisionMs: number): Sameness {
  if (one.kind !== "file" || other.kind !== "file") return "different";
  if (one.size === undefined || one.size !== other.size) return "different";
  if (one.sizeIs === "about" || other.sizeIs === "about") return "different";
  const common = (Object.keys(one.hashes ?? {}) as HashName[]).filter((name) => other.hashes?.[name] !== undefined);
  if (common.length > 0) {
    return common.every((name) => one.hashes?.[name] === other.hashes?.[name]) ? "by-hash" : "different";
  }
  if (one.modifiedAt === undefined || other.modifiedAt === undefined) return "different";
  return Math.abs(one.modifiedAt - other.modifiedAt) <= Math.max(1, precisionMs) ? "by-time" : "different";
}
