/** The service's items as entries. */
import { StorageError } from "../contract/errors.ts";
import type { Entry } from "../contract/mount.ts";
import { childId } from "./paths.ts";
import { bytesOf, type Item, timeOf } from "./wire.ts";

/** The mount's root; the service's own item for it is not known for sure (sjtu-pan.md §3.3). */
export const ROOT: Entry = { id: "", name: "", kind: "directory" };

/** The entry of an item in a directory; `name` where the item does not say it. Throws `upstream` on a name that no path can hold. */
export function toEntry(item: Item, parentId: string, name?: string): Entry {
  const called = item.name ?? name;
  if (!called || called.includes("/")) {
    throw new StorageError("upstream", "SJTU Pan named an entry in a way that no path can hold");
  }
  const created = timeOf(item.creationTime);
  const modified = timeOf(item.modificationTime);
  const shared = {
    id: childId(parentId, called),
    name: called,
    ...(modified !== undefined && { modifiedAt: modified }),
    ...(created !== undefined && { createdAt: created }),
  };
  if (isDirectory(item)) return { ...shared, kind: "directory" };
  const size = bytesOf(item.size);
  const version = item.eTag?.replace(/^W\//, "").replaceAll('"', "");
  return {
    ...shared,
    kind: "file",
    ...(size !== undefined && { size }),
    ...(version && { version }),
    // The field is missing for some old objects (sjtu-pan.md §13, V-11).
    ...(item.crc64 && /^\d{1,20}$/.test(item.crc64) && { hashes: { crc64: String(BigInt(item.crc64)) } }),
  };
}

/** Everything else is a file (sjtu-pan.md §3.2). */
export function isDirectory({ type }: Pick<Item, "type">): boolean {
  return type === "dir";
}

/** Throws `permission-denied` for the root. */
export function refuseRoot(entry: Entry): void {
  if (entry.id !== ROOT.id) return;
  throw new StorageError("permission-denied", "the mount's root cannot be moved, copied or removed");
}
