/** The drive's recycle bin (sjtu-pan.md §3.8). The service refuses with `unsupported` where it is switched off. */
import { StorageError } from "../contract/errors.ts";
import type { BatchOutcome, CallOptions, Trash, TrashedEntry } from "../contract/mount.ts";
import { partly, settle } from "./batches.ts";
import type { PanContext } from "./mount.ts";
import { followTask } from "./tasks.ts";
import { type BatchAnswer, bytesOf, type TrashedItem, timeOf } from "./wire.ts";

export function createTrash(context: PanContext): Trash {
  const { api, env, paths } = context;

  /** One outcome each: by the call for one where it is one, else by the call for many. */
  async function each(
    ids: readonly string[],
    o: CallOptions,
    one: (id: number) => Promise<void>,
    many: (ids: readonly number[]) => Promise<BatchAnswer>,
  ): Promise<readonly BatchOutcome[]> {
    o.signal.throwIfAborted();
    const numbers = ids.map(numberOf);
    if (numbers.length === 0) return [];
    if (numbers.length > 1) return settle(context, await many(numbers), ids, o);
    try {
      await one(numbers[0]!);
      return [{}];
    } catch (error) {
      if (!(error instanceof StorageError && error.kind === "not-found")) throw error;
      return [{ error }];
    }
  }

  return {
    async *list(o) {
      o.signal.throwIfAborted();
      const seen = new Set<string>();
      for (let page = 1; ; page++) {
        const { contents, totalNum } = await api.listTrash(page, o);
        const fresh = contents.map((item) => toTrashed(item, paths)).filter(({ id }) => !seen.has(id));
        for (const { id } of fresh) seen.add(id);
        yield fresh;
        if (fresh.length === 0 || seen.size >= (totalNum ?? Number.POSITIVE_INFINITY)) return;
      }
    },

    restore: (ids, o) =>
      each(
        ids,
        o,
        (id) => api.restore(id, "rename", o),
        (many) => api.restoreMany(many, o),
      ),

    purge: (ids, o) =>
      each(
        ids,
        o,
        (id) => api.purge(id, o),
        (many) => api.purgeMany(many, o),
      ),

    async empty(o) {
      o.signal.throwIfAborted();
      const { taskId } = await api.emptyTrash(o);
      if (!taskId) return;
      const { status } = await followTask(env, api, taskId, o, () => {});
      if (status === 207) throw partly();
    },
  };
}

function toTrashed(item: TrashedItem, paths: PanContext["paths"]): TrashedEntry {
  const kind = item.type === "dir" ? "directory" : "file";
  const size = kind === "file" ? bytesOf(item.size) : undefined;
  const removedAt = timeOf(item.removalTime);
  // The bin is the whole drive's: what was outside the mount's folder has no path in it.
  const original = item.originalPath && paths.idOf(item.originalPath);
  return {
    id: String(item.recycledItemId),
    name: item.name,
    kind,
    ...(size !== undefined && { size }),
    ...(removedAt !== undefined && { removedAt }),
    ...(original && { originalPath: original.split("/") }),
  };
}

function numberOf(id: string): number {
  const number = Number(id);
  if (Number.isSafeInteger(number) && id !== "") return number;
  throw new StorageError("not-found", "it is not in the recycle bin");
}
