/** Receiving a body into memory. */
import { createHash } from "node:crypto";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StorageError } from "../contract/errors.ts";
import type { UploadOptions, UploadSource } from "../contract/mount.ts";

export interface ReceivedBody {
  readonly content: Buffer;
  /** Of what was kept, not of what was sent. Lower-case hex. */
  readonly sha1: string;
}

/** Takes in a whole body of at most `room` bytes. Throws `incomplete` when it is not as long as it said, `quota-exceeded`. */
export async function receiveBody(source: UploadSource, room: number, o: UploadOptions): Promise<ReceivedBody> {
  if (source.size !== undefined && source.size > room) throw full();
  const chunks: Buffer[] = [];
  let received = 0;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      if (source.size !== undefined && received > source.size) {
        done(new StorageError("incomplete", `more than ${source.size} bytes arrived`));
        return;
      }
      if (received > room) {
        done(full());
        return;
      }
      chunks.push(chunk);
      o.onProgress?.(received);
      done();
    },
  });
  try {
    await pipeline(await source.open(), sink, { signal: o.signal });
  } catch (error) {
    o.signal.throwIfAborted();
    throw error;
  }
  if (source.size !== undefined && received < source.size) {
    throw new StorageError("incomplete", `${received} of ${source.size} bytes arrived`);
  }
  // A copy: the sender may use its buffers again.
  const content = Buffer.concat(chunks);
  return { content, sha1: createHash("sha1").update(content).digest("hex") };
}

function full(): StorageError {
  return new StorageError("quota-exceeded", "the quota of the storage is used up");
}
