/** Slows down whoever guesses passwords: per account and address, with growing delays. */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Clock } from "#drivers/contract/driver.ts";
import { AuthError } from "./auth-error.ts";

/** Wrong passwords before the first delay (alist-api.md §4.3). */
const FREE_FAILURES = 5;
const FIRST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 5 * 60_000;
/** Failures older than this are forgotten. */
const FORGET_AFTER_MS = 15 * 60_000;
const MOST_ENTRIES = 10_000;

interface Entry {
  failures: number;
  lastFailureAt: number;
  refusedUntil: number;
  underWay: number;
}

export interface Attempts {
  /**
   * Runs one check of a password. False counts as a failure, true forgets the earlier ones; what it throws counts as neither.
   * Throws AuthError 429 without running it while the caller must wait, and when more checks run at once than failures are left.
   */
  run<T extends { readonly ok: boolean }>(account: string, address: string, check: () => Promise<T>): Promise<T>;
  /** The same for a check that takes no time: of the password of a folder. */
  guess(account: string, address: string, isRight: () => boolean): boolean;
}

/** The counter of one server; it lives in memory. */
export function createAttempts(clock: Clock): Attempts {
  const entries = new LRUCache<string, Entry>({ max: MOST_ENTRIES });
  function entryOf(account: string, address: string): Entry {
    const key = createHash("sha256")
      .update(`${account}\0${withoutPrefix(address)}`)
      .digest("base64");
    const known = entries.get(key);
    const now = clock.now();
    const entry =
      known && (known.underWay > 0 || now - known.lastFailureAt < FORGET_AFTER_MS)
        ? known
        : { failures: 0, lastFailureAt: now, refusedUntil: 0, underWay: 0 };
    if (entry.refusedUntil > now) throw tooMany(entry.refusedUntil - now);
    // Otherwise a hundred guesses sent at once would all count as the first.
    if (entry.underWay >= Math.max(1, FREE_FAILURES - entry.failures)) throw tooMany(1_000);
    entries.set(key, entry);
    return entry;
  }
  function count(entry: Entry, isRight: boolean): void {
    if (isRight) Object.assign(entry, { failures: 0, refusedUntil: 0 });
    else fail(entry, clock.now());
  }
  return {
    async run(account, address, check) {
      const entry = entryOf(account, address);
      entry.underWay++;
      try {
        const result = await check();
        count(entry, result.ok);
        return result;
      } finally {
        entry.underWay--;
      }
    },
    guess(account, address, isRight) {
      const entry = entryOf(account, address);
      const right = isRight();
      count(entry, right);
      return right;
    },
  };
}

function fail(entry: Entry, now: number): void {
  entry.failures++;
  entry.lastFailureAt = now;
  if (entry.failures < FREE_FAILURES) return;
  const delay = FIRST_DELAY_MS * 2 ** (entry.failures - FREE_FAILURES);
  entry.refusedUntil = now + Math.min(delay, LONGEST_DELAY_MS);
}

function tooMany(waitMs: number): AuthError {
  return new AuthError(429, `too many wrong passwords, try again in ${Math.ceil(waitMs / 1000)} s`, waitMs);
}

/** One client is one address, whether the socket shows it as IPv4 or mapped into IPv6. */
function withoutPrefix(address: string): string {
  return address.replace(/^::ffff:/i, "");
}
