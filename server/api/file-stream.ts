/** Bytes of an open file as a stream. */
import { read } from "node:fs";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { LentBuffers } from "#drivers/contract/lent-buffers.ts";

const readInto = promisify(read);

/** Bytes read from the disk at a time. */
const PIECE_BYTES = 1024 * 1024;

/** Bytes that are read ahead: two pieces, so that the disk is read while its reader works. */
const AHEAD_BYTES = 2 * PIECE_BYTES;

/**
 * Reads from a descriptor that stays open, into memory that is lent (`drivers/contract/lent-buffers.ts`). Ends where the file does, also before
 * the range does. It is closed when nobody reads the descriptor any more.
 */
export class FileStream extends Readable {
  readonly #fd: number;
  readonly #buffers = new LentBuffers();
  #at: number;
  #left: number;
  #reading: Promise<void> = Promise.resolve();

  constructor(fd: number, offset: number, length: number) {
    super({ highWaterMark: AHEAD_BYTES });
    this.#fd = fd;
    this.#at = offset;
    this.#left = length;
  }

  override _read(): void {
    this.#reading = this.#next().catch((error: Error) => void this.destroy(error));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#reading.then(() => done(error));
  }

  async #next(): Promise<void> {
    if (this.#left === 0) return void this.push(null);
    const place = this.#buffers.place(true);
    const { bytesRead } = await readInto(this.#fd, place, 0, Math.min(place.length, PIECE_BYTES, this.#left), this.#at);
    this.#at += bytesRead;
    this.#left -= bytesRead;
    if (!this.destroyed) this.push(bytesRead === 0 ? null : this.#buffers.lend(place, bytesRead));
  }
}
