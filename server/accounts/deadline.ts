/** Waits that end: with an answer, with a time limit, or because nobody wants them any more. */

/** A signal that aborts with `late()` after `ms`, and with any of `signals`; `end` lets go of its timer. */
export function deadline(
  ms: number,
  late: () => unknown,
  ...signals: readonly AbortSignal[]
): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(late()), ms);
  return { signal: AbortSignal.any([controller.signal, ...signals]), end: () => clearTimeout(timer) };
}

/** How a promise ends, or the signal's reason as soon as that aborts: for work of others, which may not listen. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      promise.catch(() => {}); // nobody waits for it any more
      reject(signal.reason);
      return;
    }
    const leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
