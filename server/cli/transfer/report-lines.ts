/** What a transfer says in the end: a line for each file as JSON, or a summary for people. */

import { toFailure } from "../report.ts";
import { oneLine, print, type Terminal } from "../terminal.ts";
import { bytesText } from "./amounts.ts";
import type { Meter } from "./meter.ts";

/** One file that went or did not go. */
export interface Outcome {
  /** As it was named, or found. */
  readonly source: string;
  /** Where it is now. */
  readonly target: string;
  readonly status: "done" | "skipped";
  /** Bytes. */
  readonly size?: number | undefined;
  /** False: something of that name was replaced. */
  readonly created?: boolean;
  readonly hashes?: Readonly<Record<string, string>> | undefined;
  /** True where the name is another than the one asked for. */
  readonly renamed?: boolean;
}

export interface TransferReportOptions {
  readonly operation: "upload" | "download";
  readonly json: boolean;
  readonly terminal: Terminal;
  /** False: standard output has other things to carry. */
  readonly summary?: boolean;
  readonly meter: Meter;
  complain(error: unknown): void;
}

/** Counts outcomes and prints them. JSON lines: `{ operation, source, target, status: "done" | "skipped" | "failed", size?, created?, hashes?, durationMs?, error?: { message, exitCode } }`. */
export class TransferReport {
  readonly #o: TransferReportOptions;
  readonly #startedAt = performance.now();
  #first: Outcome | undefined;
  #isFirstSaid = false;
  readonly #count = { done: 0, skipped: 0, failed: 0, bytes: 0 };

  constructor(options: TransferReportOptions) {
    this.#o = options;
  }

  async add(outcome: Outcome, durationMs: number): Promise<void> {
    const before = this.#first;
    this.#first ??= outcome;
    this.#count[outcome.status]++;
    this.#count.bytes += outcome.status === "done" ? (outcome.size ?? 0) : 0;
    const { operation, json } = this.#o;
    if (json) return this.#json({ operation, ...outcome, durationMs: Math.round(durationMs) });
    // The first is said by the summary, where it stays the only one.
    if (before && !this.#isFirstSaid) await this.#note(before);
    if (before) await this.#note(outcome);
  }

  /** Says why one file failed; throws what ends the command. */
  async fail(source: string, target: string, error: unknown): Promise<void> {
    await this.#o.meter.aside(() => this.#o.complain(error));
    this.#count.failed++;
    const { exitCode, message } = toFailure(error);
    const { operation, json } = this.#o;
    if (json) await this.#json({ operation, source, target, status: "failed", error: { message, exitCode } });
  }

  /** The summary, as the last thing. Nothing where all that could be said is what failed. */
  async end(): Promise<void> {
    const { json, operation, terminal, summary = true } = this.#o;
    const { done, skipped, failed, bytes } = this.#count;
    if (json || !summary || done + skipped === 0) return;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const first = this.#first!;
    const past = operation === "upload" ? "uploaded" : "downloaded";
    if (done === 0 && skipped === 1 && failed === 0) return print(terminal.stdout, skippedText(first));
    const only = done === 1 && skipped + failed === 0;
    const what = only
      ? `${quoted(first.source)} -> ${quoted(first.target)}`
      : `${done} ${done === 1 ? "file" : "files"}`;
    const rate = `${bytesText(bytes)} in ${seconds.toFixed(1)} s, ${bytesText(Math.round(bytes / seconds))}/s`;
    const rest = [skipped > 0 && `${skipped} skipped`, failed > 0 && `${failed} failed`].filter(
      (text) => text !== false,
    );
    await print(terminal.stdout, `${past} ${[`${what}${done > 0 ? ` (${rate})` : ""}`, ...rest].join(", ")}\n`);
  }

  async #note(outcome: Outcome): Promise<void> {
    this.#isFirstSaid = true;
    const text =
      outcome.status === "skipped"
        ? skippedText(outcome)
        : outcome.renamed && `${quoted(outcome.source)} -> ${quoted(outcome.target)}\n`;
    if (text && this.#o.summary !== false) await this.#o.meter.aside(() => print(this.#o.terminal.stdout, text));
  }

  #json(row: object): Promise<void> {
    return this.#o.meter.aside(() => print(this.#o.terminal.stdout, `${JSON.stringify(row)}\n`));
  }
}

function skippedText({ target }: Outcome): string {
  return `${quoted(target)} exists: skipped\n`;
}

function quoted(path: string): string {
  return `'${oneLine(path)}'`;
}
