/** How often and how fast a download that broke off is gone on with. */
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";

/** Tries to go on, until the download has come further by `EARNED_BY_BYTES`: each may cost a call for a link. */
const TRIES = 5;
const EARNED_BY_BYTES = 64 * 2 ** 20;

/** The wait before the second try, in milliseconds; it doubles. The first goes out at once: most connections break for no lasting reason. */
const FIRST_DELAY_MS = 500;
/** Longest wait that a reader in the middle of a file is held for, in milliseconds. */
const LONGEST_DELAY_MS = 10_000;

/** The tries of one download. */
export class ResumeTries {
  readonly #clock: Clock;
  readonly #random: (n: number) => Uint8Array;
  #made = 0;
  #since = 0;

  constructor(clock: Clock, random: (n: number) => Uint8Array) {
    this.#clock = clock;
    this.#random = random;
  }

  /** What `attempt` comes to; undefined when the tries are spent. Throws the signal's reason, and at once what is not worth another try. */
  async run<T>(delivered: number, signal: AbortSignal, attempt: () => Promise<T>): Promise<T | undefined> {
    if (delivered - this.#since >= EARNED_BY_BYTES) {
      this.#made = 0;
      this.#since = delivered;
    }
    let patienceMs = 0;
    while (this.#made < TRIES) {
      this.#made += 1;
      const delay = Math.max(this.#delay(), patienceMs);
      if (delay > LONGEST_DELAY_MS) return undefined;
      if (delay > 0) await this.#clock.sleep(delay, signal);
      try {
        return await attempt();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof StorageError && error.retryable)) throw error;
        patienceMs = error.retryAfterMs ?? 0;
      }
    }
    return undefined;
  }

  #delay(): number {
    if (this.#made === 1) return 0;
    const jitter = 0.5 + (this.#random(1)[0] ?? 0) / 256;
    return FIRST_DELAY_MS * 2 ** (this.#made - 2) * jitter;
  }
}
