/** Repeats calls that failed for a while, where repeating is safe. Reads nothing of an error but `retryable` and `retryAfterMs`. */
import type { Readable } from "node:stream";
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError, spent } from "#drivers/contract/errors.ts";
import { firstByte } from "./first-byte.ts";
import { around, type CallOperation, type Layer, optionsOf } from "./layer.ts";

/** Tries of one call, the first included. */
const TRIES = 3;
/** The wait before the second try, in milliseconds; it doubles. */
const FIRST_DELAY_MS = 500;
/** Longest wait that is worth it while somebody waits for the answer, in milliseconds. */
const LONGEST_DELAY_MS = 10_000;

/** What leaves the storage as it was, or makes it the same again. A repeated move, upload or removal could meet its own first success. */
const REPEATABLE: ReadonlySet<CallOperation> = new Set<CallOperation>([
  "root",
  "stat",
  "link",
  "read",
  "thumbnailLink",
  "usage",
  "setModifiedAt",
]);

/**
 * Up to three tries with exponential delay and jitter, `retryAfterMs` honoured up to 10 s; what still fails is thrown as `spent`.
 * A listing is repeated only while none of its pages was handed on: pages of two runs do not fit together.
 * A read is repeated only before its first byte.
 */
export function retry(clock: Clock, random: (n: number) => Uint8Array): Layer {
  /** Waits before another try, or throws what ends the call. */
  const pause = async (error: unknown, attempt: number, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) throw signal.reason;
    if (!(error instanceof StorageError && error.retryable)) throw error;
    const jitter = 0.5 + (random(1)[0] ?? 0) / 256;
    const delay = Math.max(FIRST_DELAY_MS * 2 ** (attempt - 1) * jitter, error.retryAfterMs ?? 0);
    if (attempt >= TRIES || delay > LONGEST_DELAY_MS) throw spent(error);
    await clock.sleep(delay, signal);
  };
  async function* listing<T>(next: () => AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
    for (let attempt = 1; ; attempt++) {
      let begun = false;
      try {
        for await (const page of next()) {
          begun = true;
          yield page;
        }
        return;
      } catch (error) {
        if (begun) throw error;
        await pause(error, attempt, signal);
      }
    }
  }
  return (inner) =>
    around(inner, {
      async call(call, next) {
        if (!REPEATABLE.has(call.operation)) return next();
        const { signal } = optionsOf(call);
        for (let attempt = 1; ; attempt++) {
          try {
            const answer = await next();
            return call.operation === "read" ? await firstByte(answer as Readable, signal) : answer;
          } catch (error) {
            await pause(error, attempt, signal);
          }
        }
      },
      list: (_directory, o, next) => listing(next, o.signal),
      // Restoring and purging are not repeated: they could meet their own first success.
      trash: { list: (o, next) => listing(next, o.signal) },
    });
}
