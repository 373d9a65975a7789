/** The contract suite's way to open a mount under the full stack of layers, with or without faults below it. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, type Dispatcher } from "undici";
import type { Clock } from "#drivers/contract/driver.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { memoryJournal } from "#server/layers/journal.ts";
import { stack } from "#server/vfs/stack.ts";
import { type Chaos, createChaos, type RandomFaults } from "#test/faults/chaos.ts";
import type { MountSuite, MountUnderTest } from "./mount-under-test.ts";

/** Waits below this are pauses between two tries; limits of calls are longer. */
const LONGEST_PAUSE_MS = 4_000;

/** Faults that the layers must hide: failures worth another try, of calls that may be repeated, never more in a row than are tried again. */
const HIDDEN_FAULTS: Omit<RandomFaults, "seed"> = {
  rate: 0.2,
  operations: ["root", "list", "stat", "link", "read", "usage", "setModifiedAt"],
  firstPageOnly: true,
  atMostInARow: 2,
};

/** The same storage with the stack around its mount, as the vfs sees it. */
export function underStack(open: MountSuite["open"]): MountSuite["open"] {
  return async () => stacked(await open());
}

/** The same storage with seeded faults around its mount, and the stack around those. */
export function underFaults(open: MountSuite["open"], seed: number): MountSuite["open"] {
  return async () => {
    const opened = await open();
    const chaos: Chaos = createChaos({ random: { ...HIDDEN_FAULTS, seed } });
    return stacked({ ...opened, mount: chaos.layer(opened.mount) });
  };
}

/** The real time, its pauses between two tries a hundred times shorter. */
const hastyClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    await sleep(ms < LONGEST_PAUSE_MS ? ms / 100 : ms, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  },
};

/** A mount under the stack, for tests that put something between the two. */
export function layered(mount: Mount, traits: Traits, bytes: () => Dispatcher = noBytes): Mount {
  return stack(mount, {
    traits,
    mountPath: "/contract",
    clock: hastyClock,
    recorder: { begun: () => undefined, ended: () => undefined },
    journal: memoryJournal(),
    random: (n) => randomBytes(n),
    bytes,
  });
}

function noBytes(): never {
  throw new Error("this test follows no link");
}

function stacked(opened: MountUnderTest): MountUnderTest {
  const agent = new Agent();
  return {
    ...opened,
    mount: layered(opened.mount, opened.traits, () => agent),
    traits: { ...opened.traits, replace: "atomic" },
    async dispose() {
      await agent.close();
      await opened.dispose();
    },
  };
}
