/** How many connections one file has at the upstream: services refuse or punish more (115.md: two). */
import type { Clock } from "#drivers/contract/driver.ts";
import type { Entry, Link } from "#drivers/contract/mount.ts";
import { linger } from "./waiting.ts";

interface Slots {
  taken: number;
  /** When closed connections stop to count, in milliseconds since the epoch, soonest first. */
  cooling: number[];
  /** Wakes those who wait, in their order. */
  readonly waiting: Set<() => void>;
}

export class LinkSlots {
  readonly #clock: Clock;
  readonly #files = new Map<string, Slots>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits until the file has a connection free, and takes it; the function that is returned gives it back, to count for `slotReleaseMs` more.
   * The limit is the link's, else `most`; without any, nobody waits. Rejects with the signal's reason.
   */
  async enter(file: Entry, link: Link, most: number | undefined, signal: AbortSignal): Promise<() => void> {
    const limit = link.maxConnections ?? most;
    if (limit === undefined) return () => {};
    this.#sweep();
    const key = JSON.stringify([file.id, file.version]);
    const slots = this.#files.get(key) ?? { taken: 0, cooling: [], waiting: new Set() };
    this.#files.set(key, slots);
    while (this.#used(slots) >= Math.max(1, limit)) await this.#change(slots, signal);
    slots.taken += 1;
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      slots.taken -= 1;
      if (link.slotReleaseMs) slots.cooling.push(this.#clock.now() + link.slotReleaseMs);
      wakeAll(slots);
    };
  }

  #used(slots: Slots): number {
    const now = this.#clock.now();
    slots.cooling = slots.cooling.filter((until) => until > now);
    return slots.taken + slots.cooling.length;
  }

  /** Resolves when a connection may have become free. */
  #change(slots: Slots, signal: AbortSignal): Promise<void> {
    return linger<void>(signal, (resolve) => {
      const left = new AbortController();
      const leave = () => {
        slots.waiting.delete(wake);
        left.abort(LEFT);
      };
      const wake = () => {
        leave();
        resolve();
      };
      slots.waiting.add(wake);
      const [soonest] = slots.cooling;
      if (soonest !== undefined) {
        this.#clock.sleep(soonest - this.#clock.now(), left.signal).then(wake, () => {}); // fails when woken before
      }
      return leave;
    });
  }

  /** Forgets files that nobody reads. */
  #sweep(): void {
    for (const [key, slots] of this.#files) {
      if (slots.waiting.size === 0 && this.#used(slots) === 0) this.#files.delete(key);
    }
  }
}

const LEFT = new Error("the wait has ended");

function wakeAll({ waiting }: Slots): void {
  for (const wake of [...waiting]) wake();
}
