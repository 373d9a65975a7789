/** What a call on many has done to each (sjtu-pan.md §3.7, §3.8). */
import { StorageError } from "../contract/errors.ts";
import type { BatchOutcome, CallOptions } from "../contract/mount.ts";
import type { PanContext } from "./mount.ts";
import { errorOf } from "./reply.ts";
import { followTask } from "./tasks.ts";
import type { BatchAnswer, WireOutcome } from "./wire.ts";

/**
 * One outcome for each of `asked`, in the words of the request: paths, or ids. A task is followed to its end.
 * Throws `incomplete` where only a part was done, and nobody says which.
 */
export async function settle(
  { api, env }: PanContext,
  { result, taskId }: BatchAnswer,
  asked: readonly string[],
  o: CallOptions,
): Promise<readonly BatchOutcome[]> {
  if (!taskId) return toOutcomes(result, asked);
  const task = await followTask(env, api, taskId, o, () => {});
  if (Array.isArray(task.result)) return toOutcomes(task.result, asked);
  if (task.status === 207) throw partly();
  return asked.map(() => ({}));
}

/** By its place in the answer, or by its path where the answer names fewer. */
function toOutcomes(
  result: readonly WireOutcome[] | null | undefined,
  asked: readonly string[],
): readonly BatchOutcome[] {
  if (!result) return asked.map(() => ({}));
  if (result.length === asked.length) return result.map(toOutcome);
  const byPath = new Map(result.map((one) => [one.path?.join("/"), one]));
  return asked.map((path) => {
    const one = byPath.get(path);
    if (one) return toOutcome(one);
    throw partly();
  });
}

function toOutcome(one: WireOutcome): BatchOutcome {
  const { status = 200 } = one;
  return status >= 400 ? { error: errorOf(status, one) } : {};
}

/** For what the service did to some, without saying to which. */
export function partly(): StorageError {
  return new StorageError("incomplete", "SJTU Pan did a part only, and did not say which: look before going on");
}
