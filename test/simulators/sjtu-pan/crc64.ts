/** CRC-64/XZ, as the service reports it (sjtu-pan.md §8.1), eight bytes at a time on 32-bit halves. */

const POLYNOMIAL = 0xc96c5795d7870f42n;
const ALL_ONES = 0xffffffffffffffffn;

/** Powers of two of bytes that a length may have: 2^48 is beyond any file. */
const LENGTH_BITS = 48;

/** `LOW[k * 256 + b]`, `HIGH[…]`: the state after byte b and k zero bytes. */
const LOW = new Int32Array(2048);
const HIGH = new Int32Array(2048);
fillTables();

/** A running sum. */
export interface Crc64 {
  update(bytes: Uint8Array): void;
  /** The sum so far; more may follow. */
  value(): bigint;
}

/** Starts a sum, or goes on from a finished one: the value is also the state (sjtu-pan.md §8.1). */
export function createCrc64(from = 0n): Crc64 {
  let low = ~Number(BigInt.asIntN(32, from));
  let high = ~Number(BigInt.asIntN(32, from >> 32n));
  return {
    update(bytes) {
      let l = low;
      let h = high;
      let i = 0;
      for (const end = bytes.length - 7; i < end; i += 8) {
        l ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
        h ^= bytes[i + 4]! | (bytes[i + 5]! << 8) | (bytes[i + 6]! << 16) | (bytes[i + 7]! << 24);
        const a = 1792 + (l & 255);
        const b = 1536 + ((l >>> 8) & 255);
        const c = 1280 + ((l >>> 16) & 255);
        const d = 1024 + (l >>> 24);
        const e = 768 + (h & 255);
        const f = 512 + ((h >>> 8) & 255);
        const g = 256 + ((h >>> 16) & 255);
        const k = h >>> 24;
        l = LOW[a]! ^ LOW[b]! ^ LOW[c]! ^ LOW[d]! ^ LOW[e]! ^ LOW[f]! ^ LOW[g]! ^ LOW[k]!;
        h = HIGH[a]! ^ HIGH[b]! ^ HIGH[c]! ^ HIGH[d]! ^ HIGH[e]! ^ HIGH[f]! ^ HIGH[g]! ^ HIGH[k]!;
      }
      for (; i < bytes.length; i++) {
        const index = (l ^ bytes[i]!) & 255;
        l = ((l >>> 8) | (h << 24)) ^ LOW[index]!;
        h = (h >>> 8) ^ HIGH[index]!;
      }
      low = l;
      high = h;
    },
    value: () => (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0),
  };
}

/** The sum of some bytes. */
export function crc64(bytes: Uint8Array): bigint {
  const sum = createCrc64();
  sum.update(bytes);
  return sum.value();
}

/** The sum of A‖B from the sums of both and B's length in bytes (sjtu-pan.md §8.2). */
export function combineCrc64(a: bigint, b: bigint, lengthOfB: number): bigint {
  let shifted = a;
  for (let bit = 0, rest = lengthOfB; rest > 0; bit++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shifted = times(zeroBytes(bit), shifted);
  }
  return shifted ^ b;
}

/** The sum of a piece of `length` bytes repeated `count` times. */
export function repeatCrc64(piece: bigint, length: number, count: number): bigint {
  let sum = 0n;
  let square = piece;
  let squareLength = length;
  for (let rest = count; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) sum = combineCrc64(sum, square, squareLength);
    square = combineCrc64(square, square, squareLength);
    squareLength *= 2;
  }
  return sum;
}

/** The table's 256 entries for one byte, for its self-check. */
export function crc64Table(): readonly bigint[] {
  return Array.from({ length: 256 }, (_, i) => (BigInt(HIGH[i]! >>> 0) << 32n) | BigInt(LOW[i]! >>> 0));
}

type Matrix = readonly bigint[];

const OPERATORS: Matrix[] = [];

/** The operator "append 2^bit zero bytes". */
function zeroBytes(bit: number): Matrix {
  if (bit > LENGTH_BITS) throw new RangeError("no file is that long");
  if (OPERATORS.length === 0) {
    let one: Matrix = [POLYNOMIAL, ...Array.from({ length: 63 }, (_, i) => 1n << BigInt(i))];
    for (let i = 0; i < 3; i++) one = squared(one);
    OPERATORS.push(one);
  }
  while (OPERATORS.length <= bit) OPERATORS.push(squared(OPERATORS.at(-1)!));
  return OPERATORS[bit]!;
}

function squared(matrix: Matrix): Matrix {
  return matrix.map((row) => times(matrix, row));
}

function times(matrix: Matrix, vector: bigint): bigint {
  let sum = 0n;
  for (let i = 0, rest = vector; rest > 0n; i++, rest >>= 1n) if (rest & 1n) sum ^= matrix[i]!;
  return sum;
}

function fillTables(): void {
  for (let i = 0; i < 256; i++) {
    let entry = BigInt(i);
    for (let bit = 0; bit < 8; bit++) entry = entry & 1n ? (entry >> 1n) ^ POLYNOMIAL : entry >> 1n;
    LOW[i] = Number(BigInt.asIntN(32, entry & ALL_ONES));
    HIGH[i] = Number(BigInt.asIntN(32, entry >> 32n));
  }
  for (let i = 256; i < 2048; i++) {
    const low = LOW[i - 256]!;
    const high = HIGH[i - 256]!;
    const index = low & 255;
    LOW[i] = ((low >>> 8) | (high << 24)) ^ LOW[index]!;
    HIGH[i] = (high >>> 8) ^ HIGH[index]!;
  }
}
