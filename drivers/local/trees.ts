/** Whole trees, without ever following a link. */
import { readdir, rmdir, unlink } from "node:fs/promises";
import { sep } from "node:path";
import { letGo, NO_FOLLOW, openFile, READ_DIRECTORY } from "./descriptors.ts";
import { codeOf } from "./errors.ts";
import type { DiskPath } from "./root.ts";

/** Removes a file, a link (never its target), or a directory with all in it. Throws ENOENT when it is not there. */
export async function removeTree(path: DiskPath, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await unlink(path);
    return;
  } catch (error) {
    // Linux says EISDIR of a directory, others EPERM.
    if (codeOf(error) !== "EISDIR" && codeOf(error) !== "EPERM") throw error;
  }
  await emptyDirectory(path, signal);
  await rmdir(path);
}

async function emptyDirectory(path: DiskPath, signal: AbortSignal): Promise<void> {
  // Through a descriptor, so that a directory swapped for a link after it was looked at is not walked.
  const inside = await openUnfollowed(path);
  try {
    for (const name of await readdir(inside.path, { encoding: "buffer" })) {
      await removeTree(joinBytes(inside.path, name), signal).catch((error: unknown) => {
        if (codeOf(error) !== "ENOENT") throw error;
      });
    }
  } finally {
    inside.close();
  }
}

/** An open directory that is no link, as a path; where there is no `/proc`, the path itself. */
export async function openUnfollowed(path: DiskPath): Promise<{ readonly path: DiskPath; close(): void }> {
  if (!hasDescriptorPaths(path)) return { path, close: () => undefined };
  const fd = await openFile(path, READ_DIRECTORY | NO_FOLLOW);
  return { path: `/proc/self/fd/${fd}`, close: () => letGo(fd) };
}

/** The path of a name, as bytes, in a directory. */
function joinBytes(directory: DiskPath, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(directory), Buffer.from(sep), name]);
}

function hasDescriptorPaths(path: DiskPath): boolean {
  return path.toString("latin1").startsWith("/proc/self/fd/");
}
