/** A limit on waiting that every sign of life moves forward. */
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";

export interface Deadline {
  /** Aborts with the caller's reason, or with a StorageError `timeout` when the limit passed. */
  readonly signal: AbortSignal;
  /** A sign of life: the limit counts from now. */
  touch(): void;
  /** A sign of life after which it may be silent for so long, in milliseconds. */
  allow(ms: number): void;
  /** Stops counting; the signal no longer aborts. */
  end(): void;
}

/** Made once: an abort without a reason would make an exception with a stack for every call. */
const ENDED = new Error("the wait has ended");

/**
 * Starts a limit of `ms` beside the caller's signal. While `isWaiting` says no, time does not count: nobody waits for the storage then.
 */
export function startDeadline(
  clock: Clock,
  ms: number,
  what: string,
  outer: AbortSignal,
  isWaiting: () => boolean = () => true,
): Deadline {
  const passed = new AbortController();
  const ended = new AbortController();
  let since = clock.now();
  let limit = ms;
  const follow = () => {
    passed.abort(outer.reason);
    ended.abort(ENDED);
  };
  const end = () => {
    outer.removeEventListener("abort", follow);
    ended.abort(ENDED);
  };
  const count = async () => {
    for (;;) {
      const left = since + limit - clock.now();
      if (left > 0) await clock.sleep(left, ended.signal);
      else if (isWaiting()) break;
      else since = clock.now();
    }
    outer.removeEventListener("abort", follow);
    const seconds = Math.round(limit / 1000);
    passed.abort(
      new StorageError("timeout", `the storage gave no sign of life for ${seconds} s (${what})`, { retryable: true }),
    );
  };
  if (outer.aborted) follow();
  else {
    outer.addEventListener("abort", follow, { once: true });
    // The only way out of the sleep besides its end is `ended`.
    count().catch(() => {});
  }
  return {
    signal: passed.signal,
    touch() {
      since = clock.now();
    },
    allow(longer) {
      limit = longer;
      since = clock.now();
    },
    end,
  };
}
