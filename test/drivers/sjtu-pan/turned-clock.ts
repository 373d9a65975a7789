/** Clocks for a driver under test. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "#drivers/contract/driver.ts";

/** Waits above this are limits on silence, not pauses between two tries. */
const LONGEST_PAUSE_MS = 20_000;

/** The real time, shifted by what `offset` says at the moment; pauses between two tries are a hundred times shorter. */
export function turnedClock(offset: () => number = () => 0): Clock {
  return {
    now: () => Date.now() + offset(),
    async sleep(ms, signal) {
      await sleep(ms < LONGEST_PAUSE_MS ? ms / 100 : ms, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
    },
  };
}

/** A time that runs `times` as fast as the real one. */
export function fastClock(times: number): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * times,
    async sleep(ms, signal) {
      await sleep(ms / times, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
    },
  };
}
