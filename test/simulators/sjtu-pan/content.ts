/** What files and parts contain. Long runs that follow a rule are kept as the rule, so that 20 GB need neither memory nor disk. */
import { createHash } from "node:crypto";
import { combineCrc64, crc64, repeatCrc64 } from "./crc64.ts";

/** Bytes that can be read at any place. */
export interface Content {
  readonly size: number;
  /** The bytes from `offset` on, `length` of them, in pieces of at most 1 MiB. Do not change them. */
  read(offset: number, length: number): Iterable<Buffer>;
  /** Undefined where the bytes were neither kept nor summed. */
  crc64(): bigint | undefined;
}

/** Rules that content may follow: all zero, or byte number i (from 0) is (i + first) mod 251 (sjtu-pan.md §8.3). */
export type Rule = { readonly kind: "zeros" } | { readonly kind: "count"; readonly first: number };

const PIECE = 2 ** 20;
const PERIOD = 251;
const ZEROS = Buffer.alloc(PIECE);
const COUNT = Buffer.from(Uint8Array.from({ length: PIECE + PERIOD }, (_, i) => i % PERIOD));

/** Bytes in memory. */
export function bytesContent(pieces: readonly Buffer[], sum?: bigint): Content {
  const size = pieces.reduce((total, piece) => total + piece.length, 0);
  let known = sum;
  return {
    size,
    *read(offset, length) {
      let skip = offset;
      let left = length;
      for (const piece of pieces) {
        if (left <= 0) return;
        if (skip >= piece.length) {
          skip -= piece.length;
          continue;
        }
        for (let at = skip; at < piece.length && left > 0; ) {
          const part = piece.subarray(at, at + Math.min(left, PIECE));
          at += part.length;
          left -= part.length;
          yield part;
        }
        skip = 0;
      }
    },
    crc64() {
      known ??= pieces.reduce((total, piece) => combineCrc64(total, crc64(piece), piece.length), 0n);
      return known;
    },
  };
}

/** Content that follows a rule: costs nothing, whatever its size. */
export function ruleContent(rule: Rule, size: number): Content {
  return {
    size,
    *read(offset, length) {
      for (let at = offset; at < offset + length; ) {
        const piece = ruleBytes(rule, at, Math.min(PIECE, offset + length - at));
        at += piece.length;
        yield piece;
      }
    },
    crc64() {
      const period = rule.kind === "zeros" ? 1 : PERIOD;
      const whole = Math.floor(size / period);
      const tail = size % period;
      const repeated = repeatCrc64(crc64(ruleBytes(rule, 0, period)), period, whole);
      return combineCrc64(repeated, crc64(ruleBytes(rule, 0, tail)), tail);
    },
  };
}

/** At most 1 MiB of what a rule says, from `offset` on. */
export function ruleBytes(rule: Rule, offset: number, length: number): Buffer {
  if (rule.kind === "zeros") return ZEROS.subarray(0, length);
  const phase = (offset + rule.first) % PERIOD;
  return COUNT.subarray(phase, phase + length);
}

/** Contents one after the other. */
export function joinedContent(parts: readonly Content[]): Content {
  const starts: number[] = [];
  let size = 0;
  for (const part of parts) {
    starts.push(size);
    size += part.size;
  }
  let known: { readonly sum: bigint | undefined } | undefined;
  return {
    size,
    *read(offset, length) {
      const end = Math.min(size, offset + length);
      for (const [i, part] of parts.entries()) {
        const start = starts[i]!;
        const from = Math.max(offset, start);
        const to = Math.min(end, start + part.size);
        if (from < to) yield* part.read(from - start, to - from);
      }
    },
    crc64() {
      known ??= { sum: sumOf(parts) };
      return known.sum;
    },
  };
}

/** Content whose bytes were thrown away after they were measured. Reading it throws. */
export function measuredContent(size: number, sum: bigint | undefined): Content {
  return {
    size,
    read() {
      throw new Error("these bytes were not kept: the knob keepBytes is off");
    },
    crc64: () => sum,
  };
}

/** Content with the byte at `offset` flipped. */
export function corruptedContent(inner: Content, offset: number): Content {
  return {
    size: inner.size,
    *read(from, length) {
      let at = from;
      for (const piece of inner.read(from, length)) {
        if (offset >= at && offset < at + piece.length) {
          const copy = Buffer.from(piece);
          copy[offset - at]! ^= 0xff;
          yield copy;
        } else yield piece;
        at += piece.length;
      }
    },
    crc64() {
      let sum = 0n;
      for (const piece of this.read(0, inner.size)) sum = combineCrc64(sum, crc64(piece), piece.length);
      return sum;
    },
  };
}

/** All bytes in one buffer, for tests. */
export function allBytes(content: Content): Buffer {
  return Buffer.concat([...content.read(0, content.size)]);
}

/** The MD5 of a content, in hex. */
export function md5Of(content: Content): string {
  const hash = createHash("md5");
  for (const piece of content.read(0, content.size)) hash.update(piece);
  return hash.digest("hex");
}

function sumOf(parts: readonly Content[]): bigint | undefined {
  let total = 0n;
  for (const part of parts) {
    const sum = part.crc64();
    if (sum === undefined) return undefined;
    total = combineCrc64(total, sum, part.size);
  }
  return total;
}
