/** One running call that any number of callers wait for. */
import { linger } from "./waiting.ts";

/** What one waiter gets. */
export interface Landing<T> {
  readonly value: T;
  /** True for one of the waiters only. */
  readonly isFirst: boolean;
  /** How many waiters got the value; the same object for all of them. */
  readonly holders: { count: number };
}

export interface Flight<T> {
  /** True once the last waiter left: nobody may join any more. */
  readonly stopped: boolean;
  /** Resolves when the call ended, however. */
  readonly done: Promise<void>;
  /** Rejects with the signal's reason when it aborts first. */
  wait(signal: AbortSignal): Promise<Landing<T>>;
}

interface Waiter<T> {
  resolve(landing: Landing<T>): void;
  reject(error: unknown): void;
}

/** Starts `run` with a signal that aborts when the last waiter leaves; a value that then still comes goes to `unclaimed`. */
export function startFlight<T>(run: (signal: AbortSignal) => Promise<T>, unclaimed?: (value: T) => void): Flight<T> {
  const waiters = new Set<Waiter<T>>();
  const controller = new AbortController();
  const done = run(controller.signal).then(
    (value) => {
      const holders = { count: waiters.size };
      if (waiters.size === 0) unclaimed?.(value);
      // All in one turn, so that nobody can leave between the count and the hand-over.
      let isFirst = true;
      for (const waiter of waiters) {
        waiter.resolve({ value, isFirst, holders });
        isFirst = false;
      }
      waiters.clear();
    },
    (error) => {
      for (const waiter of waiters) waiter.reject(error);
      waiters.clear();
    },
  );
  return {
    get stopped() {
      return controller.signal.aborted;
    },
    done,
    wait: (signal) =>
      linger<Landing<T>>(signal, (resolve, reject) => {
        const waiter = { resolve, reject };
        waiters.add(waiter);
        return () => {
          waiters.delete(waiter);
          if (waiters.size === 0) controller.abort(signal.reason);
        };
      }),
  };
}
