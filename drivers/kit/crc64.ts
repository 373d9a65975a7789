/** CRC-64/XZ, the checksum that Tencent's and Alibaba's storages give for a file; in decimal, as `Hashes.crc64` (sjtu-pan.md §8). */
import { crc64Kernel } from "./crc64-kernel.ts";
import { times, zeroBytes } from "./crc64-matrix.ts";

/** A sum that is being computed. A finished one may be gone on with. */
export class Crc64 {
  readonly #kernel = crc64Kernel();
  /** Inverted, as the sum itself is not. */
  #register: bigint;

  /** `start`: the sum of what came before, in decimal. */
  constructor(start = "0") {
    this.#register = inverse(BigInt(start));
  }

  update(bytes: Uint8Array): this {
    this.#register = this.#kernel(this.#register, bytes);
    return this;
  }

  /** In decimal. */
  digest(): string {
    return String(inverse(this.#register));
  }
}

/** The sum of these bytes, in decimal. */
export function crc64(bytes: Uint8Array): string {
  return new Crc64().update(bytes).digest();
}

/** The sum of two pieces one behind the other, from the sums of each and the length of the second in bytes (sjtu-pan.md §8.2). */
export function combineCrc64(first: string, second: string, secondLength: number): string {
  return String(times(zeroBytes(secondLength), BigInt(first)) ^ BigInt(second));
}

function inverse(register: bigint): bigint {
  return BigInt.asUintN(64, ~register);
}
