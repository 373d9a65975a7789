/** What to do where a name is taken: the choices of `--conflict`, and the question that `ask` puts. */
import { UsageError } from "../../config.ts";
import { Asker } from "../asking.ts";
import { oneLine, type Terminal } from "../terminal.ts";

/** What a person may choose beforehand. */
export const CONFLICTS = ["rename", "overwrite", "skip", "ask"] as const;
export type Conflict = (typeof CONFLICTS)[number];

/** What is done with one file. */
export type Decision = Exclude<Conflict, "ask">;

const KEYS: Readonly<Record<string, Decision>> = { r: "rename", o: "overwrite", s: "skip" };

/** Throws UsageError on another word. */
export function readConflict(text: string): Conflict {
  const known = CONFLICTS.find((choice) => choice === text);
  if (known) return known;
  throw new UsageError(`--conflict needs one of ${CONFLICTS.join(", ")}, and not "${text}"`);
}

/** Puts one question at a time, and remembers an answer that is meant for all. To be closed. */
export class Decider {
  readonly #choice: Conflict;
  readonly #asker: Asker;
  #always: Decision | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Throws UsageError where nobody can be asked. */
  constructor(choice: Conflict, terminal: Terminal, signal: AbortSignal) {
    this.#choice = choice;
    this.#asker = new Asker(terminal, signal);
    if (choice === "ask" && !terminal.stdin.isTTY)
      throw new UsageError("--conflict ask needs a terminal: choose rename, overwrite or skip");
  }

  /** What is known without asking. */
  get decided(): Decision | undefined {
    return this.#choice === "ask" ? this.#always : this.#choice;
  }

  /** What to do with a file whose name is taken. */
  decide(path: string): Promise<Decision> {
    const decision = this.#last.then(async () => this.decided ?? (await this.#ask(path)));
    this.#last = decision.catch(() => {});
    return decision;
  }

  close(): void {
    this.#asker.close();
  }

  async #ask(path: string): Promise<Decision> {
    const question = `'${oneLine(path)}' exists: (o)verwrite, (r)ename, (s)kip; a capital letter for all? `;
    for (;;) {
      const answer = await this.#asker.ask(question);
      if (answer === undefined) {
        this.#always = "skip"; // nobody answers any more
        return "skip";
      }
      const key = answer.slice(0, 1);
      const decision = KEYS[key.toLowerCase()];
      if (!decision) continue;
      if (key !== key.toLowerCase()) this.#always = decision;
      return decision;
    }
  }
}
