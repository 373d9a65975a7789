/** Changes by another's hand, told by the operating system (inotify(7) on Linux). */
import { closeSync, constants, openSync, watch } from "node:fs";
import { StorageError } from "../contract/errors.ts";
import { NO_FOLLOW, READ_DIRECTORY } from "./descriptors.ts";
import { codeOf, notThere, toStorageError } from "./errors.ts";
import { checkId } from "./ids.ts";
import { pathOfDescriptor, type Root, toDiskPath } from "./root.ts";
import { isHidden } from "./temporary.ts";

/**
 * Calls `changed` at every change in the directory until the signal aborts; the driver's own temporary files are none.
 * Throws `unsupported` where the system tells nothing (network disks, no watches left), `unavailable` before the first call to the mount.
 */
export function watchDirectory(root: Root, id: string, changed: () => void, signal: AbortSignal): void {
  const known = root.known;
  if (!known) throw new StorageError("unavailable", "the storage was not asked for anything yet");
  if (!known.quick) throw new StorageError("unsupported", "a network disk does not tell of changes");
  if (signal.aborted) return;
  checkId(id);
  const path = toDiskPath(known.prefix + id);
  try {
    if (known.anchored) {
      // The watch is on what the descriptor holds, and stays when it is closed.
      const fd = openSync(path, READ_DIRECTORY);
      try {
        if (root.idOf(pathOfDescriptor(fd)) === undefined) throw notThere();
        follow(`/proc/self/fd/${fd}`, changed, signal);
      } finally {
        closeSync(fd);
      }
    } else {
      closeSync(openSync(path, constants.O_RDONLY | NO_FOLLOW));
      follow(path, changed, signal);
    }
  } catch (error) {
    if (codeOf(error) === "ENOSPC" || codeOf(error) === "EMFILE") {
      throw new StorageError("unsupported", "the system has no watches left: raise fs.inotify.max_user_watches", {
        cause: error,
      });
    }
    throw toStorageError(error);
  }
}

function follow(path: string | Buffer, changed: () => void, signal: AbortSignal): void {
  const watcher = watch(path, { persistent: false }, (_event, name) => {
    if (name === null || !isHidden(name)) changed();
  });
  const stop = () => watcher.close();
  watcher.on("error", () => {
    watcher.close();
    changed();
  });
  watcher.once("close", () => signal.removeEventListener("abort", stop));
  signal.addEventListener("abort", stop, { once: true });
}
