/** Copies inside the root: what a listing shows, links as what they lead to. */
import { constants, type Stats } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import type { CopyOptions } from "../contract/mount.ts";
import {
  CREATE_FILE,
  chmodFile,
  closeFile,
  letGo,
  openFile,
  READ_FILE,
  setTimes,
  statFile,
  syncFile,
  toSeconds,
} from "./descriptors.ts";
import { codeOf } from "./errors.ts";
import { childId } from "./ids.ts";
import { type ListingContext, listDirectory } from "./listing.ts";
import { FileBody, openInside } from "./reading.ts";
import { type DiskPath, toDiskPath } from "./root.ts";
import { openUnfollowed } from "./trees.ts";
import { writeBody } from "./writing.ts";

/** Larger files are copied in chunks where the disk cannot share their blocks, so that an abort is heard. */
const LARGE_FILE_BYTES = 32 * 1024 * 1024;

/** Counts the bytes of one copy. */
export interface CopyProgress {
  bytes: number;
}

/** Copies a file or directory to a path where nothing is; the copy has the source's times and is on the disk when this resolves. */
export async function copyTree(
  context: ListingContext,
  id: string,
  isDirectory: boolean,
  to: DiskPath,
  o: CopyOptions,
  progress: CopyProgress,
): Promise<void> {
  o.signal.throwIfAborted();
  if (!isDirectory) {
    await copyOneFile(context, id, to, o, progress);
    return;
  }
  await mkdir(to);
  const target = await openUnfollowed(to);
  try {
    using source = await context.root.open(id);
    const stats = await source.stat();
    for await (const page of listDirectory(context, source, id, o.signal)) {
      for (const { name, kind } of page) {
        const into = toDiskPath(`${target.path}/${name}`);
        await copyTree(context, childId(id, name), kind === "directory", into, o, progress);
      }
    }
    await keepTimes(to, stats);
  } finally {
    target.close();
  }
}

async function copyOneFile(
  context: ListingContext,
  id: string,
  to: DiskPath,
  o: CopyOptions,
  progress: CopyProgress,
): Promise<void> {
  const source = await openInside(context.root, id);
  let stats: Stats;
  let handedOver = false;
  try {
    stats = await statFile(source);
    const from = context.root.known?.anchored ? `/proc/self/fd/${source}` : toDiskPath(context.root.known!.prefix + id);
    const large = stats.size > LARGE_FILE_BYTES;
    if (!(await copyAtOnce(from, to, large ? constants.COPYFILE_FICLONE_FORCE : constants.COPYFILE_FICLONE))) {
      handedOver = true;
      await copyInChunks(source, stats, to, o, progress);
    }
  } finally {
    if (!handedOver) letGo(source);
  }
  await keepTimes(to, stats);
  if (!handedOver) progress.bytes += stats.size;
  o.onProgress?.(progress.bytes);
}

/** False when blocks were to be shared and cannot be. */
async function copyAtOnce(from: DiskPath, to: DiskPath, mode: number): Promise<boolean> {
  try {
    await copyFile(from, to, mode | constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    const unable = ["ENOTSUP", "EOPNOTSUPP", "EXDEV", "ENOSYS", "EINVAL", "ENOTTY"].includes(codeOf(error) ?? "");
    if (mode !== constants.COPYFILE_FICLONE_FORCE || !unable) throw error;
    return false;
  }
}

/** Owns the source's descriptor. */
async function copyInChunks(
  source: number,
  stats: Stats,
  to: DiskPath,
  o: CopyOptions,
  progress: CopyProgress,
): Promise<void> {
  const body = new FileBody(source, 0, stats.size);
  let target: number;
  try {
    target = await openFile(to, CREATE_FILE, 0o600);
  } catch (error) {
    body.destroy();
    throw error;
  }
  const before = progress.bytes;
  try {
    await writeBody(target, body, {
      size: stats.size,
      signal: o.signal,
      onProgress(bytes) {
        progress.bytes = before + bytes;
        o.onProgress?.(progress.bytes);
      },
    });
    await chmodFile(target, stats.mode & 0o777);
  } finally {
    await closeFile(target);
  }
}

/** Gives the copy its source's times, and fsyncs it. */
async function keepTimes(path: DiskPath, stats: Stats): Promise<void> {
  const fd = await openFile(path, READ_FILE);
  try {
    await setTimes(fd, toSeconds(stats.atimeMs), toSeconds(stats.mtimeMs));
    await syncFile(fd);
  } finally {
    await closeFile(fd);
  }
}
