/** Files in which a body waits before it goes to a storage: a byte quota, owned files, nothing left behind. */
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange } from "#drivers/contract/mount.ts";

/** A body of unknown length reserves room in steps of this many bytes. */
const RESERVE_STEP = 64 * 1024 * 1024;

const CHUNK = 256 * 1024;

/** A whole body on our own disk. */
export interface SpoolFile {
  readonly size: number;
  open(range?: ByteRange): Promise<Readable>;
  /** Gives the file and its room back; safe to call twice. */
  remove(): Promise<void>;
}

/** Room on our own disk for a body that comes in pieces, in any order. */
export interface GatheredFile {
  readonly size: number;
  /** Takes one piece to its place. Throws `incomplete` where it is shorter or longer than it should be: its place then holds nothing that counts. */
  place(piece: Required<ByteRange>, body: Readable, signal: AbortSignal): Promise<void>;
  open(range?: ByteRange): Promise<Readable>;
  /** Gives the file and its room back; safe to call twice. */
  remove(): Promise<void>;
}

export class Spool {
  readonly #directory: string;
  readonly #quota: number;
  #reserved = 0;

  private constructor(directory: string, quota: number) {
    this.#directory = directory;
    this.#quota = quota;
  }

  /**
   * Opens the spool of a data folder and clears what a crash left in it: no durable row refers to a spool file in reply mode `through`.
   * Without a quota it may take half of the disk's free space (architecture.md §6).
   */
  static async open(dataDir: string, quotaBytes?: number): Promise<Spool> {
    const directory = join(dataDir, "spool");
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(directory)) await rm(join(directory, name), { force: true, recursive: true });
    const disk = await statfs(directory);
    return new Spool(directory, quotaBytes ?? Math.floor((disk.bavail * disk.bsize) / 2));
  }

  /** Bytes that files and promised files take. */
  get reserved(): number {
    return this.#reserved;
  }

  /** Room for so many bytes. Throws `quota-exceeded` where they do not fit. */
  async gather(size: number): Promise<GatheredFile> {
    if (this.#reserved + size > this.#quota) {
      throw new StorageError("quota-exceeded", `the spool is full: ${size} more bytes do not fit`);
    }
    this.#reserved += size;
    const path = join(this.#directory, randomUUID());
    let room = size;
    const remove = async () => {
      this.#reserved -= room;
      room = 0;
      await rm(path, { force: true });
    };
    try {
      await writeFile(path, "", { flag: "wx", mode: 0o600 });
    } catch (error) {
      await remove();
      throw error;
    }
    return {
      size,
      place: (piece, body, signal) => placePiece(path, piece, body, signal),
      open: async (range) => openRange(path, size, range),
      remove,
    };
  }

  /**
   * Takes a body to its end. Throws `quota-exceeded` before the first byte when a known size cannot fit, else as soon as it does not.
   * On any failure the file is gone and its room free again.
   */
  async receive(body: Readable, size: number | undefined, signal: AbortSignal): Promise<SpoolFile> {
    let room = 0;
    const take = (bytes: number) => {
      if (this.#reserved + bytes > this.#quota) {
        throw new StorageError("quota-exceeded", `the spool is full: ${bytes} more bytes do not fit`);
      }
      this.#reserved += bytes;
      room += bytes;
    };
    const path = join(this.#directory, randomUUID());
    let received = 0;
    const release = async () => {
      this.#reserved -= room;
      room = 0;
      await rm(path, { force: true });
    };
    try {
      if (size !== undefined) take(size);
      const count = async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          received += chunk.length;
          if (received > room) take(RESERVE_STEP);
          yield chunk;
        }
      };
      await pipeline(body, count, createWriteStream(path, { flags: "wx", mode: 0o600, highWaterMark: 1024 * 1024 }), {
        signal,
      });
    } catch (error) {
      await release();
      throw signal.aborted ? signal.reason : error;
    }
    return {
      size: received,
      open: async (range) => openRange(path, received, range),
      remove: release,
    };
  }
}

async function placePiece(
  path: string,
  { offset, length }: Required<ByteRange>,
  body: Readable,
  signal: AbortSignal,
): Promise<void> {
  let placed = 0;
  const count = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      placed += chunk.length;
      if (placed > length) throw new StorageError("incomplete", `more than the ${length} bytes of the piece came`);
      yield chunk;
    }
    if (placed < length) throw new StorageError("incomplete", `only ${placed} of the piece's ${length} bytes came`);
  };
  try {
    await pipeline(body, count, createWriteStream(path, { flags: "r+", start: offset, highWaterMark: 1024 * 1024 }), {
      signal,
    });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

function openRange(path: string, size: number, range: ByteRange | undefined): Readable {
  const start = range?.offset ?? 0;
  const end = Math.min(size, range?.length === undefined ? size : start + range.length);
  if (start >= end) return Readable.from([]);
  return createReadStream(path, { start, end: end - 1, highWaterMark: CHUNK });
}
