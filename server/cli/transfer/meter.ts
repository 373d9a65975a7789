/** What a transfer shows of its progress: one line for each file on its way and one for all, on a terminal only. */
import type { Writable } from "node:stream";
import { oneLine } from "../terminal.ts";
import { bytesText, fitted, timeText } from "./amounts.ts";

/** Milliseconds between two drawings. */
const DRAW_MS = 150;

/** A rate is that of the last so many milliseconds. */
const WINDOW_MS = 4000;

/** Lines that files may take; more are on their way unseen. */
const MOST_LINES = 8;

/** Columns where the terminal does not tell. */
const COLUMNS = 80;

/** One file on its way. */
export interface Track {
  /** Bytes that are done, cumulative. */
  set(bytes: number): void;
  add(bytes: number): void;
  end(): void;
}

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

/** A number of bytes that grows, and how fast. */
class Pace {
  bytes = 0;
  #samples: Sample[] = [];

  /** Bytes a second over the window; undefined while nothing is known. */
  rate(now: number): number | undefined {
    const newest = this.#samples.at(-1);
    if (!newest || now - newest.at >= DRAW_MS) this.#samples.push({ at: now, bytes: this.bytes });
    while ((this.#samples[1]?.at ?? now) < now - WINDOW_MS) this.#samples.shift();
    const oldest = this.#samples[0]!;
    return now - oldest.at < DRAW_MS ? undefined : ((this.bytes - oldest.bytes) * 1000) / (now - oldest.at);
  }
}

export class Meter {
  readonly #out: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly #all = new Pace();
  readonly #tracks = new Set<{ readonly name: string; readonly total: number | undefined; readonly pace: Pace }>();
  readonly #timer: NodeJS.Timeout | undefined;
  #begun = 0;
  #drawn = 0;
  /** Those who print or ask by themselves now. */
  #aside = 0;

  /** Shows nothing where `out` is no terminal. */
  constructor(out: Writable) {
    this.#out = out;
    if (!this.#out.isTTY) return;
    this.#timer = setInterval(() => this.#draw(), DRAW_MS);
    this.#timer.unref();
  }

  begin(name: string, total: number | undefined): Track {
    const track = { name: oneLine(name), total, pace: new Pace() };
    this.#tracks.add(track);
    this.#begun++;
    const add = (bytes: number) => {
      track.pace.bytes += bytes;
      this.#all.bytes += bytes;
    };
    return {
      add,
      set: (bytes) => add(bytes - track.pace.bytes),
      end: () => void this.#tracks.delete(track),
    };
  }

  /** Runs what prints or asks something by itself, the lines out of its way. */
  async aside<T>(work: () => T | Promise<T>): Promise<T> {
    this.#clear();
    this.#aside++;
    try {
      return await work();
    } finally {
      this.#aside--;
    }
  }

  /** Leaves the terminal as it was. */
  close(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #draw(): void {
    if (this.#aside > 0) return;
    const now = performance.now();
    const columns = (this.#out.columns ?? COLUMNS) - 1;
    const shown = [...this.#tracks].slice(0, MOST_LINES);
    const lines = shown.map(({ name, total, pace }) => lineOf(name, pace, total, now, columns));
    if (this.#begun > 1) {
      const name = `${this.#begun - this.#tracks.size} done, ${this.#tracks.size} on the way`;
      lines.push(lineOf(name, this.#all, undefined, now, columns));
    }
    this.#out.write(`${this.#up()}${lines.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
    this.#drawn = lines.length;
  }

  #clear(): void {
    if (this.#drawn > 0) this.#out.write(`${this.#up()}\x1b[J`);
    this.#drawn = 0;
  }

  #up(): string {
    return this.#drawn > 0 ? `\x1b[${this.#drawn}A\r` : "";
  }
}

function lineOf(name: string, pace: Pace, total: number | undefined, now: number, columns: number): string {
  const rate = pace.rate(now);
  const percent = total === undefined ? "" : total === 0 ? "100%" : `${Math.floor((pace.bytes * 100) / total)}%`;
  const amount = total === undefined ? bytesText(pace.bytes) : `${bytesText(pace.bytes)} of ${bytesText(total)}`;
  const left = total !== undefined && rate ? `${timeText((total - pace.bytes) / rate)} left` : "";
  const facts = [percent, amount, rate === undefined ? "" : `${bytesText(Math.round(rate))}/s`, left];
  const text = facts.filter((fact) => fact !== "").join("  ");
  return fitted(`${fitted(name, Math.max(12, columns - text.length - 2))}  ${text}`, columns);
}
