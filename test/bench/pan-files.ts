/** The file that the transfers of the bench move: byte number i is i mod 251, which the simulator knows without keeping it. */
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Bytes of one part (sjtu-pan.md §4.5). */
export const PART_BYTES = 4 * 2 ** 20;
const PERIOD = 251;

export interface PanFiles {
  readonly whole: string;
  /** The same bytes, a file for each part: curl sends whole files only. */
  readonly parts: readonly string[];
}

/** Writes `size` bytes, a multiple of the part size, twice. */
export function writePanFiles(folder: string, size: number): PanFiles {
  const pattern = Buffer.from(Uint8Array.from({ length: PART_BYTES + PERIOD }, (_, i) => i % PERIOD));
  const whole = join(folder, "whole.bin");
  const parts = Array.from({ length: size / PART_BYTES }, (_, i) => join(folder, `part-${i + 1}.bin`));
  const fd = openSync(whole, "w");
  for (const [i, path] of parts.entries()) {
    const phase = (i * PART_BYTES) % PERIOD;
    const bytes = pattern.subarray(phase, phase + PART_BYTES);
    writeAll(fd, bytes);
    const part = openSync(path, "w");
    writeAll(part, bytes);
    closeSync(part);
  }
  closeSync(fd);
  return { whole, parts };
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
