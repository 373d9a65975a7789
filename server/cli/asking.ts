/** Questions that a person, or a pipe in his place, answers with a line. */
import { createInterface, type Interface } from "node:readline";
import { print, type Terminal } from "./terminal.ts";

/** Asks on standard error, reads from standard input. To be closed. */
export class Asker {
  readonly #terminal: Terminal;
  readonly #signal: AbortSignal;
  #lines: Interface | undefined;
  #answers: AsyncIterator<string> | undefined;

  constructor(terminal: Terminal, signal: AbortSignal) {
    this.#terminal = terminal;
    this.#signal = signal;
  }

  /** True only for `y` and `yes`; the end of input means no (sjtu-pan.md §9.1). Throws the signal's reason. */
  async confirm(question: string): Promise<boolean> {
    await print(this.#terminal.stderr, `${question} (y/N) `);
    this.#lines ??= createInterface({ input: this.#terminal.stdin, signal: this.#signal });
    this.#answers ??= this.#lines[Symbol.asyncIterator]();
    const { value, done } = await this.#answers.next();
    this.#signal.throwIfAborted();
    if (done) await print(this.#terminal.stderr, "\n");
    return !done && /^y(es)?$/i.test(value.trim());
  }

  close(): void {
    this.#lines?.close();
  }
}
