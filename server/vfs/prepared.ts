/** Bytes that fronts made of listings, kept on the disk: what a client scans again after a restart is neither read entry by entry nor written anew. */
import { hash } from "node:crypto";
import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Log } from "#drivers/contract/driver.ts";
import { createPrivately } from "../store/data-folder.ts";

/** Most bytes kept on the disk; the oldest go first. */
const QUOTA_BYTES = 256 * 1024 * 1024;

/** Larger answers are made anew: they are few, and would push out many. */
const MAX_BYTES = 256 * 1024;

/** Bytes that may wait to be written; what comes while more wait is not kept. Most of them are in the front's memory anyway. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** Bytes written in one turn of the event loop. */
const TURN_BYTES = 512 * 1024;

/** How long bytes wait for company before they are written, in milliseconds. */
const WRITE_AFTER_MS = 50;

/** Rows removed at a time where the quota is passed. */
const EVICTED_ROWS = 200;

/** Prepared bytes by a key that names everything they depend on, the listing's version among it (`Listing.version`). */
export interface Prepared {
  get(key: string): Buffer | undefined;
  /** Keeps bytes, some time later; they must not be changed any more. */
  keep(key: string, bytes: Buffer): void;
  close(): void;
}

/**
 * Opens the file of a data folder. Versions are only worth something while the tree has forgotten nothing, so what is kept counts only when the
 * start before this one (`start` counts them) closed the file in order; else it is begun anew, as it is when it cannot be read.
 */
export function openPrepared(path: string, start: number, log: Log, quotaBytes = QUOTA_BYTES): Prepared {
  try {
    return open(path, start, log, quotaBytes);
  } catch (error) {
    log.warn({ file: path, err: error }, "the file of prepared listings cannot be used: it is made anew");
    for (const suffix of ["", "-journal"]) rmSync(path + suffix, { force: true });
    return open(path, start, log, quotaBytes);
  }
}

function open(path: string, start: number, log: Log, quotaBytes: number): Prepared {
  createPrivately(path);
  const db = new DatabaseSync(path);
  db.exec(`pragma journal_mode = off; pragma synchronous = off; pragma page_size = 8192;
    create table if not exists prepared (r integer primary key, key text not null unique, bytes blob not null);
    create table if not exists closed (start integer not null);`);
  const closedBy = db.prepare("select max(start) as start from closed").get()?.start;
  if (closedBy !== start - 1) db.exec("delete from prepared");
  // From here until `close` nothing in the file counts for a start after a crash.
  db.exec("delete from closed");
  const find = db.prepare("select bytes from prepared where key = ?");
  const insert = db.prepare("insert or replace into prepared (key, bytes) values (?, ?)");
  const size = db.prepare("select coalesce(sum(length(bytes)), 0) as bytes from prepared");
  const oldest = db.prepare("select r, length(bytes) as bytes from prepared order by r limit ?");
  const remove = db.prepare("delete from prepared where r <= ?");
  const waiting = new Map<string, Buffer>();
  let waitingBytes = 0;
  let keptBytes = Number(size.get()?.bytes ?? 0);
  let timer: NodeJS.Timeout | undefined;
  let isBroken = false;

  function writeInTurns(): void {
    timer = undefined;
    try {
      writeSome();
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
    db.exec("begin");
    for (const [key, bytes] of waiting) {
      insert.run(key, bytes);
      waiting.delete(key);
      waitingBytes -= bytes.length;
      keptBytes += bytes.length;
      written += bytes.length;
      if (written >= TURN_BYTES) break;
    }
    if (keptBytes > quotaBytes) evict();
    db.exec("commit");
  }

  function evict(): void {
    const rows = oldest.all(EVICTED_ROWS);
    remove.run(rows.at(-1)?.r ?? 0);
    for (const row of rows) keptBytes -= Number(row.bytes);
  }

  return {
    get(key) {
      const digest = digestOf(key);
      const soon = waiting.get(digest);
      if (soon) return soon;
      const bytes = find.get(digest)?.bytes as Uint8Array | undefined;
      return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    keep(key, bytes) {
      if (isBroken || bytes.length > MAX_BYTES || waitingBytes + bytes.length > MAX_WAITING_BYTES) return;
      const digest = digestOf(key);
      if (waiting.has(digest)) return;
      waiting.set(digest, bytes);
      waitingBytes += bytes.length;
      timer ??= setTimeout(writeInTurns, WRITE_AFTER_MS).unref();
    },
    close() {
      clearTimeout(timer);
      try {
        while (waiting.size > 0) writeSome();
        if (!isBroken) db.prepare("insert into closed (start) values (?)").run(start);
      } catch (error) {
        giveUp(error);
      } finally {
        db.close();
      }
    },
  };
}

function digestOf(key: string): string {
  return hash("sha1", key, "base64");
}
