/** Uploads: a temporary file beside the target, fsync, the target's name in one step, fsync of the directory. */
import { createHash } from "node:crypto";
import { unlink } from "node:fs/promises";
import type { Clock } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { Entry, UploadOptions, UploadSource } from "../contract/mount.ts";
import {
  CREATE_FILE,
  chmodFile,
  closeFile,
  NO_FOLLOW,
  openFile,
  READ_FILE,
  readFully,
  setTimes,
  statFile,
  syncFile,
  toSeconds,
} from "./descriptors.ts";
import { toEntry } from "./entries.ts";
import { checkNewName, childId } from "./ids.ts";
import { lstatIfAny, place } from "./placing.ts";
import type { Directory, DiskPath } from "./root.ts";
import type { TemporaryNames } from "./temporary.ts";
import { writeBody } from "./writing.ts";

const VERIFY_CHUNK_BYTES = 1024 * 1024;

export interface UploadContext {
  readonly clock: Clock;
  readonly temporary: TemporaryNames;
  /** True: what is on the disk is read back, and its SHA-1 is part of the entry. */
  readonly verify: boolean;
}

/** Stores a body under a name in an open directory. Throws as `Mount.upload` says; nothing is left behind then. */
export async function storeFile(
  context: UploadContext,
  directory: Directory,
  parentId: string,
  name: string,
  source: UploadSource,
  o: UploadOptions,
): Promise<Entry> {
  checkNewName(name);
  // Before the first byte; the last word is spoken when the file gets its name.
  const old = await lstatIfAny(directory.at(name));
  if (old && o.conflict === "fail") throw new StorageError("already-exists", "the name is taken");
  if (old?.isDirectory() && o.conflict === "replace") {
    throw new StorageError("is-a-directory", "a folder has this name");
  }
  const temporary = await context.temporary.take();
  const path = directory.at(temporary);
  const fd = await openFile(path, CREATE_FILE, 0o666);
  try {
    await writeBody(fd, await source.open(), {
      ...(source.size !== undefined && { size: source.size }),
      signal: o.signal,
      ...(o.onProgress && { onProgress: o.onProgress.bind(o) }),
    });
    if (old?.isFile()) await chmodFile(fd, old.mode & 0o777);
    if (source.modifiedAt !== undefined) {
      await setTimes(fd, toSeconds(context.clock.now()), toSeconds(source.modifiedAt));
    }
    await syncFile(fd);
    const sha1 = context.verify ? await verifiedSha1(path, source, o) : undefined;
    o.signal.throwIfAborted();
    const placed = await place(path, false, directory, name, o.conflict, context.temporary);
    await directory.sync();
    const entry = toEntry(childId(parentId, placed), placed, await statFile(fd))!;
    return sha1 === undefined ? entry : { ...entry, hashes: { sha1 } };
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw error;
  } finally {
    await closeFile(fd);
    context.temporary.release(temporary);
  }
}

/** Compared before the file gets its name: a wrong one never takes the place of the old one. */
async function verifiedSha1(path: DiskPath, source: UploadSource, o: UploadOptions): Promise<string> {
  const stored = await sha1Of(path, o);
  if (stored === (await source.digest("sha1"))) return stored;
  throw new StorageError("incomplete", "what is on the disk is not what was sent: its SHA-1 is another one", {
    reason: "verification-failed",
  });
}

async function sha1Of(path: DiskPath, o: UploadOptions): Promise<string> {
  const fd = await openFile(path, READ_FILE | NO_FOLLOW);
  try {
    const { size } = await statFile(fd);
    const hash = createHash("sha1");
    const chunk = Buffer.allocUnsafeSlow(VERIFY_CHUNK_BYTES);
    for (let at = 0; ; ) {
      o.signal.throwIfAborted();
      const bytes = await readFully(fd, chunk, at);
      hash.update(chunk.subarray(0, bytes));
      at += bytes;
      if (bytes < chunk.length) return hash.digest("hex");
      // No more is stored than before, but whoever waits learns that something goes on.
      o.onProgress?.(size);
    }
  } finally {
    await closeFile(fd);
  }
}
