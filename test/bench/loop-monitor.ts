/** Loaded into the server by `node --import`: at every SIGUSR2 it writes how late the event loop was since the last one, and begins anew. */
import { renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const NANOSECONDS_PER_MS = 1e6;

const file = process.env.BENCH_LOOP_FILE;
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

process.on("SIGUSR2", () => {
  if (!file) return;
  const figures = {
    p50: delay.percentile(50) / NANOSECONDS_PER_MS,
    p99: delay.percentile(99) / NANOSECONDS_PER_MS,
    max: delay.max / NANOSECONDS_PER_MS,
    samples: delay.count,
  };
  // Renamed into place, so that a reader never sees half of it.
  writeFileSync(`${file}.new`, JSON.stringify(figures));
  renameSync(`${file}.new`, file);
  delay.reset();
});
