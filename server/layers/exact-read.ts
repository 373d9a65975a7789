/** A driver's own `read`, held to what it was asked for. */
import { PassThrough, pipeline, type Readable } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange, Entry, Mount } from "#drivers/contract/mount.ts";
import { checkedStream } from "./check-answer.ts";

/** How many bytes a stream must have. */
interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** The same `read`, its streams failing with `incomplete` (retryable) instead of ending early or handing on more than the range or the listed file has. */
export function exactRead(read: NonNullable<Mount["read"]>): NonNullable<Mount["read"]> {
  return async (file, range, o) => hold(checkedStream(await read(file, range, o)), boundsOf(file, range));
}

function boundsOf({ size, sizeIs }: Entry, range: ByteRange | undefined): Bounds {
  const asked = range?.length ?? Number.POSITIVE_INFINITY;
  if (size === undefined || sizeIs === "about") return { least: 0, most: asked };
  const rest = Math.max(0, size - (range?.offset ?? 0));
  const length = Math.min(asked, rest);
  return { least: length, most: length };
}

/** Counts in the stream's own `push`, since a stream between would cost every byte another turn. */
function hold(answer: Readable, { least, most }: Bounds): Readable {
  const stream = countable(answer);
  // What is in the buffer already did not pass the `push` below.
  let count = stream.readableLength;
  if (count > most) throw dropped(stream, tooLong());
  if (count < least && hasEnded(stream)) throw dropped(stream, tooShort(count, least));
  const push = stream.push;
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null && count < least) {
      stream.destroy(tooShort(count, least));
      return false;
    }
    count += bytesOf(chunk, encoding);
    if (count > most) {
      stream.destroy(tooLong());
      return false;
    }
    return push.call(stream, chunk, encoding);
  };
  return stream;
}

/** Where a buffer's length is not in bytes, a stream of bytes is put behind. */
function countable(stream: Readable): Readable {
  if (!stream.readableObjectMode && stream.readableEncoding === null) return stream;
  return pipeline(stream, new PassThrough(), () => {});
}

/** True when nothing will be pushed any more, though what is in the buffer may not have been read. Node has no public word for it. */
function hasEnded(stream: Readable): boolean {
  return (stream as unknown as { readonly _readableState: { readonly ended: boolean } })._readableState.ended;
}

function dropped(stream: Readable, error: StorageError): StorageError {
  stream.on("error", () => {}).destroy();
  return error;
}

function bytesOf(chunk: unknown, encoding: BufferEncoding | undefined): number {
  if (typeof chunk === "string") return Buffer.byteLength(chunk, encoding);
  return ArrayBuffer.isView(chunk) ? chunk.byteLength : 0;
}

function tooShort(count: number, least: number): StorageError {
  return new StorageError("incomplete", `the file ended after ${count} of ${least} bytes`, { retryable: true });
}

function tooLong(): StorageError {
  return new StorageError(
    "incomplete",
    "the storage sent more bytes than the file was listed with, or were asked for",
    {
      retryable: true,
    },
  );
}
