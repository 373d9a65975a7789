/** Waiting for a stream to prove itself. */
import type { Readable } from "node:stream";
import { linger } from "./waiting.ts";

/** The stream, once it holds its first byte or has ended. Throws what it fails with before that, and the signal's reason, the stream then destroyed. */
export async function firstByte(stream: Readable, signal: AbortSignal): Promise<Readable> {
  if (stream.errored) {
    // The event may be yet to come.
    stream.on("error", () => {});
    throw stream.errored;
  }
  if (stream.readableLength > 0 || stream.readableEnded) return stream;
  let clean = () => {};
  try {
    await linger<void>(signal, (resolve, reject) => {
      const onReadable = () => resolve();
      stream.on("readable", onReadable).on("error", reject).on("close", onReadable);
      clean = () => stream.off("readable", onReadable).off("error", reject).off("close", onReadable);
      return () => {};
    });
    return stream;
  } catch (error) {
    // The listener stays: a destroyed stream may still report why.
    stream.on("error", () => {});
    stream.destroy();
    throw error;
  } finally {
    clean();
  }
}
