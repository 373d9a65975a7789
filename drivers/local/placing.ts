/** Giving something its final name, as the conflict rule says, in one step that nobody can come between. */
import type { Stats } from "node:fs";
import { link, lstat, mkdir, open, rename, rmdir, unlink } from "node:fs/promises";
import { StorageError } from "../contract/errors.ts";
import type { Conflict } from "../contract/mount.ts";
import { numberedName } from "../kit/names.ts";
import { codeOf } from "./errors.ts";
import type { Directory, DiskPath } from "./root.ts";
import type { TemporaryNames } from "./temporary.ts";
import { removeTree } from "./trees.ts";

/** Numbered names tried before giving up. */
const MOST_NUMBERS = 10_000;

/** Codes of file systems that have no hard links: FAT, exFAT, some of FUSE and SMB. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/**
 * Moves `from` (on the same file system) to a name in a directory and returns the name it got.
 * `fail`: `already-exists`, and what is there stays. `replace`: of a file by a file it is atomic. `rename`: the next free numbered name.
 */
export async function place(
  from: DiskPath,
  isDirectory: boolean,
  directory: Directory,
  name: string,
  conflict: Conflict,
  temporary: TemporaryNames,
): Promise<string> {
  if (conflict === "replace") {
    await replace(from, isDirectory, directory, name, temporary);
    return name;
  }
  const placeNew = isDirectory ? placeDirectory : placeFile;
  for (let n = 0; n <= MOST_NUMBERS; n++) {
    const candidate = n === 0 ? name : numberedName(name, n, isDirectory ? "directory" : "file");
    try {
      await placeNew(from, directory.at(candidate));
      return candidate;
    } catch (error) {
      if (conflict === "rename" && codeOf(error) === "EEXIST") continue;
      throw error;
    }
  }
  throw new StorageError("already-exists", `${MOST_NUMBERS} numbered names are taken`);
}

/** lstat, with undefined for what does not exist. */
export async function lstatIfAny(path: DiskPath): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** link(2) fails where rename(2) would silently replace. */
async function placeFile(from: DiskPath, to: DiskPath): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error) ?? "")) throw error;
    // Without hard links the name is reserved by an empty file that is ours alone.
    await (await open(to, "wx")).close();
    await rename(from, to).catch(async (failure: unknown) => {
      await unlink(to);
      throw failure;
    });
    return;
  }
  await unlink(from);
}

/** rename(2) replaces an empty directory, so one of our own is made first: making it fails where the name is taken. */
async function placeDirectory(from: DiskPath, to: DiskPath): Promise<void> {
  await mkdir(to);
  try {
    await rename(from, to);
  } catch (error) {
    await rmdir(to).catch(() => undefined);
    if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") {
      throw new StorageError("already-exists", "the name is taken", { cause: error });
    }
    throw error;
  }
}

async function replace(
  from: DiskPath,
  isDirectory: boolean,
  directory: Directory,
  name: string,
  temporary: TemporaryNames,
): Promise<void> {
  const to = directory.at(name);
  const old = await lstatIfAny(to);
  if (!old || !(isDirectory || old.isDirectory())) {
    const moved = await lstat(from);
    await rename(from, to);
    // rename(2) does nothing at all where both names are the same file already.
    if (old?.ino === moved.ino && old.dev === moved.dev) await removeIfThere(from);
    return;
  }
  // Kept under its own name, so that a sweep can give it back if this process dies between the two steps.
  const keeper = await temporary.take("keeper");
  const kept = directory.at(`${keeper}/${name}`);
  try {
    await mkdir(directory.at(keeper));
    try {
      await rename(to, kept);
    } catch (error) {
      await rmdir(directory.at(keeper));
      throw error;
    }
    try {
      await rename(from, to);
    } catch (error) {
      await giveBack(kept, to, error);
      await rmdir(directory.at(keeper));
      throw error;
    }
    await removeTree(directory.at(keeper), new AbortController().signal);
  } finally {
    temporary.release(keeper);
  }
}

async function giveBack(kept: DiskPath, to: DiskPath, error: unknown): Promise<void> {
  try {
    await rename(kept, to);
  } catch {
    throw new StorageError("incomplete", "the old entry was put aside and could not be put back", { cause: error });
  }
}

async function removeIfThere(path: DiskPath): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}
