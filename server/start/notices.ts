/** From what happens to mounts and tasks to what the owner is told. */
import type { Clock } from "#drivers/contract/driver.ts";
import type { Notifier } from "../notify/notifier.ts";
import { watchMounts } from "../notify/watch-mounts.ts";
import type { Tasks } from "../tasks/api.ts";
import type { Vfs } from "../vfs/api.ts";

/** Watches both until the returned function is called, which resolves when nothing is watched any more. */
export function watchForNotices(
  { vfs, tasks }: { readonly vfs: Pick<Vfs, "storages">; readonly tasks: Pick<Tasks, "subscribe"> },
  notifier: Notifier,
  clock: Clock,
): () => Promise<void> {
  const stopped = new AbortController();
  const ended = watchMounts(() => vfs.storages.list(), notifier, clock, stopped.signal);
  const unsubscribe = tasks.subscribe(({ task, removed }) => {
    if (removed !== undefined) return notifier.forget({ kind: "task", id: removed, taskKind: "", from: "" });
    if (!task) return;
    const { id, kind, state, subject, error } = task;
    const about = {
      kind: "task",
      id,
      taskKind: kind,
      from: subject.from,
      ...(subject.to !== undefined && { to: subject.to }),
    } as const;
    if (state === "failed") notifier.notify({ subject: about, state: "failed", message: error?.message ?? "" });
    // One that runs again is told of again when it fails again.
    else notifier.forget(about);
  });
  return async () => {
    unsubscribe();
    stopped.abort();
    await ended;
  };
}
