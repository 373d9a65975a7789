/** Complete listings out of pages that shift when something changes between them (sjtu-pan.md §3.2). */
import { StorageError } from "../contract/errors.ts";
import type { CallOptions, Entry } from "../contract/mount.ts";
import { toEntry } from "./entries.ts";
import type { FileApi } from "./file-api.ts";
import type { Item } from "./wire.ts";

/** Passes over a directory that changes while it is read. */
const MAX_PASSES = 4;

/**
 * A directory's entries, page by page, each once. Where the directory changed meanwhile, it is read again for what was missed.
 * Throws `unavailable` when it never stands still.
 */
export async function* listEntries(
  api: FileApi,
  path: string,
  directoryId: string,
  o: CallOptions,
): AsyncGenerator<readonly Entry[], void, void> {
  const handedOn = new Set<string>();
  for (let pass = 1; ; pass++) {
    const isWhole = yield* passOver(api, path, directoryId, handedOn, o);
    if (isWhole) return;
    if (pass === MAX_PASSES) {
      throw new StorageError("unavailable", "the folder changes faster than it can be listed", { retryable: true });
    }
  }
}

/** Hands on what no pass did before; returns whether the pages fit together. */
async function* passOver(
  api: FileApi,
  path: string,
  directoryId: string,
  handedOn: Set<string>,
  o: CallOptions,
): AsyncGenerator<readonly Entry[], boolean, void> {
  const seen = new Set<string>();
  let total: number | undefined;
  for (let page = 1; ; page++) {
    const { contents, totalNum } = await api.list(path, page, o);
    const says = totalNum ?? undefined;
    if (page > 1 && says !== total) return false;
    total = says;
    const before = seen.size;
    for (const { name } of contents) if (name) seen.add(name);
    const isNew = seen.size - before === contents.length;
    const fresh = toEntries(contents, directoryId, handedOn);
    // The first page goes out even when it is empty: it says that the directory is there.
    if (fresh.length > 0 || page === 1) yield fresh;
    if (!isNew) return false;
    if (total !== undefined && seen.size >= total) return seen.size === total;
    if (contents.length === 0) return total === undefined;
  }
}

function toEntries(contents: readonly Item[], directoryId: string, handedOn: Set<string>): readonly Entry[] {
  const fresh: Entry[] = [];
  for (const item of contents) {
    // Links exist in other libraries of the product alone.
    if (item.type === "symlink" || !item.name || handedOn.has(item.name)) continue;
    handedOn.add(item.name);
    fresh.push(toEntry(item, directoryId));
  }
  return fresh;
}
