/** A driver's mount under the full stack, as the vfs has it, for tests. */
import { randomBytes } from "node:crypto";
import type { Clock } from "#drivers/contract/driver.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { type Journal, memoryJournal } from "#server/layers/journal.ts";
import type { Observation } from "#server/layers/observe.ts";
import { createBytes } from "#server/upstream/bytes.ts";
import { systemClock } from "#server/upstream/clock.ts";
import { stack } from "#server/vfs/stack.ts";

export interface StackFixture {
  readonly mount: Mount;
  /** Empty when no replacement is in progress. */
  readonly journal: Journal;
  /** Every finished call, oldest first. */
  readonly observations: readonly Observation[];
}

export interface StackFixtureOptions {
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly mountPath?: string;
  readonly journal?: Journal;
  /** Real host → loopback origin. */
  readonly upstreams?: Readonly<Record<string, string>>;
}

/** `mount` under all layers, with a journal in memory. */
export function stackFixture(mount: Mount, traits: Traits, options: StackFixtureOptions = {}): StackFixture {
  const observations: Observation[] = [];
  const journal = options.journal ?? memoryJournal();
  return {
    journal,
    observations,
    mount: stack(mount, {
      traits,
      mountPath: options.mountPath ?? "/mount",
      clock: options.clock ?? systemClock,
      recorder: { begun() {}, ended: (observation) => observations.push(observation) },
      journal,
      random: (n) => randomBytes(n),
      bytes: () => createBytes({ upstreams: options.upstreams ?? {}, onRequest() {} }),
    }),
  };
}
