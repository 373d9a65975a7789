/** A limit on silence: a signal that aborts when nothing happened for a while. */
import type { Clock } from "../../contract/driver.ts";
import { StorageError } from "../../contract/errors.ts";

export interface Silence {
  /** Aborts with the outer signal's reason, or with a StorageError `timeout`, retryable. */
  readonly signal: AbortSignal;
  /** Something happened: the limit counts from now. */
  touch(): void;
  /** Stops counting. */
  end(): void;
}

/** Starts to count. */
export function startSilence(clock: Clock, ms: number, outer: AbortSignal): Silence {
  const passed = new AbortController();
  const ended = new AbortController();
  let since = clock.now();
  const follow = () => {
    passed.abort(outer.reason);
    ended.abort();
  };
  const count = async () => {
    for (let left = ms; left > 0; left = since + ms - clock.now()) await clock.sleep(left, ended.signal);
    outer.removeEventListener("abort", follow);
    const seconds = Math.round(ms / 1000);
    passed.abort(
      new StorageError("timeout", `the store of SJTU Pan gave no sign of life for ${seconds} s`, { retryable: true }),
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
    end() {
      outer.removeEventListener("abort", follow);
      ended.abort();
    },
  };
}
