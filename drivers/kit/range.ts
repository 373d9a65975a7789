/** Ranges of a file whose size is known. */
import { StorageError } from "../contract/errors.ts";
import type { ByteRange } from "../contract/mount.ts";

/**
 * The part of a file of `size` bytes that a range names, its end cut to the file's (RFC 9110 §14.1.2); the whole file without one.
 * Throws `range-not-satisfiable` when it begins past the last byte.
 */
export function clampRange(range: ByteRange | undefined, size: number): Required<ByteRange> {
  if (!range) return { offset: 0, length: size };
  if (range.offset >= size) {
    throw new StorageError(
      "range-not-satisfiable",
      `the range begins at ${range.offset}, and the file has ${size} bytes`,
    );
  }
  const rest = size - range.offset;
  return { offset: range.offset, length: Math.min(range.length ?? rest, rest) };
}
