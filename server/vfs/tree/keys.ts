/** Node keys: taken in blocks from the durable counter, never given twice (architecture.md §5). */
import type { Store } from "../../store/store.ts";

/** Keys taken at a time. A restart loses what is left of a block. */
const BLOCK = 1000;

export class NodeKeys {
  readonly #store: Store;
  #next = 0;
  #end = 0;
  #fetching: Promise<void> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** True when `count` keys are at hand. */
  has(count: number): boolean {
    return this.#end - this.#next >= count;
  }

  /** Fetches keys. Ask `has` again afterwards: others may have taken them. */
  async fetch(count: number): Promise<void> {
    this.#fetching ??= this.#takeBlock(Math.max(BLOCK, count)).finally(() => {
      this.#fetching = undefined;
    });
    await this.#fetching;
  }

  take(): number {
    if (this.#next === this.#end) throw new Error("no node key was reserved");
    return this.#next++;
  }

  async #takeBlock(size: number): Promise<void> {
    const first = await this.#store.takeBlock("node", size);
    // What is left of the old block goes on where the new one follows it.
    if (first !== this.#end) this.#next = first;
    this.#end = first + size;
  }
}
