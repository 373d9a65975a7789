/** Byte streams of what is in memory. */
import { Readable } from "node:stream";

/** Bytes handed on at a time. */
const PIECE_BYTES = 256 * 1024;

/** A stream of these bytes; destroyed with the signal's reason when it aborts. The bytes must not change while it is read. */
export function bodyOf(bytes: Buffer, signal: AbortSignal): Readable {
  let at = 0;
  const body = new Readable({
    highWaterMark: PIECE_BYTES,
    read() {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      at += piece.length;
      if (piece.length > 0) this.push(piece);
      if (at >= bytes.length) this.push(null);
    },
  });
  destroyOnAbort(body, signal);
  return body;
}

/** Destroys a stream with the signal's reason when it aborts, and forgets the signal when the stream is closed. */
export function destroyOnAbort(stream: Readable, signal: AbortSignal): void {
  if (signal.aborted) {
    stream.destroy(toError(signal.reason));
    return;
  }
  const abort = () => stream.destroy(toError(signal.reason));
  signal.addEventListener("abort", abort, { once: true });
  stream.once("close", () => signal.removeEventListener("abort", abort));
}

/** Streams take only errors as a reason to end. */
function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("aborted", { cause: reason });
}
