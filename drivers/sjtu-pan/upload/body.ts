/** Reading an upload's source: exactly as many bytes as it said, and let go of in any case. */
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StorageError } from "../../contract/errors.ts";
import type { ByteRange, UploadSource } from "../../contract/mount.ts";

/** Bytes that may wait while `take` is busy. */
const AHEAD_BYTES = 256 * 1024;

/**
 * Hands the source's bytes to `take`, chunk by chunk, the next when it is done with the one before; `range` must hold `length` bytes.
 * Throws `incomplete` when the source has more or fewer, what `take` throws, and the signal's reason. The source is closed at the end, however it comes.
 */
export async function readExactly(
  source: UploadSource,
  range: ByteRange | undefined,
  length: number,
  signal: AbortSignal,
  take: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted();
  let received = 0;
  const sink = new Writable({
    highWaterMark: AHEAD_BYTES,
    write(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      if (received > length) done(new StorageError("incomplete", `more than the announced ${length} bytes arrived`));
      else take(chunk).then(() => done(), done);
    },
  });
  try {
    await pipeline(await (range ? source.open(range) : source.open()), sink, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
  if (received < length) throw new StorageError("incomplete", `${received} of ${length} bytes arrived`);
}
