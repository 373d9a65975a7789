/** Trying again within a call: a stream of gigabytes, or a task of hours, cannot begin anew because one request of hundreds failed (sjtu-pan.md §1.7). */
import type { DriverEnv } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { CallOptions } from "../contract/mount.ts";

/** Tries of one step, the first included. */
const TRIES = 4;
/** The wait before the second try in milliseconds; it doubles. */
const FIRST_DELAY_MS = 1000;
/** Longest wait that the service may ask for, in milliseconds. */
const LONGEST_DELAY_MS = 60_000;

type Env = Pick<DriverEnv, "clock" | "random">;

/** The step's value; a step that may be repeated without harm. Throws its last failure. */
export async function withPatience<T>(env: Env, o: CallOptions, step: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      o.signal.throwIfAborted();
      if (!(error instanceof StorageError && error.retryable) || attempt === TRIES) throw error;
      if ((error.retryAfterMs ?? 0) > LONGEST_DELAY_MS) throw error;
      await pause(env, attempt, o, error.retryAfterMs);
    }
  }
}

/** Waits before the next try: 1 s, 2 s, 4 s … give or take, or as long as the service asks. */
export async function pause(env: Env, attempt: number, o: CallOptions, atLeastMs = 0): Promise<void> {
  const jitter = 0.5 + (env.random(1)[0] ?? 0) / 256;
  await env.clock.sleep(Math.max(FIRST_DELAY_MS * 2 ** (attempt - 1) * jitter, atLeastMs), o.signal);
}
