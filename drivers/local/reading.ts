/** Reading: a small file in one go, a large one as a stream that reads ahead. */
import { fstatSync, read as readDescriptor } from "node:fs";
import { realpath } from "node:fs/promises";
import { Readable } from "node:stream";
import { StorageError } from "../contract/errors.ts";
import type { ByteRange, CallOptions, Entry } from "../contract/mount.ts";
import { bodyOf, destroyOnAbort } from "../kit/body.ts";
import { decodeName } from "../kit/bytes.ts";
import { clampRange } from "../kit/range.ts";
import { letGo, NO_FOLLOW, openFile, READ_FILE, readFully, statFile } from "./descriptors.ts";
import { versionOf } from "./entries.ts";
import { notThere, toStorageError } from "./errors.ts";
import { checkId } from "./ids.ts";
import { pathOfDescriptor, type Root, toDiskPath } from "./root.ts";

/** Up to this many bytes are read at once, into memory. */
const SMALL_BYTES = 64 * 1024;

/** Bytes of one read of a stream. */
const CHUNK_BYTES = 512 * 1024;

/** Opens the bytes of a file, the proof that it lies inside the root made on the open file. Throws as `Mount.read` says. */
export async function readFile(
  root: Root,
  file: Entry,
  range: ByteRange | undefined,
  o: CallOptions,
): Promise<Readable> {
  const fd = await openInside(root, file.id);
  let handedOver = false;
  try {
    const stats = root.known?.quick ? fstatSync(fd) : await statFile(fd);
    if (stats.isDirectory()) throw new StorageError("is-a-directory", "a folder has no content");
    if (!stats.isFile()) throw notThere();
    // Whoever asks has told a client of the file as it was: other bytes must not pass for those.
    if (file.version !== undefined && file.version !== versionOf(stats)) {
      throw new StorageError("precondition-failed", "the file has changed since it was looked at");
    }
    const { offset, length } = clampRange(range, stats.size);
    o.signal.throwIfAborted();
    if (length > SMALL_BYTES) {
      const body = new FileBody(fd, offset, length);
      handedOver = true;
      destroyOnAbort(body, o.signal);
      return body;
    }
    const bytes = Buffer.allocUnsafe(length);
    if ((await readFully(fd, bytes, offset)) < length) throw shrank();
    o.signal.throwIfAborted();
    return bodyOf(bytes, o.signal);
  } finally {
    if (!handedOver) letGo(fd);
  }
}

/** A descriptor of the file with this id, links followed as far as they stay inside. Throws `not-found`. */
export async function openInside(root: Root, id: string): Promise<number> {
  const { prefix, anchored } = await root.identity();
  checkId(id);
  const path = toDiskPath(prefix + id);
  if (!anchored) {
    const real = decodeName(await realpath(path, { encoding: "buffer" }));
    if (root.idOf(real) === undefined) throw notThere();
    return openFile(toDiskPath(real), READ_FILE | NO_FOLLOW);
  }
  const fd = await openFile(path, READ_FILE);
  if (root.idOf(pathOfDescriptor(fd)) !== undefined) return fd;
  letGo(fd);
  throw notThere();
}

/** Exactly `length` bytes from `offset` on, or an `incomplete` failure. Owns the descriptor. */
export class FileBody extends Readable {
  readonly #fd: number;
  #position: number;
  #left: number;
  #reading = false;
  #whenIdle: (() => void) | undefined;

  constructor(fd: number, offset: number, length: number) {
    // Room for two chunks: the next is read while the last is being sent.
    super({ highWaterMark: CHUNK_BYTES });
    this.#fd = fd;
    this.#position = offset;
    this.#left = length;
  }

  override _read(): void {
    if (this.#left === 0) {
      this.push(null);
      return;
    }
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, this.#left));
    this.#reading = true;
    readDescriptor(this.#fd, chunk, 0, chunk.length, this.#position, (error, bytes) => {
      this.#reading = false;
      this.#whenIdle?.();
      if (this.destroyed) return;
      if (error) this.destroy(toStorageError(error) as Error);
      else if (bytes === 0) this.destroy(shrank());
      else {
        this.#position += bytes;
        this.#left -= bytes;
        this.push(bytes === chunk.length ? chunk : chunk.subarray(0, bytes));
      }
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // A descriptor closed under a running read could be another file's by then.
    const close = () => {
      letGo(this.#fd);
      done(error);
    };
    if (this.#reading) this.#whenIdle = close;
    else close();
  }
}

function shrank(): StorageError {
  return new StorageError("incomplete", "the file became shorter while it was read");
}
