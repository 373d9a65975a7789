/** A file of the machine's own disk as content to store, without a second copy of its bytes. */
import { once } from "node:events";
import { type BigIntStats, constants, createReadStream, type ReadStream, read } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { Readable } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import type { SeekableSource } from "../vfs/resource.ts";
import { ApiError } from "./envelope.ts";

/** Bytes read from the disk at a time. */
const CHUNK = 512 * 1024;

/** Many streams read one descriptor; none of them closes it. */
const SHARED = {
  read,
  close: (_fd: number, done: (error?: null) => void) => done(null),
} as unknown as typeof import("node:fs");

/** What the caller sees of the file, so that the same path elsewhere is not taken for it. */
export interface LocalFacts {
  readonly size: number;
  /** Nanoseconds since the epoch, decimal. */
  readonly modifiedNs: string;
  /** Inode number, decimal. */
  readonly inode: string;
}

/** A file that is open until it is closed. */
export interface LocalFile {
  readonly source: SeekableSource;
  close(): Promise<void>;
}

/** The refusal where the server cannot read the file and its caller may send the bytes himself (RFC 9110 §15.5.20: not for this server). */
const MISDIRECTED = 421;

/** Opens a regular file. Throws ApiError 421 where this process cannot read it, or sees another file at that path. */
export async function openLocalFile(path: string, facts: LocalFacts): Promise<LocalFile> {
  if (!isAbsolute(path)) throw new ApiError(400, `${path} is not an absolute path`);
  const handle = await openRegular(path);
  try {
    const found = await handle.stat({ bigint: true });
    if (!found.isFile() || !isSame(found, facts)) throw unreadable(`${path} is another file here`);
    return new OpenLocalFile(handle, path, found);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

class OpenLocalFile implements LocalFile {
  readonly #handle: FileHandle;
  readonly #reading = new Set<ReadStream>();
  readonly source: SeekableSource;

  constructor(handle: FileHandle, path: string, found: BigIntStats) {
    this.#handle = handle;
    this.source = {
      size: Number(found.size),
      modifiedAt: Number(found.mtimeNs / 1000n) / 1000,
      identity: `file:${found.dev}:${found.ino}:${found.mtimeNs}`,
      open: async ({ offset, length }) =>
        length === 0 ? Readable.from([], { objectMode: false }) : this.#read(offset, offset + length - 1),
      check: async () => {
        const now = await handle.stat({ bigint: true });
        if (now.size === found.size && now.mtimeNs === found.mtimeNs) return;
        throw new StorageError("precondition-failed", `${path} changed while it was uploaded: upload it again`);
      },
    };
  }

  /** When it resolves, nobody reads the descriptor any more, which may be another file's soon. */
  async close(): Promise<void> {
    // One that fails just now is closed all the same, in the same turn.
    await Promise.allSettled([...this.#reading].map((stream) => once(stream.destroy(), "close")));
    await this.#handle.close();
  }

  #read(start: number, end: number): Readable {
    const stream = createReadStream("", { fd: this.#handle.fd, fs: SHARED, start, end, highWaterMark: CHUNK });
    this.#reading.add(stream);
    return stream.once("close", () => this.#reading.delete(stream));
  }
}

async function openRegular(path: string): Promise<FileHandle> {
  try {
    // Opening a pipe or a device would wait for its other end, or do something.
    if (!(await stat(path)).isFile()) throw new ApiError(400, `${path} is not a regular file`);
    return await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined || error instanceof ApiError) throw error;
    throw unreadable(`${path} cannot be read by the server (${code})`);
  }
}

function isSame(found: BigIntStats, { size, modifiedNs, inode }: LocalFacts): boolean {
  return Number(found.size) === size && String(found.mtimeNs) === modifiedNs && String(found.ino) === inode;
}

function unreadable(message: string): ApiError {
  return new ApiError(MISDIRECTED, message);
}
