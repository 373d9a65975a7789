/** Buffers that are used again: answers of some ten kilobytes each, thousands a second, would be the garbage collector's main work. */

export interface BufferPool {
  /** A buffer of at least `length` bytes, of unknown content. */
  take(length: number): Buffer;
  /** Takes back a buffer that nobody reads any more: its bytes are with the operating system. Forgetting to give one back costs nothing but memory for a while. */
  give(buffer: Buffer): void;
}

/** A pool of up to `most` buffers of `size` bytes; longer ones are made when they are asked for and not kept. */
export function createBufferPool(size: number, most: number): BufferPool {
  const free: Buffer[] = [];
  return {
    take: (length) => (length <= size && free.pop()) || Buffer.allocUnsafeSlow(Math.max(length, size)),
    give(buffer) {
      if (buffer.length === size && free.length < most) free.push(buffer);
    },
  };
}
