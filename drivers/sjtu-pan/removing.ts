/** Removal, many entries in one call (sjtu-pan.md §3.6, §3.7). */
import { StorageError } from "../contract/errors.ts";
import type { BatchOutcome, Entry, Mount, RemoveOptions } from "../contract/mount.ts";
import { oneByOne } from "../kit/batch.ts";
import { settle } from "./batches.ts";
import { refuseRoot } from "./entries.ts";
import type { PanContext } from "./mount.ts";

/** Entries of one request. */
const BATCH_SIZE = 500;

/** Answers that mean that the service has no such batch: it is then done one by one until the mount is opened again. */
const NO_BATCH: readonly unknown[] = ["ParamInvalid", "BadRequest", "NotFound"];

export function createRemove(context: PanContext): NonNullable<Mount["remove"]> {
  const { api, paths } = context;
  let hasBatch = true;

  async function removeOne(entry: Entry, o: RemoveOptions): Promise<undefined> {
    refuseRoot(entry);
    const resource = entry.kind === "file" ? "file" : "directory";
    await api.delete(resource, paths.encoded(entry.id), o.mode === "permanent", o);
  }

  async function removeMany(entries: readonly Entry[], o: RemoveOptions): Promise<readonly BatchOutcome[]> {
    const plain = entries.map((entry) => {
      refuseRoot(entry);
      return paths.plain(entry.id);
    });
    return settle(context, await api.deleteMany(plain, o.mode === "permanent", o), plain, o);
  }

  return async (entries, o) => {
    o.signal.throwIfAborted();
    const outcomes: BatchOutcome[] = [];
    for (let at = 0; at < entries.length; at += BATCH_SIZE) {
      const some = entries.slice(at, at + BATCH_SIZE);
      if (some.length > 1 && hasBatch) {
        try {
          outcomes.push(...(await removeMany(some, o)));
          continue;
        } catch (error) {
          if (!isUnable(error)) throw error;
          hasBatch = false;
        }
      }
      outcomes.push(...(await oneByOne(some, o.signal, (entry) => removeOne(entry, o))));
    }
    return outcomes;
  };
}

function isUnable(error: unknown): boolean {
  if (!(error instanceof StorageError)) return false;
  const { status, code } = error.upstream ?? {};
  return status === 405 || status === 501 || NO_BATCH.includes(code);
}
