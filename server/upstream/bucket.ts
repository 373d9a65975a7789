/** One token bucket whose waiters are served by urgency. */
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Priority } from "#drivers/contract/mount.ts";

interface Waiter {
  go(): void;
  refuse(error: unknown): void;
}

/** Most urgent first. */
const ORDER: readonly Priority[] = ["interactive", "upload", "background"];

/** Longest pause that callers wait through, in milliseconds; a longer one fails them at once, so that they can say how long. */
const LONGEST_WAIT_MS = 20_000;

/** The first pause where the service names none, in milliseconds; it doubles up to the last. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** The rate never falls below this part of what was set. */
const LOWEST_RATE = 1 / 16;

/** What each good answer gives back of the rate. */
const RECOVERY = 1.1;

export class Bucket {
  readonly #clock: Clock;
  #rate: number;
  readonly #burst: number;
  readonly #waiting: Record<Priority, Set<Waiter>> = {
    interactive: new Set(),
    upload: new Set(),
    background: new Set(),
  };
  #factor = 1;
  #tokens: number;
  #countedAt: number;
  #pausedUntil = 0;
  #pauses = 0;
  #timer: AbortController | undefined;

  constructor(clock: Clock, ratePerSecond: number, burst: number) {
    this.#clock = clock;
    this.#rate = ratePerSecond / 1000;
    this.#burst = Math.max(1, burst);
    this.#tokens = this.#burst;
    this.#countedAt = clock.now();
  }

  /** Resolves with one token taken. */
  take(priority: Priority, signal: AbortSignal): Promise<void> {
    const pause = this.#pausedUntil - this.#clock.now();
    if (pause > LONGEST_WAIT_MS) return Promise.reject(tooMany(pause));
    return new Promise((resolve, reject) => {
      const leave = () => {
        signal.removeEventListener("abort", onAbort);
        this.#waiting[priority].delete(waiter);
      };
      const waiter: Waiter = {
        go() {
          leave();
          resolve();
        },
        refuse(error) {
          leave();
          reject(error);
        },
      };
      const onAbort = () => {
        waiter.refuse(signal.reason);
        if (!this.#next()) this.#timer?.abort();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting[priority].add(waiter);
      this.#serve();
    });
  }

  slowDown(retryAfterMs?: number): void {
    this.#refill();
    this.#factor = Math.max(LOWEST_RATE, this.#factor / 2);
    this.#tokens = Math.min(this.#tokens, 1);
    const pause = retryAfterMs ?? Math.min(FIRST_PAUSE_MS * 2 ** this.#pauses, LONGEST_PAUSE_MS);
    this.#pauses += 1;
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.now() + pause);
    if (pause > LONGEST_WAIT_MS) this.refuse(tooMany(pause));
  }

  /** Requests a second from now on. */
  setRate(ratePerSecond: number): void {
    this.#refill();
    this.#rate = ratePerSecond / 1000;
    // Who waits was told a time at the old rate.
    this.#timer?.abort();
  }

  recover(): void {
    if (this.#factor === 1) return;
    this.#refill();
    this.#factor = Math.min(1, this.#factor * RECOVERY);
    this.#pauses = 0;
  }

  /** Fails everybody who waits. */
  refuse(error: unknown): void {
    for (let waiter = this.#next(); waiter; waiter = this.#next()) waiter.refuse(error);
    this.#timer?.abort();
  }

  #next(): Waiter | undefined {
    for (const priority of ORDER) for (const waiter of this.#waiting[priority]) return waiter;
    return undefined;
  }

  #refill(): void {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#countedAt) * this.#rate * this.#factor);
    this.#countedAt = now;
  }

  /** Lets go whom the tokens allow, then sleeps until the next token, once. */
  #serve(): void {
    this.#refill();
    const pause = this.#pausedUntil - this.#clock.now();
    for (let waiter = this.#next(); waiter && pause <= 0 && this.#tokens >= 1; waiter = this.#next()) {
      this.#tokens -= 1;
      waiter.go();
    }
    if (!this.#next() || this.#timer) return;
    const timer = new AbortController();
    this.#timer = timer;
    const ms = Math.max(pause, Math.ceil((1 - this.#tokens) / (this.#rate * this.#factor)), 1);
    const again = () => {
      this.#timer = undefined;
      this.#serve();
    };
    this.#clock.sleep(ms, timer.signal).then(again, again);
  }
}

function tooMany(pauseMs: number): StorageError {
  return new StorageError("rate-limited", "the service asks for a pause", { retryable: true, retryAfterMs: pauseMs });
}
