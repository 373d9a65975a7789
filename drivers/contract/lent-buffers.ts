/**
 * Memory that streams of content read into again and again. A gigabyte in buffers of its own each time makes the garbage collector stop the
 * process dozens of times and touches memory that no cache holds. Whoever has used a chunk up may give it back; who does not know of this leaves it
 * to the collector, which costs no more than it did.
 */

/** Pieces of memory of one size. */
interface Kind {
  readonly bytes: number;
  /** What is left of one is not read into when it is smaller: many short reads cost more than the memory. */
  readonly shortestPlace: number;
  /** Pieces that wait for their next use, at most. */
  readonly mostFree: number;
  /** Pieces that are in use at a time, at most; then smaller ones have to do. */
  readonly mostUsed: number;
  readonly free: Buffer[];
  used: number;
}

const KiB = 1024;

/** For what comes as quickly as it is read: a disk, a neighbour. */
const LARGE: Kind = {
  bytes: 4096 * KiB,
  shortestPlace: 256 * KiB,
  mostFree: 3,
  mostUsed: 8,
  free: [],
  used: 0,
};

const SMALL: Kind = {
  bytes: 256 * KiB,
  shortestPlace: 32 * KiB,
  mostFree: 8,
  mostUsed: Number.POSITIVE_INFINITY,
  free: [],
  used: 0,
};

interface Slab {
  readonly kind: Kind;
  readonly memory: Buffer;
  /** Bytes that somebody has and did not give back. */
  lent: number;
  /** Something is being read into it, or may be. */
  isOpen: boolean;
}

/** Of memory that is lent, wherever its chunks went. */
const slabs = new WeakMap<ArrayBufferLike, Slab>();

/** Counts what nobody gave back. */
const lost = new FinalizationRegistry<Kind>((kind) => {
  kind.used -= 1;
});

/** Places to read into. Each is its caller's alone until `lend` says what was read, and nobody's when its caller forgets it. */
export class LentBuffers {
  readonly #rests = new Map<Kind, Buffer>();

  /** At least 32 KiB to read into; mostly some MiB where much is expected at once. */
  place(expectsMuch: boolean): Buffer {
    const kind = expectsMuch && (this.#rests.has(LARGE) || LARGE.used < LARGE.mostUsed) ? LARGE : SMALL;
    const place = this.#rests.get(kind) ?? newSlab(kind);
    this.#rests.delete(kind);
    return place;
  }

  /** The first `count` bytes of a place, to be handed on; what is left of it may be the next place. */
  lend(place: Buffer, count: number): Buffer {
    const slab = slabs.get(place.buffer);
    if (slab) {
      slab.lent += count;
      const { kind } = slab;
      if (place.length - count >= kind.shortestPlace && !this.#rests.has(kind)) {
        this.#rests.set(kind, place.subarray(count));
      } else slab.isOpen = false;
    }
    return place.subarray(0, count);
  }
}

/**
 * Gives a chunk back whose bytes nobody reads any more, neither a socket nor a disk. Only its last owner may, and once: its memory is
 * overwritten. A piece of a chunk counts for its own bytes; a chunk that was not lent is left alone.
 */
export function giveBack(chunk: Uint8Array): void {
  const slab = slabs.get(chunk.buffer);
  if (!slab) return;
  slab.lent -= chunk.length;
  if (slab.lent > 0 || slab.isOpen) return;
  const { kind, memory } = slab;
  slabs.delete(chunk.buffer);
  lost.unregister(chunk.buffer);
  kind.used -= 1;
  // Fewer than none: somebody gave back what was not his, and somebody else may still read.
  if (slab.lent === 0 && kind.free.length < kind.mostFree) kind.free.push(memory);
}

function newSlab(kind: Kind): Buffer {
  const memory = kind.free.pop() ?? Buffer.allocUnsafeSlow(kind.bytes);
  const { buffer } = memory;
  slabs.set(buffer, { kind, memory, lent: 0, isOpen: true });
  lost.register(buffer, kind, buffer);
  kind.used += 1;
  return memory;
}
