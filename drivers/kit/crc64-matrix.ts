/** The arithmetic of CRC-64/XZ: sums are vectors over GF(2), and zero bytes behind them a matrix (sjtu-pan.md §8.2). */

/** The polynomial, reflected (sjtu-pan.md §8.1). */
export const POLYNOMIAL = 0xc96c5795d7870f42n;

/** A matrix over GF(2): row `i` is the image of bit `i`. */
export type Matrix = readonly bigint[];

export function times(matrix: Matrix, vector: bigint): bigint {
  let sum = 0n;
  for (let i = 0, rest = vector; rest > 0n; i++, rest >>= 1n) if (rest & 1n) sum ^= matrix[i]!;
  return sum;
}

/** What was last asked for: the parts of a file are equally long, and the operator takes milliseconds to make. */
let lastZeros: { readonly length: number; readonly operator: Matrix } | undefined;

/** What so many bytes of zeros do to a sum. */
export function zeroBytes(length: number): Matrix {
  if (lastZeros?.length === length) return lastZeros.operator;
  let operator: Matrix = Array.from({ length: 64 }, (_, i) => 1n << BigInt(i));
  let power = zeroByte();
  for (let left = length; left > 0; left = Math.floor(left / 2)) {
    const base = power;
    if (left % 2 === 1) operator = operator.map((row) => times(base, row));
    power = base.map((row) => times(base, row));
  }
  lastZeros = { length, operator };
  return operator;
}

/** One byte of zeros: what one bit of zero does, squared three times. */
function zeroByte(): Matrix {
  let matrix: Matrix = Array.from({ length: 64 }, (_, i) => (i === 0 ? POLYNOMIAL : 1n << BigInt(i - 1)));
  for (let squared = 0; squared < 3; squared++) {
    const base = matrix;
    matrix = base.map((row) => times(base, row));
  }
  return matrix;
}
