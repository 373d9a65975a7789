/** Long work in short pieces, so that the event loop stays free (architecture.md §5). */
import { setImmediate } from "node:timers/promises";
import type { TreeFile } from "./file.ts";

/** Most rows that one transaction touches. */
export const PIECE_ROWS = 300;

/** How long a piece may hold the event loop, in milliseconds. */
const PIECE_MS = 4;

/** Says when it is time to let others run. */
export class Pace {
  #since = performance.now();

  /** True when the current piece has had its time. */
  isOver(): boolean {
    return performance.now() - this.#since > PIECE_MS;
  }

  /** Lets the event loop turn if the piece has had its time. */
  async rest(): Promise<void> {
    if (this.isOver()) await this.yield();
  }

  async yield(): Promise<void> {
    await setImmediate();
    this.#since = performance.now();
  }
}

/** Runs `step` on each item, many to a transaction, and lets others run in between. */
export async function inPieces<T>(
  file: TreeFile,
  pace: Pace,
  items: readonly T[],
  step: (item: T) => void,
): Promise<void> {
  for (let i = 0; i < items.length; ) {
    file.transaction(() => {
      const end = Math.min(items.length, i + PIECE_ROWS);
      do step(items[i++]!);
      while (i < end && !pace.isOver());
    });
    await pace.rest();
  }
}

/** Runs `piece` in transactions until it returns false, and lets others run in between. */
export async function untilDone(file: TreeFile, pace: Pace, piece: () => boolean): Promise<void> {
  while (file.transaction(piece)) await pace.yield();
}
