/** The bytes of a download: exactly what was asked for, gone on with where the connection breaks. */
import { Readable } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import { type Part, READY_BYTES } from "./link-fetch.ts";

export interface LinkStreamOptions {
  /** What a body that broke off means: the signal's reason where the caller left. */
  toError(cause: Error): Error;
  /** What follows after so many bytes; undefined where it cannot be had, and the stream then fails with what broke it. The signal aborts when nobody reads any more. */
  goOn(delivered: number, signal: AbortSignal): Promise<Part | undefined>;
  /** Called once, when the stream has ended, however. */
  done(): void;
}

const CLOSED = new Error("nobody reads the download any more");

/** Fails with `incomplete` when fewer bytes come than the part says, and what follows cannot be had. */
export class LinkStream extends Readable {
  readonly #options: LinkStreamOptions;
  #part: Part;
  /** Aborts what is asked for to go on with. */
  #goingOn: AbortController | undefined;
  #isComplete = false;
  #skip: number;
  /** Bytes that are still to come. */
  #missing: number | undefined;
  #delivered = 0;

  constructor(part: Part, options: LinkStreamOptions) {
    super({ highWaterMark: READY_BYTES });
    this.#options = options;
    this.#part = part;
    this.#skip = part.skip;
    this.#missing = part.length;
    this.#follow(part);
  }

  override _read(): void {
    this.#part.body.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#goingOn?.abort(error ?? CLOSED);
    this.#part.body.destroy();
    this.#options.done();
    callback(error);
  }

  #follow(part: Part): void {
    const { body } = part;
    let isBroken = false;
    const isOver = () => this.destroyed || this.#isComplete || isBroken;
    const broken = (error: Error) => {
      isBroken = true;
      this.#broken(error);
    };
    body.on("data", (chunk: Buffer) => {
      if (!isOver()) this.#take(chunk);
    });
    body.on("end", () => {
      if (isOver()) return;
      const isShort = this.#skip > 0 || (this.#missing !== undefined && this.#missing > 0 && !part.orLess);
      if (isShort) broken(new StorageError("incomplete", "the download ended early", { retryable: true }));
      else this.#end();
    });
    body.on("error", (error) => {
      if (!isOver()) broken(this.#options.toError(error));
    });
  }

  #take(chunk: Buffer): void {
    const dropped = Math.min(this.#skip, chunk.length);
    this.#skip -= dropped;
    const part = chunk.subarray(dropped, this.#missing === undefined ? undefined : dropped + this.#missing);
    this.#delivered += part.length;
    if (this.#missing !== undefined) this.#missing -= part.length;
    // Paused when the reader has enough; `_read` goes on.
    if (part.length > 0 && !this.push(part)) this.#part.body.pause();
    const isTooMuch = dropped + part.length < chunk.length;
    if (this.#missing !== 0 || !(this.#part.cut || isTooMuch)) return;
    // What follows is nobody's: the connection is closed rather than read to its end.
    this.#end();
    this.#part.body.destroy();
  }

  #end(): void {
    this.#isComplete = true;
    this.push(null);
  }

  #broken(error: Error): void {
    this.#part.body.destroy();
    // Nothing was handed on yet: whoever called for the stream may as well call again.
    if (this.#delivered === 0) return void this.destroy(error);
    this.#goingOn = new AbortController();
    this.#options.goOn(this.#delivered, this.#goingOn.signal).then(
      (part) => {
        if (!part || this.destroyed) {
          part?.body.on("error", () => {}).destroy();
          return void this.destroy(error);
        }
        this.#part = part;
        this.#skip = part.skip;
        this.#follow(part);
      },
      (failure: Error) => void this.destroy(failure),
    );
  }
}
