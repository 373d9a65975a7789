/** What `upload` and `download` have in common: what was asked for, what is shown meanwhile, and how they end. */
import { Refused } from "../client.ts";
import type { Definer } from "../definer.ts";
import { about, cannot, Interrupted } from "../report.ts";
import { type Conflict, Decider, type Decision, readConflict } from "./conflict.ts";
import { Meter, type Track } from "./meter.ts";
import { readJobs, splitOperands } from "./operands.ts";
import { type Outcome, TransferReport } from "./report-lines.ts";

export interface TransferFlags {
  readonly recursive?: boolean;
  readonly conflict: string;
  readonly jobs: string;
  readonly json?: boolean;
  readonly target?: string;
}

/** A command line, understood. */
export interface Plan<Flags extends TransferFlags> {
  readonly sources: readonly string[];
  readonly target: string | undefined;
  readonly flags: Flags;
  readonly conflict: Conflict;
  readonly jobs: number;
}

/** Throws UsageError. */
export function planOf<Flags extends TransferFlags>(words: readonly string[], flags: Flags): Plan<Flags> {
  const operands = splitOperands(words, flags.target);
  return { ...operands, flags, conflict: readConflict(flags.conflict), jobs: readJobs(flags.jobs) };
}

export interface SessionOptions {
  readonly operation: "upload" | "download";
  readonly define: Definer;
  readonly plan: Plan<TransferFlags>;
  /** False: standard output carries a file. */
  readonly summary?: boolean;
}

/** The terminal of one transfer, from its first file to its summary. */
export class Session {
  readonly #o: SessionOptions;
  readonly #meter: Meter;
  readonly #decider: Decider;
  readonly #report: TransferReport;

  /** Throws UsageError where somebody is to be asked and nobody can be. */
  constructor(o: SessionOptions) {
    const { terminal, signal } = o.define.options;
    this.#o = o;
    this.#decider = new Decider(o.plan.conflict, terminal, signal);
    this.#meter = new Meter(terminal.stderr);
    this.#report = new TransferReport({
      operation: o.operation,
      json: o.plan.flags.json === true,
      terminal,
      summary: o.summary !== false,
      meter: this.#meter,
      complain: (error) => o.define.complain(error),
    });
  }

  /** Does the work, leaves the terminal as it was, and says what happened. */
  async run(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#meter.close();
      if (error instanceof Interrupted && this.#o.summary !== false)
        this.#o.define.options.terminal.stderr.write(
          `pandav: ${this.#o.operation}: interrupted; the same command goes on where it was\n`,
        );
      if (!(error instanceof GivenUp)) throw error;
    } finally {
      this.#meter.close();
      this.#decider.close();
    }
    await this.#report.end();
  }

  /** A file on its way; `size` where it is known. */
  begin(shown: string, size: number | undefined): Track {
    return this.#meter.begin(shown, size);
  }

  /** What is known without asking about names that are taken. */
  get decided(): Decision | undefined {
    return this.#decider.decided;
  }

  /** What to do with a file whose name is taken. */
  async decide(path: string): Promise<Decision> {
    return this.decided ?? this.#meter.aside(() => this.#decider.decide(path));
  }

  /** Does one file, and tells what became of it. Throws what ends the command. */
  async file(source: string, target: string, work: () => Promise<Outcome>): Promise<void> {
    const startedAt = performance.now();
    try {
      await this.#report.add(await work(), performance.now() - startedAt);
    } catch (error) {
      await this.fail(source, target, about(cannot(this.#o.operation, source), error));
      // Every other file would fail in the same way.
      if (error instanceof Refused && error.kind === "unauthenticated") throw new GivenUp();
    }
  }

  /** Tells what did not go. Throws what ends the command. */
  fail(source: string, target: string, error: unknown): Promise<void> {
    return this.#report.fail(source, target, error);
  }
}

/** What was complained about ends the command. */
class GivenUp extends Error {}
