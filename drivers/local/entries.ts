/** What a name on the disk is to the outside: a file, a directory, or nothing that can be shown. */
import { fstatSync, type Stats } from "node:fs";
import { lstat, realpath } from "node:fs/promises";
import { sep } from "node:path";
import type { Entry } from "../contract/mount.ts";
import { decodeName } from "../kit/bytes.ts";
import { letGo, NO_FOLLOW, O_PATH, openFile, statFile } from "./descriptors.ts";
import { codeOf, notThere } from "./errors.ts";
import { childId, splitId } from "./ids.ts";
import { type Directory, pathOfDescriptor, type Root, toDiskPath } from "./root.ts";
import { isHidden } from "./temporary.ts";

/** Node keeps nanoseconds in a double of milliseconds: this is the precision that survives, in milliseconds. */
export const TIME_PRECISION_MS = 0.001;

/** The entry of a file or directory; undefined for what is neither (a socket, a device, a link that was not followed). */
export function toEntry(id: string, name: string, stats: Stats): Entry | undefined {
  const modifiedAt = toTime(stats.mtimeMs);
  const createdAt = toTime(stats.birthtimeMs);
  if (stats.isFile()) {
    return { id, name, kind: "file", size: stats.size, modifiedAt, createdAt, version: versionOf(stats) };
  }
  if (!stats.isDirectory()) return undefined;
  return { id, name, kind: "directory", modifiedAt, createdAt, version: `${stats.ino}-${stats.mtimeMs}` };
}

/** What changes with a file's content: another file under the name, another size, another time. */
export function versionOf({ ino, size, mtimeMs }: Stats): string {
  return `${ino}-${size}-${mtimeMs}`;
}

/** What a link leads to. */
export interface Followed {
  /** The target's id by its real path. */
  readonly realId: string;
  readonly stats: Stats;
}

/**
 * Follows a link in a directory; undefined where it may not be shown: it dangles, leaves the root, or leads to a directory from which the listing
 * would come back here (one that holds it, or any at all when a link led here already), so that no walk is endless.
 */
export async function followLink(root: Root, directory: Directory, name: string): Promise<Followed | undefined> {
  let target: { readonly path: string; readonly stats: Stats };
  try {
    target = root.known?.anchored ? await targetByDescriptor(directory, name) : await targetByPath(directory, name);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "ENXIO"].includes(codeOf(error) ?? "")) return undefined;
    throw error;
  }
  const realId = root.idOf(target.path);
  if (realId === undefined || realId.split("/").some(isHidden)) return undefined;
  if (target.stats.isDirectory()) {
    const holdsIt = realId === "" || directory.realId === realId || directory.realId.startsWith(`${realId}/`);
    if (directory.throughLink || holdsIt) return undefined;
  }
  return { realId, stats: target.stats };
}

/** The entry of a name in an open directory. Throws `not-found` also for what no listing shows. */
export async function entryAt(root: Root, directory: Directory, parentId: string, name: string): Promise<Entry> {
  if (isHidden(name)) throw notThere();
  let stats = await lstat(directory.at(name));
  if (stats.isSymbolicLink()) {
    const followed = await followLink(root, directory, name);
    if (!followed) throw notThere();
    stats = followed.stats;
  }
  const entry = toEntry(childId(parentId, name), name, stats);
  if (!entry) throw notThere();
  return entry;
}

/**
 * The entry of an id in one look at the disk: most paths hold no link, and then where the open file says that it is (proc(5)) is where it was asked
 * for. Undefined where that cannot be done, or a link is on the way: the longer way then finds out. Throws the disk's own errors.
 */
export async function quickEntry(root: Root, id: string): Promise<Entry | undefined> {
  const { prefix, anchored, quick } = await root.identity();
  if (!anchored || !quick) return undefined;
  const { name } = splitId(id);
  if (isHidden(name)) return undefined;
  // O_PATH opens nothing: neither a device nor a pipe notices.
  const fd = await openFile(toDiskPath(prefix + id), O_PATH | NO_FOLLOW);
  try {
    return pathOfDescriptor(fd) === prefix + id ? toEntry(id, name, fstatSync(fd)) : undefined;
  } finally {
    letGo(fd);
  }
}

/** The directory and name where an id's content really is, links followed. Dispose of the directory. Throws `not-found`. */
export async function openContent(root: Root, id: string): Promise<{ directory: Directory; name: string }> {
  const { parent, name } = splitId(id);
  const directory = await root.open(parent);
  try {
    if (!(await lstat(directory.at(name))).isSymbolicLink()) return { directory, name };
    const followed = await followLink(root, directory, name);
    if (!followed) throw notThere();
    const real = splitId(followed.realId);
    const realDirectory = await root.open(real.parent);
    directory[Symbol.dispose]();
    return { directory: realDirectory, name: real.name };
  } catch (error) {
    directory[Symbol.dispose]();
    throw error;
  }
}

function toTime(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

async function targetByDescriptor(directory: Directory, name: string): Promise<{ path: string; stats: Stats }> {
  // O_PATH opens nothing: a link to a device or a pipe has no effect.
  const fd = await openFile(directory.at(name), O_PATH);
  try {
    return { path: pathOfDescriptor(fd), stats: await statFile(fd) };
  } finally {
    letGo(fd);
  }
}

async function targetByPath(directory: Directory, name: string): Promise<{ path: string; stats: Stats }> {
  const real = decodeName(await realpath(directory.at(name), { encoding: "buffer" }));
  const path = sep === "\\" ? real.replaceAll("\\", "/") : real;
  return { path, stats: await lstat(toDiskPath(path)) };
}
