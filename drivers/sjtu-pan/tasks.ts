/** Asynchronous jobs of the service, followed to their end (sjtu-pan.md §3.7). */
import type { DriverEnv } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { CallOptions } from "../contract/mount.ts";
import type { FileApi } from "./file-api.ts";
import { withPatience } from "./patience.ts";
import { errorOf } from "./reply.ts";
import type { Task } from "./wire.ts";

/** Pause between two questions in milliseconds: it grows from the first to the last. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 5000;

/** Longest time that a task is followed, in milliseconds. A task that takes longer is a failure: nobody knows then whether it did its work. */
const MAX_TASK_MS = 6 * 3_600_000;

/**
 * The finished task; where it did a part only (207), that is for the caller to read. Throws what a failed task says, `timeout` when it does not end.
 * `alive` is called with every answer. An abort ends the waiting, not the task.
 */
export async function followTask(
  env: Pick<DriverEnv, "clock" | "random">,
  api: FileApi,
  taskId: number,
  o: CallOptions,
  alive: () => void,
): Promise<Task> {
  const giveUpAt = env.clock.now() + MAX_TASK_MS;
  for (let pause = 0; ; pause = Math.min(pause + FIRST_PAUSE_MS, LONGEST_PAUSE_MS)) {
    if (pause > 0) await env.clock.sleep(pause, o.signal);
    const task = await withPatience(env, o, () => api.task(taskId, o));
    alive();
    if (!task) throw new StorageError("upstream", `SJTU Pan does not know its task ${taskId} any more`);
    const status = task.status ?? 202;
    if (status >= 400) throw errorOf(status, task);
    if (status !== 202) return task;
    if (env.clock.now() >= giveUpAt) {
      throw new StorageError("timeout", `SJTU Pan's task ${taskId} has not ended after six hours`);
    }
  }
}
