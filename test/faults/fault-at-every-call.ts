/** Runs a scenario once for every point at which a storage could fail, with that point failing. */
import type { StorageError } from "#drivers/contract/errors.ts";
import { type CallPoint, type Chaos, createChaos, describePoint, injected } from "./chaos.ts";

/** One run with one fault. */
export interface FaultyRun<T> {
  readonly point: CallPoint;
  readonly when: "before" | "after";
  /** What was put in. */
  readonly error: StorageError;
  /** How the scenario ended. */
  readonly outcome: { readonly value: T } | { readonly thrown: unknown };
  /** What it gives without faults. */
  readonly clean: T;
}

export interface EveryCallOptions {
  /** Whether the storage did what was asked before it failed. Default: both; pages of listings fail only before. */
  readonly when?: readonly FaultyRun<unknown>["when"][];
  /** The fault; default `unavailable`, not retryable. */
  error?(point: CallPoint): StorageError;
}

/**
 * Runs `scenario` without faults, then once per point that this run passed, and hands each outcome to `judge`, which throws where it is wrong.
 * The scenario opens everything anew around `chaos.layer`, may `chaos.heal()` before it looks at what remains, and must make the same calls each time.
 * Returns the points. Throws when there are none, or when a fault did not strike.
 */
export async function faultAtEveryCall<T>(
  scenario: (chaos: Chaos) => Promise<T>,
  judge: (run: FaultyRun<T>) => void | Promise<void>,
  { when: times = ["before", "after"], error: errorAt }: EveryCallOptions = {},
): Promise<readonly CallPoint[]> {
  const calm = createChaos();
  const clean = await scenario(calm);
  const points = [...calm.points];
  if (points.length === 0) throw new Error("the scenario makes no call, so no fault can strike");
  for (const point of points) {
    for (const when of times) {
      if (when === "after" && point.page !== undefined) continue;
      const where = `${describePoint(point)}, ${when}`;
      const error = errorAt?.(point) ?? injected(where);
      const chaos = createChaos({ faults: [{ ...point, fails: error, when }] });
      const outcome = await scenario(chaos).then(
        (value) => ({ value }),
        (thrown: unknown) => ({ thrown }),
      );
      if (chaos.struck() === 0) throw new Error(`the fault at ${where} never struck: the scenario makes other calls`);
      try {
        await judge({ point, when, error, outcome, clean });
      } catch (cause) {
        throw new Error(`with a fault at ${where}: ${cause instanceof Error ? cause.message : String(cause)}`, {
          cause,
        });
      }
    }
  }
  return points;
}
