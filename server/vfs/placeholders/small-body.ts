/** The beginning of a body, looked at before it is decided where the body goes. */
import type { Readable } from "node:stream";
import { shortBody } from "../received-body.ts";

/**
 * The whole body where it has no more than `limit` bytes; else undefined, and the stream is as if nobody had read of it.
 * Throws `incomplete` when the body breaks off, and the signal's reason.
 */
export async function takeSmall(stream: Readable, limit: number, signal: AbortSignal): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    signal.throwIfAborted();
    const chunk = stream.read() as Buffer | null;
    if (chunk !== null) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes <= limit) continue;
      stream.unshift(Buffer.concat(chunks));
      return undefined;
    }
    if (stream.readableEnded) return Buffer.concat(chunks);
    if (stream.destroyed) throw shortBody(bytes, undefined);
    await more(stream, signal);
  }
}

/** Resolves when there is more to read, or nothing will come any more. Throws the signal's reason. */
async function more(stream: Readable, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const leave = () => reject(signal.reason);
  const go = () => resolve();
  const events = ["readable", "end", "error", "close"];
  for (const event of events) stream.on(event, go);
  signal.addEventListener("abort", leave, { once: true });
  try {
    await promise;
  } finally {
    for (const event of events) stream.off(event, go);
    signal.removeEventListener("abort", leave);
  }
}
