/** The one order of the layers between the vfs and a driver. */
import type { Dispatcher } from "undici";
import type { Clock } from "#drivers/contract/driver.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { check } from "../layers/check.ts";
import { complete } from "../layers/complete.ts";
import type { Journal } from "../layers/journal.ts";
import type { Layer } from "../layers/layer.ts";
import { linkCache } from "../layers/link-cache.ts";
import { observe, type Recorder } from "../layers/observe.ts";
import { retry } from "../layers/retry.ts";
import { singleFlight } from "../layers/single-flight.ts";
import { timeout } from "../layers/timeout.ts";

export interface StackOptions {
  readonly traits: Traits;
  /** Names the mount in logs and metrics. */
  readonly mountPath: string;
  readonly clock: Clock;
  readonly recorder: Recorder;
  /** Rows of this mount (`recoverReplacements` in `layers/recover.ts` finishes what a crash left in it). */
  readonly journal: Journal;
  /** `n` random bytes. */
  random(n: number): Uint8Array;
  /** Throws while the account's login is over; absent for a mount without an account. */
  readonly demandLogin?: () => void;
  /** The mount's `DriverEnv.bytes`, asked for only when a link is read: `() => env.bytes`. */
  readonly bytes: () => Dispatcher;
}

/** A driver's mount under all layers. The vfs calls nothing else. */
export function stack(mount: Mount, options: StackOptions): Mount {
  return layersOf(options).reduceRight((inner, { layer }) => layer(inner), mount);
}

/** The layers from the outside in, each with the reason for its place. */
export function layersOf(options: StackOptions): readonly { name: string; why: string; layer: Layer }[] {
  const { traits, clock, recorder, mountPath, random } = options;
  return [
    {
      name: "observe",
      why: "outermost: sees every call as the vfs made it, refusals and merged calls included, and its whole duration",
      layer: observe(recorder, clock, mountPath),
    },
    {
      name: "check",
      why: "before anything is spent: a call that cannot be right is neither merged, repeated nor timed; answers are judged once for all waiters",
      layer: check(traits),
    },
    {
      name: "single-flight",
      why: "outside retry: waiters share one row of tries instead of starting one each",
      layer: singleFlight(),
    },
    {
      name: "retry",
      why: "outside timeout: each try has a limit of its own, and a try that passed it may be made again",
      layer: retry(clock, random),
    },
    {
      name: "timeout",
      why: "outside complete: a derived read or an emulated replace is under the same limits as a driver's own",
      layer: timeout(clock),
    },
    {
      name: "complete",
      why: "inside all that judge, merge, repeat and limit calls, since it may add methods: each of them then wraps what it added",
      layer: complete(options),
    },
    {
      name: "link-cache",
      why: "innermost: a caller of link and a read derived from it take the same links, and every change that is made at the driver is seen",
      layer: linkCache(options),
    },
  ];
}
