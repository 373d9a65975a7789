/** The drive's recycle bin (sjtu-pan.md §3.8). The service refuses with `unsupported` where it is switched off. */
import { StorageError } from "../contract/errors.ts";
import type { BatchOutcome, CallOptions, Trash, TrashedEntry } from "../contract/mount.ts";
import type { PanContext } from "./mount.ts";
import { toOutcomes } from "./removing.ts";
import { followTask } from "./tasks.ts";
import { bytesOf, type TrashedItem, timeOf } from "./wire.ts";

type Answer = Awaited<ReturnType<PanContext["api"]["restoreMany"]>>;

export function createTrash({ api, env, paths }: PanContext): Trash {
  /** The outcomes of a call on many, its task followed to the end. */
  async function settled(answer: Answer, ids: readonly string[], o: CallOptions): Promise<readonly BatchOutcome[]> {
    if (!answer.taskId) return toOutcomes(answer.result, ids);
    const { status, result } = await followTask(env, api, answer.taskId, o, () => {});
    if (Array.isArray(result)) return toOutcomes(result, ids);
    if (status !== 207) return ids.map(() => ({}));
    throw new StorageError("incomplete", "SJTU Pan did a part only: look at the recycle bin before going on");
  }

  /** One outcome each: by the call for one where it is one, else by the call for many. */
  async function each(
    ids: readonly string[],
    o: CallOptions,
    one: (id: number) => Promise<void>,
    many: (ids: readonly number[]) => Promise<Answer>,
  ): Promise<readonly BatchOutcome[]> {
    o.signal.throwIfAborted();
    const numbers = ids.map(numberOf);
    if (numbers.length === 0) return [];
    if (numbers.length > 1) return settled(await many(numbers), ids, o);
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
      if (taskId) await followTask(env, api, taskId, o, () => {});
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
