/** One load run against one server, with what it cost the server. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { BenchCase } from "./cases.ts";
import type { LoadJob, LoadResult } from "./load-job.ts";
import { cpuSeconds, peakMiB, resetPeak } from "./process-figures.ts";

export interface Measured extends LoadResult {
  /** In the case's unit. */
  readonly figure: number;
  readonly serverCpuSeconds: number;
  /** `VmHWM` of the server and its children. */
  readonly peakMiB: number;
  /** False when the peak is the one since the server's start. */
  readonly peakIsOfThisRun: boolean;
}

const LOAD_WITHIN_MS = 15 * 60_000;

/** Runs the load generator in a process of its own. */
export async function runLoad(job: LoadJob): Promise<LoadResult> {
  const child = spawn(process.execPath, [new URL("load.ts", import.meta.url).pathname], {
    stdio: ["pipe", "pipe", "inherit"],
    timeout: LOAD_WITHIN_MS,
  });
  child.stdin.end(JSON.stringify(job));
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  if (child.exitCode !== 0) throw new Error(`the load generator ended with ${child.exitCode ?? child.signalCode}`);
  return JSON.parse(output) as LoadResult;
}

/** A timed run. */
export async function measure(pid: number, job: LoadJob, unit: BenchCase["unit"]): Promise<Measured> {
  const peakIsOfThisRun = resetPeak(pid);
  const before = cpuSeconds(pid);
  const result = await runLoad(job);
  const amount = unit === "MiB/s" ? result.bytes / 1024 ** 2 : result.requests;
  return {
    ...result,
    figure: amount / result.seconds,
    serverCpuSeconds: cpuSeconds(pid) - before,
    peakMiB: peakMiB(pid),
    peakIsOfThisRun,
  };
}
