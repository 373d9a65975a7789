/** Bytes that fronts made of listings, kept on the disk: what a client scans again after a restart is neither read entry by entry nor written anew. */
import type { Log } from "#drivers/contract/driver.ts";
import { PreparedFile, removePreparedFiles } from "./prepared-file.ts";

/** Most bytes kept on the disk; the older half goes when they are reached. */
const QUOTA_BYTES = 256 * 1024 * 1024;

/** Larger answers are made anew: they are few, and would push out many. */
const MAX_BYTES = 256 * 1024;

/** Bytes that may wait to be written; what comes while more wait is not kept. Most of them are in the front's memory anyway. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** Bytes written in one turn of the event loop. */
const TURN_BYTES = 512 * 1024;

/** How long bytes wait for company before they are written, in milliseconds. */
const WRITE_AFTER_MS = 50;

/** Prepared bytes by a key that names everything they depend on, the listing's version among it (`Listing.version`). */
export interface Prepared {
  /** How many bytes are kept under a key; undefined when none are. */
  lengthOf(key: string): number | undefined;
  /** Copies what is kept under a key to `target`, from `at`. False when it is gone; what stands in `target` then means nothing. */
  copy(key: string, target: Buffer, at: number): boolean;
  /** Keeps bytes, some time later; they must not be changed any more. */
  keep(key: string, bytes: Buffer): void;
  close(): void;
}

/**
 * Opens the files `<path>.*` of a data folder. Versions are only worth something while the tree has forgotten nothing, so what is kept counts only
 * when the start before this one (`start` counts them) closed the files in order; else they are begun anew, as when they cannot be read.
 */
export function openPrepared(path: string, start: number, log: Log, quotaBytes = QUOTA_BYTES): Prepared {
  let file: PreparedFile;
  try {
    file = new PreparedFile(path, start - 1, quotaBytes);
  } catch (error) {
    log.warn({ file: path, err: error }, "the files of prepared listings cannot be used: they are made anew");
    removePreparedFiles(path);
    file = new PreparedFile(path, start - 1, quotaBytes);
  }
  const waiting = new Map<string, Buffer>();
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let isBroken = false;

  function writeInTurns(): void {
    timer = undefined;
    try {
      writeSome();
      if (waiting.size === 0) file.flush();
    } catch (error) {
      giveUp(error);
    }
    if (waiting.size > 0) timer = setTimeout(writeInTurns, 1);
  }

  /** A disk that is full or read-only costs nothing but speed: nothing more is kept, and what is there does not count for the next start. */
  function giveUp(error: unknown): void {
    log.warn(
      { file: path, err: error },
      "prepared listings cannot be kept on the disk; they are made anew after a restart",
    );
    isBroken = true;
    waiting.clear();
    waitingBytes = 0;
  }

  function writeSome(): void {
    let written = 0;
    for (const [key, bytes] of waiting) {
      file.append(key, bytes);
      waiting.delete(key);
      waitingBytes -= bytes.length;
      written += bytes.length;
      if (written >= TURN_BYTES) break;
    }
  }

  return {
    lengthOf: (key) => waiting.get(key)?.length ?? file.lengthOf(key),
    copy(key, target, at) {
      const soon = waiting.get(key);
      if (!soon) return file.read(key, target, at);
      soon.copy(target, at);
      return true;
    },
    keep(key, bytes) {
      if (isBroken || bytes.length > MAX_BYTES || waitingBytes + bytes.length > MAX_WAITING_BYTES) return;
      if (waiting.has(key)) return;
      waiting.set(key, bytes);
      waitingBytes += bytes.length;
      timer ??= setTimeout(writeInTurns, WRITE_AFTER_MS).unref();
    },
    close() {
      clearTimeout(timer);
      try {
        while (waiting.size > 0) writeSome();
        if (isBroken) file.close();
        else file.closeInOrder(start);
      } catch (error) {
        giveUp(error);
      }
    },
  };
}
