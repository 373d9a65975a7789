/** How sockets of content read: into large places that are used again, not into 64 KiB of new memory each time (`drivers/contract/lent-buffers.ts`). */
import type { OnReadOpts, Socket } from "node:net";
import { LentBuffers } from "#drivers/contract/lent-buffers.ts";

/** Bytes that a socket reads into at first: most carry answers rather than content. */
const FIRST_PLACE_BYTES = 16 * 1024;

/** From so many bytes at once on a socket has more than it was asked for, and reads into a large place the next time. */
const MUCH_BYTES = 192 * 1024;

/** The option `onread` of `net.connect` and `tls.connect`, for any number of sockets. */
export function readIntoLentBuffers(): OnReadOpts {
  const buffers = new LentBuffers();
  /** Of the socket that has just read: Node asks for its next place as soon as the callback returns. */
  let lastRead = 0;
  return {
    buffer() {
      const count = lastRead;
      lastRead = 0;
      return count < FIRST_PLACE_BYTES / 2
        ? Buffer.allocUnsafeSlow(FIRST_PLACE_BYTES)
        : buffers.place(count >= MUCH_BYTES);
    },
    // Node calls this as the socket's own.
    callback: function (this: Socket, count: number, place: Uint8Array): boolean {
      const chunk = buffers.lend(place as Buffer, count);
      const goesOn = this.push(chunk);
      lastRead = count;
      return goesOn;
    } as OnReadOpts["callback"],
  };
}
