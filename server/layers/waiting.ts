/** Waiting that ends when a signal aborts. */

/**
 * A promise settled by what `start` was handed, or rejected with the signal's reason when that aborts first;
 * then the function that `start` returned is called, to leave.
 */
export function linger<T>(
  signal: AbortSignal,
  start: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void,
): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise<T>((resolve, reject) => {
    let leave: (() => void) | undefined;
    const onAbort = () => {
      reject(signal.reason);
      leave?.();
    };
    const settle =
      <A>(how: (value: A) => void) =>
      (value: A) => {
        signal.removeEventListener("abort", onAbort);
        how(value);
      };
    signal.addEventListener("abort", onAbort, { once: true });
    leave = start(settle(resolve), settle(reject));
  });
}

/** The promise's outcome, or the signal's reason when that aborts first; what then still comes goes to `late`. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal, late?: (value: T) => void): Promise<T> {
  if (signal.aborted) promise.then(late, () => {}); // nobody waits for it any more
  return linger<T>(signal, (resolve, reject) => {
    let left = false;
    promise.then((value) => (left ? late?.(value) : resolve(value)), reject);
    return () => {
      left = true;
    };
  });
}
