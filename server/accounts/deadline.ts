/** Time limits that begin with a call and end with it. */

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
