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
    return /^y(es)?$/i.test((await this.ask(`${question} (y/N) `)) ?? "");
  }

  /** The answer, without space around it; undefined at the end of input. Throws the signal's reason. */
  async ask(question: string): Promise<string | undefined> {
    await print(this.#terminal.stderr, question);
    this.#lines ??= createInterface({ input: this.#terminal.stdin, signal: this.#signal });
    this.#answers ??= this.#lines[Symbol.asyncIterator]();
    const { value, done } = await this.#answers.next();
    this.#signal.throwIfAborted();
    if (!done) return value.trim();
    await print(this.#terminal.stderr, "\n");
    return undefined;
  }

  close(): void {
    this.#lines?.close();
  }
}
