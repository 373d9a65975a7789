/** How a file is cut into parts (sjtu-pan.md §4.5). */

/** The part size that every client uses, and the smallest that is known to be taken, in bytes. */
export const PART_BYTES = 4 * 2 ** 20;

/** Highest part number (sjtu-pan.md §4.3). */
const MAX_PARTS = 10_000;

/** Part numbers of one request (sjtu-pan.md §4.3: 100 at the start, 50 at a renewal). */
const GROUP_SIZE = 50;

export interface Plan {
  /** Bytes of the file. */
  readonly size: number;
  /** Bytes of every part but the last. */
  readonly partSize: number;
  readonly count: number;
}

/** The plan of a file: 4 MiB parts, doubled until 10,000 of them are enough. */
export function planOf(size: number): Plan {
  let partSize = PART_BYTES;
  while (partSize * MAX_PARTS < size) partSize *= 2;
  return planWith(size, partSize);
}

/** The plan of an upload that was begun with that part size. */
export function planWith(size: number, partSize: number): Plan {
  return { size, partSize, count: Math.max(1, Math.ceil(size / partSize)) };
}

/** Bytes of a part, counted from 1. */
export function lengthOf({ size, partSize, count }: Plan, part: number): number {
  return part < count ? partSize : size - (count - 1) * partSize;
}

/** The numbers to ask for when `part` is needed. */
export function groupFrom({ count }: Plan, part: number): readonly number[] {
  const length = Math.min(GROUP_SIZE, count - part + 1);
  return Array.from({ length }, (_, i) => part + i);
}
