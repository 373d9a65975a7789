/** The bench's table and its JSON. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import type { BenchCase } from "./cases.ts";
import type { ContestantName } from "./contestant.ts";
import type { Measured } from "./measure.ts";

export interface CaseOutcome {
  readonly case: Omit<BenchCase, "job">;
  /** All timed rounds of each server that took part. */
  readonly rounds: Partial<Record<ContestantName, readonly Measured[]>>;
}

/** The round with the median figure. */
function medianRound(rounds: readonly Measured[] | undefined): Measured | undefined {
  if (!rounds || rounds.length === 0) return undefined;
  return [...rounds].sort((a, b) => a.figure - b.figure)[Math.floor((rounds.length - 1) / 2)];
}

/** Pandav's median figure divided by another's; undefined where one did not take part. */
export function ratioTo(outcome: CaseOutcome, other: ContestantName): number | undefined {
  const ours = medianRound(outcome.rounds.pandav)?.figure;
  const theirs = medianRound(outcome.rounds[other])?.figure;
  return ours === undefined || theirs === undefined ? undefined : ours / theirs;
}

/** Lines of the table, one per case and server. */
export function table(outcomes: readonly CaseOutcome[]): string {
  const rows: string[][] = [["case", "server", "figure", "unit", "CPU s", "peak MiB", "p99 ms", "to rclone", "wanted"]];
  for (const outcome of outcomes) {
    for (const name of ["pandav", "rclone", "nginx"] as const) {
      const median = medianRound(outcome.rounds[name]);
      if (!median) continue;
      const ratio = name === "pandav" ? ratioTo(outcome, "rclone") : undefined;
      rows.push([
        outcome.case.id,
        name,
        median.failures > 0 ? `${median.failures} failures` : median.figure.toFixed(median.figure < 100 ? 1 : 0),
        outcome.case.unit,
        median.serverCpuSeconds.toFixed(2),
        median.peakMiB.toFixed(0),
        median.p99Ms.toFixed(1),
        ratio === undefined ? "" : `${ratio.toFixed(2)}×`,
        name === "pandav" ? `≥ ${outcome.case.minimumRatio}×` : "",
      ]);
    }
  }
  const titles = outcomes.map((outcome) => `${outcome.case.id}: ${outcome.case.title}`);
  return [...align(rows), "", ...titles].join("\n");
}

/** Columns padded to equal width; the first row is a head. */
export function align(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Writes `bench-results/<time>-<name>.json` in the project's folder and returns its path. */
export function writeResults(name: string, results: object): string {
  const folder = join(import.meta.dirname, "../../bench-results");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${new Date().toISOString().replaceAll(":", "-").slice(0, 19)}-${name}.json`);
  writeFileSync(path, `${JSON.stringify({ at: new Date().toISOString(), machine: machine(), ...results }, null, 2)}\n`);
  return path;
}

function machine() {
  const model = /^model name\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1];
  return { cpus: cpus().length, model, memoryGiB: totalmem() / 1024 ** 3, kernel: release(), node: process.version };
}
