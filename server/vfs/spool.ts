/** Files in which a body waits before it goes to a storage: a byte quota, owned files, nothing left behind. */
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { link, mkdir, open, readdir, rm, statfs, writeFile } from "node:fs/promises";
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
  /** Its name, by which it is found again after a restart. */
  readonly id: string;
  readonly size: number;
  /** Throws `unavailable` once it is gone; whoever has opened it reads to the end. */
  open(range?: ByteRange): Promise<Readable>;
  /** Makes it outlast a power cut. */
  secure(): Promise<void>;
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
   * Opens the spool of a data folder and clears what a crash left in it, but for the files that `kept` names: those belong to durable rows.
   * Without a quota it may take half of the disk's free space (architecture.md §6).
   */
  static async open(dataDir: string, quotaBytes?: number, kept: ReadonlySet<string> = new Set()): Promise<Spool> {
    const directory = join(dataDir, "spool");
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(directory)) {
      if (!kept.has(name)) await rm(join(directory, name), { force: true, recursive: true });
    }
    const disk = await statfs(directory);
    return new Spool(directory, quotaBytes ?? Math.floor((disk.bavail * disk.bsize) / 2));
  }

  /** Bytes that files and promised files take. */
  get reserved(): number {
    return this.#reserved;
  }

  /** Throws `quota-exceeded` where so many bytes do not fit, in the quota or on the disk. */
  async demandRoom(size: number): Promise<void> {
    this.#demandQuota(size);
    const disk = await statfs(this.#directory);
    if (size > disk.bavail * disk.bsize) throw full(size);
  }

  /** A file that was kept over a restart. */
  kept(id: string, size: number): SpoolFile {
    this.#reserved += size;
    return this.#file(id, size, size);
  }

  /** The same content under another name; it takes no further room on the disk, but counts. */
  async duplicate(file: SpoolFile): Promise<SpoolFile> {
    this.#demandQuota(file.size);
    const id = randomUUID();
    this.#reserved += file.size;
    const copy = this.#file(id, file.size, file.size);
    try {
      await link(this.#path(file.id), this.#path(id));
      return copy;
    } catch (error) {
      await copy.remove();
      throw error;
    }
  }

  /** Room for so many bytes. Throws `quota-exceeded` where they do not fit. */
  async gather(size: number): Promise<GatheredFile> {
    this.#demandQuota(size);
    this.#reserved += size;
    const id = randomUUID();
    const file = this.#file(id, size, size);
    try {
      await writeFile(this.#path(id), "", { flag: "wx", mode: 0o600 });
    } catch (error) {
      await file.remove();
      throw error;
    }
    return { ...file, place: (piece, body, signal) => placePiece(this.#path(id), piece, body, signal) };
  }

  /**
   * Takes a body to its end. Throws `quota-exceeded` before the first byte when a known size cannot fit, else as soon as it does not.
   * On any failure the file is gone and its room free again.
   */
  async receive(body: Readable, size: number | undefined, signal: AbortSignal): Promise<SpoolFile> {
    const id = randomUUID();
    let room = 0;
    const take = (bytes: number) => {
      this.#demandQuota(bytes);
      this.#reserved += bytes;
      room += bytes;
    };
    let received = 0;
    try {
      if (size !== undefined) take(size);
      const count = async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          received += chunk.length;
          if (received > room) take(RESERVE_STEP);
          yield chunk;
        }
      };
      const options = { flags: "wx", mode: 0o600, highWaterMark: 1024 * 1024 } as const;
      await pipeline(body, count, createWriteStream(this.#path(id), options), { signal });
      return this.#file(id, received, room);
    } catch (error) {
      await this.#file(id, received, room).remove();
      if (signal.aborted) throw signal.reason;
      throw isDiskFull(error) ? full(size ?? received) : error;
    }
  }

  #path(id: string): string {
    return join(this.#directory, id);
  }

  #demandQuota(bytes: number): void {
    if (this.#reserved + bytes > this.#quota) throw full(bytes);
  }

  #file(id: string, size: number, reserved: number): SpoolFile {
    const path = this.#path(id);
    let room = reserved;
    return {
      id,
      size,
      open: (range) => openRange(path, size, range),
      secure: async () => {
        await flush(path);
        await flush(this.#directory);
      },
      remove: async () => {
        this.#reserved -= room;
        room = 0;
        await rm(path, { force: true });
      },
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

/** Opened before it is handed out: the file may be removed while somebody reads. */
async function openRange(path: string, size: number, range: ByteRange | undefined): Promise<Readable> {
  const start = range?.offset ?? 0;
  const end = Math.min(size, range?.length === undefined ? size : start + range.length);
  if (start >= end) return Readable.from([]);
  const handle = await open(path).catch((cause: unknown) => {
    throw new StorageError("unavailable", "the content does not wait here any more", { retryable: true, cause });
  });
  return handle.createReadStream({ start, end: end - 1, highWaterMark: CHUNK });
}

async function flush(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function full(bytes: number): StorageError {
  return new StorageError("quota-exceeded", `the spool is full: ${bytes} more bytes do not fit`);
}

function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === "ENOSPC" || code === "EDQUOT";
}
