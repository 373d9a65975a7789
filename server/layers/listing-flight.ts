/** One running listing that any number of callers read, each from its first page. */
import type { Page } from "./layer.ts";
import { orAbort } from "./waiting.ts";

export interface ListingFlight {
  /** True once the last reader left: nobody may join any more. */
  readonly stopped: boolean;
  /** Resolves when the listing ended, however. */
  readonly done: Promise<void>;
  /** All pages from the first. The fastest reader sets the pace; what it was given waits for the others, no longer than the listing runs. */
  read(signal: AbortSignal): AsyncGenerator<Page, void, undefined>;
}

/** Starts a listing with a signal that aborts when the last reader leaves before the end. */
export function startListing(begin: (signal: AbortSignal) => AsyncIterable<Page>): ListingFlight {
  const controller = new AbortController();
  const iterator = begin(controller.signal)[Symbol.asyncIterator]();
  const pages: Page[] = [];
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  let outcome: "running" | "complete" | { readonly error: unknown } = "running";
  let pulling: Promise<void> | undefined;
  let readers = 0;

  const pull = () => {
    pulling ??= iterator
      .next()
      .then(
        (result) => {
          if (result.done) outcome = "complete";
          else pages.push(result.value);
        },
        (error: unknown) => {
          outcome = { error };
        },
      )
      .finally(() => {
        pulling = undefined;
        if (outcome !== "running") finish();
      });
    return pulling;
  };
  const leave = (signal: AbortSignal) => {
    readers -= 1;
    if (readers > 0 || outcome !== "running") return;
    controller.abort(signal.aborted ? signal.reason : undefined);
    // Not awaited: who leaves does not wait for a driver that is slow to let go.
    iterator.return?.().then(undefined, () => {});
    finish();
  };

  return {
    get stopped() {
      return controller.signal.aborted;
    },
    done,
    async *read(signal) {
      readers += 1;
      try {
        for (let next = 0; ; ) {
          signal.throwIfAborted();
          const page = pages[next];
          if (page) {
            next += 1;
            yield page;
          } else if (typeof outcome === "object") throw outcome.error;
          else if (outcome === "complete") return;
          else await orAbort(pull(), signal);
        }
      } finally {
        leave(signal);
      }
    },
  };
}
