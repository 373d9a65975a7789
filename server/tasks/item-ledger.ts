/** Ticks items off some at a time: each on its own would cost a durable write, which takes longer than a small file. */
import type { ItemPatch, Items } from "./items.ts";

/** Most items that wait to be written down, and for how long, in milliseconds. What a crash takes of them is found stored by the next run. */
const MOST_WAITING = 100;
const WRITE_EVERY_MS = 500;

/** The items of a task that are done and not yet written down. */
export class ItemLedger {
  readonly #items: Pick<Items, "updateMany">;
  #waiting: (readonly [n: number, patch: ItemPatch])[] = [];
  #since = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(items: Pick<Items, "updateMany">) {
    this.#items = items;
  }

  /** Takes a change of an item; durable once a later `write` resolves. Throws what an earlier one could not be written with. */
  async add(n: number, patch: ItemPatch): Promise<void> {
    if (this.#waiting.length === 0) this.#since = performance.now();
    this.#waiting.push([n, patch]);
    if (this.#waiting.length >= MOST_WAITING || performance.now() - this.#since >= WRITE_EVERY_MS) await this.write();
  }

  /** Writes down all that waits. Durable when it resolves. */
  write(): Promise<void> {
    const some = this.#waiting;
    this.#waiting = [];
    this.#last = this.#last.then(() => this.#items.updateMany(some));
    return this.#last;
  }
}
