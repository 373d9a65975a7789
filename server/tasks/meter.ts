/** How fast bytes move, smoothed, and how long the rest will take. */
import type { Clock } from "#drivers/contract/driver.ts";
import type { Totals } from "./api.ts";

/** Older movement counts for less than a third after this, in milliseconds. */
const MEMORY_MS = 15_000;
/** Shorter steps say little. */
const STEP_MS = 500;

export class Meter {
  readonly #clock: Pick<Clock, "now">;
  #at: number;
  #bytes: number | undefined;
  #perMs: number | undefined;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
    this.#at = clock.now();
  }

  /** Hears the bytes that are done, cumulative. The first number is where it begins. */
  hear(bytes: number): void {
    const now = this.#clock.now();
    const passed = now - this.#at;
    if (this.#bytes !== undefined && passed < STEP_MS) return;
    if (this.#bytes !== undefined) {
      const perMs = Math.max(0, bytes - this.#bytes) / passed;
      const weight = this.#perMs === undefined ? 1 : 1 - Math.exp(-passed / MEMORY_MS);
      this.#perMs = (this.#perMs ?? 0) * (1 - weight) + perMs * weight;
    }
    this.#at = now;
    this.#bytes = bytes;
  }

  /** Undefined until something has moved. */
  get bytesPerSecond(): number | undefined {
    return this.#perMs === undefined ? undefined : Math.round(this.#perMs * 1000);
  }

  etaMs({ bytes, bytesDone }: Totals): number | undefined {
    return this.#perMs ? Math.round(Math.max(0, bytes - bytesDone) / this.#perMs) : undefined;
  }
}
