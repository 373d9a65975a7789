/** Reading more of a file than was asked for, where it is read in about the order in which it lies: one call to the system instead of ten. */
import { readSync } from "node:fs";

/** Bytes read at once. */
const AHEAD_BYTES = 256 * 1024;

/** So near to the one before a stretch counts as the next one: requests that come side by side overtake each other. */
const NEAR_BYTES = 2 * AHEAD_BYTES;

/** Stretches near each other after which more is read than was asked for. */
const IS_A_SCAN = 4;

/** A piece of one file in memory. What was written to a file may not change while it is read from here, unless `forget` follows. */
export class FileAhead {
  readonly #bytes = Buffer.allocUnsafeSlow(AHEAD_BYTES);
  #fd = -1;
  #from = 0;
  #to = 0;
  #lastFd = -1;
  #lastAt = 0;
  #near = 0;

  /**
   * The bytes of a file of `fileBytes`, good until the next call; undefined where they are to be read on their own.
   * Throws Node's errors of files.
   */
  find(fd: number, at: number, length: number, fileBytes: number): Buffer | undefined {
    this.#near = fd === this.#lastFd && Math.abs(at - this.#lastAt) <= NEAR_BYTES ? this.#near + 1 : 0;
    this.#lastFd = fd;
    this.#lastAt = at;
    if (!this.#holds(fd, at, length)) {
      // What was overtaken lies before what is in memory, whose rest will be asked for yet.
      const wasOvertaken = this.#fd === fd && at < this.#from && this.#from - at <= NEAR_BYTES;
      if (this.#near < IS_A_SCAN || wasOvertaken || length > AHEAD_BYTES) return undefined;
      this.#read(fd, at, fileBytes);
      if (!this.#holds(fd, at, length)) return undefined;
    }
    return this.#bytes.subarray(at - this.#from, at - this.#from + length);
  }

  /** Something that was written has changed. */
  forget(): void {
    this.#fd = -1;
  }

  #holds(fd: number, at: number, length: number): boolean {
    return this.#fd === fd && at >= this.#from && at + length <= this.#to;
  }

  #read(fd: number, at: number, fileBytes: number): void {
    this.#fd = -1;
    const length = readSync(fd, this.#bytes, 0, Math.min(AHEAD_BYTES, fileBytes - at), at);
    this.#fd = fd;
    this.#from = at;
    this.#to = at + length;
  }
}
