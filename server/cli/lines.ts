/** Lines on their way to standard output: many at a time where they come fast, soon where they come slowly. */
import type { Writable } from "node:stream";
import { print } from "./terminal.ts";

/** Lines printed at once. */
const AT_ONCE = 1000;

/** Longest that a line waits for the next one, in milliseconds. */
const WAITS_MS = 200;

export class Lines {
  readonly #out: Writable;
  #waiting: string[] = [];
  #printedAt = performance.now();

  constructor(out: Writable) {
    this.#out = out;
  }

  add(line: string): void {
    this.#waiting.push(line);
  }

  /** True where it is time to `flush`. */
  get areDue(): boolean {
    return this.#waiting.length >= AT_ONCE || performance.now() - this.#printedAt >= WAITS_MS;
  }

  async flush(): Promise<void> {
    const text = this.#waiting.join("");
    this.#waiting = [];
    this.#printedAt = performance.now();
    if (text !== "") await print(this.#out, text);
  }
}
