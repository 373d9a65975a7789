/** The request budget of one account: a token bucket per endpoint class, by urgency, that gives way when the service asks and stops when it blocks. */
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Priority } from "#drivers/contract/mount.ts";
import { Bucket } from "./bucket.ts";

export interface PacerOptions {
  readonly clock: Clock;
  /** Default `DEFAULT_RATE`. */
  readonly ratePerSecond?: number;
  /** Requests that may go at once after a rest. Default 10. */
  readonly burst?: number;
}

export interface Pacer {
  /** Resolves when the request may go. Throws the signal's reason, `blocked` while the breaker is open, `rate-limited` when the service wants a longer pause than a caller can wait. */
  take(endpointClass: string, priority: Priority, signal: AbortSignal): Promise<void>;
  /** The service said that it is too much (429): pauses for its `retryAfterMs`, or for a growing while, at half the rate from then on. */
  slowDown(endpointClass: string, retryAfterMs?: number): void;
  /** A good answer: what was slowed down recovers step by step. */
  succeeded(endpointClass: string): void;
  /** The service showed a block page: nothing goes out for a while, which grows while it goes on. */
  block(): void;
  /** Requests a second from now on. */
  setRate(ratePerSecond: number): void;
  /** Milliseconds since the epoch until which the breaker is open; undefined when it is closed. */
  readonly blockedUntil: number | undefined;
}

/** Requests a second that a service is taken to bear where nothing better is known. */
export const DEFAULT_RATE = 2;

/** How long the breaker stays open after the first block page, in milliseconds; it doubles up to the last. */
const FIRST_BLOCK_MS = 10 * 60_000;
const LONGEST_BLOCK_MS = 60 * 60_000;

/** A budget for one account, or for one service used without an account (bans are per address then). Share it among all mounts of the account. */
export function createPacer({ clock, ratePerSecond = DEFAULT_RATE, burst = 10 }: PacerOptions): Pacer {
  let rate = ratePerSecond;
  const buckets = new Map<string, Bucket>();
  let blockedUntil = 0;
  let blocks = 0;
  const bucketOf = (endpointClass: string): Bucket => {
    let bucket = buckets.get(endpointClass);
    if (!bucket) {
      bucket = new Bucket(clock, rate, burst);
      buckets.set(endpointClass, bucket);
    }
    return bucket;
  };
  const refusal = () =>
    new StorageError("blocked", "the service blocked this account's requests for a while", {
      retryAfterMs: blockedUntil - clock.now(),
    });
  return {
    async take(endpointClass, priority, signal) {
      signal.throwIfAborted();
      if (clock.now() < blockedUntil) throw refusal();
      await bucketOf(endpointClass).take(priority, signal);
    },
    slowDown(endpointClass, retryAfterMs) {
      bucketOf(endpointClass).slowDown(retryAfterMs);
    },
    succeeded(endpointClass) {
      blocks = 0;
      bucketOf(endpointClass).recover();
    },
    block() {
      if (clock.now() < blockedUntil) return;
      blockedUntil = clock.now() + Math.min(FIRST_BLOCK_MS * 2 ** blocks, LONGEST_BLOCK_MS);
      blocks += 1;
      for (const bucket of buckets.values()) bucket.refuse(refusal());
    },
    setRate(perSecond) {
      rate = perSecond;
      for (const bucket of buckets.values()) bucket.setRate(perSecond);
    },
    get blockedUntil() {
      return clock.now() < blockedUntil ? blockedUntil : undefined;
    },
  };
}
