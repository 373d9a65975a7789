/** A stream that yields exactly what was promised. */
import { Transform } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";

export interface ExactOptions {
  /** Bytes of the input to drop before the first one. */
  readonly skip?: number;
  /** Bytes to pass on; absent: all. */
  readonly length?: number;
  /** The length is a wish, since nobody knows the file's size. */
  readonly orLess?: boolean;
  /** The input goes on after the length: it is closed then instead of being read to its end. */
  readonly cut?: boolean;
}

/** Passes on what the options say, and fails with `incomplete` when the input ends before. */
export function exactly({ skip = 0, length, orLess = false, cut = false }: ExactOptions): Transform {
  let toSkip = skip;
  let left = length;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const dropped = Math.min(toSkip, chunk.length);
      toSkip -= dropped;
      const part = chunk.subarray(dropped, left === undefined ? undefined : dropped + left);
      if (left !== undefined) left -= part.length;
      done(null, part.length > 0 ? part : undefined);
      if (cut && left === 0) this.push(null);
    },
    flush(done) {
      const isShort = toSkip > 0 || (left !== undefined && left > 0 && !orLess);
      done(isShort ? new StorageError("incomplete", "the download ended early", { retryable: true }) : null);
    },
  });
  if (cut) stream.once("end", () => stream.destroy());
  return stream;
}
