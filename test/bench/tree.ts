/** `npm run bench -- --tree`: a tree of a million entries in the real server: start, scan after a restart, a directory of 100,000. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { encodePath } from "#drivers/contract/path.ts";
import { directoryName, GROUP_SIZE, groupName } from "#test/support/generated-world.ts";
import type { LoadResult, RequestsJob } from "./load-job.ts";
import { runLoad } from "./measure.ts";
import { type Waits, waitsDuring } from "./others.ts";
import { addStorage, PANDAV_HEADERS, pandavServer, pandavVersion } from "./pandav.ts";
import { cpuSeconds, peakMiB } from "./process-figures.ts";
import { align, writeResults } from "./report.ts";

const FULL = { directories: 20_000, files: 50, big: 100_000 };
const SMALL = { directories: 1_000, files: 50, big: 20_000 };

/** How late the event loop was, in milliseconds. */
interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly samples: number;
}

/** Prints the figures and writes them to bench-results. */
export async function benchTree(small: boolean): Promise<void> {
  const shape = small ? SMALL : FULL;
  const folder = mkdtempSync(join(tmpdir(), "pandav-bench-"));
  const dataDir = join(folder, "data");
  const callsFile = join(folder, "calls.json");
  const loopFile = join(folder, "loop.json");
  const server = pandavServer(dataDir, {
    nodeArgs: ["--import", new URL("loop-monitor.ts", import.meta.url).href],
    env: { BENCH_LOOP_FILE: loopFile },
  });
  const directories = Array.from(
    { length: shape.directories },
    (_, i) => `/dav/generated${encodePath(`/${groupName(Math.floor(i / GROUP_SIZE))}/${directoryName(i)}`)}/`,
  );
  const list = async (
    paths: readonly string[],
    entries: number,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<LoadResult> => {
    const result = await runLoad(propfinds(server.origin(), paths, entries, headers));
    if (result.failures > 0) throw new Error(`listing failed: ${result.failureExamples.join("; ")}`);
    return result;
  };
  try {
    await server.start();
    await addStorage(dataDir, "/generated", "generated", {
      directories: String(shape.directories),
      files_per_directory: String(shape.files),
      big_directory: String(shape.big),
      calls_file: callsFile,
    });
    console.log(`first scan: ${shape.directories} directories of ${shape.files}`);
    const first = await list(directories, shape.files);
    const callsOfFirstScan = await settledCalls(callsFile);

    await loopDelay(server.pid(), loopFile);
    console.log(`a directory of ${shape.big}, listed and stored`);
    const big = await list(["/dav/generated/big/"], shape.big);
    const delayOfListing = await loopDelay(server.pid(), loopFile);
    const bigAgain = await list(["/dav/generated/big/"], shape.big);
    const delayFromTree = await loopDelay(server.pid(), loopFile);
    const waits: Record<string, Waits> = {};
    const small = { path: directories[0] ?? "", headers: PANDAV_HEADERS };
    for (const [how, headers] of [
      ["from the tree", {}],
      ["from the tree, gzip", { "accept-encoding": "gzip" }],
    ] as const) {
      const again = () => list(["/dav/generated/big/"], shape.big, headers);
      waits[how] = await waitsDuring(server.origin(), small, again);
    }
    const peak = peakMiB(server.pid());
    // Once before it is timed, so that the asker's own code is loaded.
    await firstListing(`${server.origin()}${directories[0]}`);
    await addStorage(dataDir, "/other", "generated", { directories: "1", big_directory: String(shape.big) });
    const firstTime = () => list(["/dav/other/big/"], shape.big);
    waits["listed for the first time"] = await waitsDuring(server.origin(), small, firstTime);
    await server.stop();

    rmSync(callsFile, { force: true });
    const startedAt = performance.now();
    await server.start();
    await firstListing(`${server.origin()}${directories[0]}`);
    const startToListingMs = performance.now() - startedAt;
    const cpuBefore = cpuSeconds(server.pid());
    const again = await list(directories, shape.files);
    const callsAfterRestart = await settledCalls(callsFile);

    const figures = {
      startToListingMs,
      firstScanSeconds: first.seconds,
      secondScanSeconds: again.seconds,
      secondScanCpuSeconds: cpuSeconds(server.pid()) - cpuBefore,
      callsOfFirstScan,
      callsAfterRestart,
      bigListingSeconds: big.seconds,
      bigFromTreeSeconds: bigAgain.seconds,
      delayOfListing,
      delayFromTree,
      peakMiB: peak,
      waits,
    };
    const delayCells = (d: LoopDelay) => [
      `p99 ${d.p99.toFixed(1)} ms, max ${d.max.toFixed(1)} ms`,
      "p99 ≤ 20 ms, max ≤ 100 ms",
    ];
    const rows = [
      ["figure", "value", "wanted"],
      ["start to first listing", `${startToListingMs.toFixed(0)} ms`, "< 1000 ms"],
      ["scan after restart", `${again.seconds.toFixed(1)} s (first: ${first.seconds.toFixed(1)} s)`, ""],
      ["driver calls after restart", JSON.stringify(callsAfterRestart), "root, list, pages, read: 0"],
      [`event loop, ${shape.big} listed and stored (${big.seconds.toFixed(1)} s)`, ...delayCells(delayOfListing)],
      [`event loop, ${shape.big} from the tree (${bigAgain.seconds.toFixed(1)} s)`, ...delayCells(delayFromTree)],
      ...Object.entries(waits).map(([how, { requests, p99Ms, maxMs }]) => [
        `other requests, ${shape.big} ${how}`,
        `p99 ${p99Ms.toFixed(1)} ms, max ${maxMs.toFixed(1)} ms of ${requests}`,
        "max ≤ 50 ms",
      ]),
      ["peak", `${peak.toFixed(0)} MiB`, ""],
    ];
    const file = writeResults("tree", { version: pandavVersion(), command: server.command(), shape, figures });
    console.log(`\n${align(rows).join("\n")}\n\n${file}`);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function propfinds(
  origin: string,
  paths: readonly string[],
  entries: number,
  headers: Readonly<Record<string, string>>,
): RequestsJob {
  return {
    kind: "requests",
    origin,
    connections: 8,
    method: "PROPFIND",
    paths,
    passes: 1,
    headers: { ...PANDAV_HEADERS, depth: "1", ...headers },
    expect: { status: 207, responses: entries + 1 },
  };
}

async function firstListing(url: string): Promise<void> {
  const answer = await fetch(url, { method: "PROPFIND", headers: { ...PANDAV_HEADERS, depth: "1" } });
  if (answer.status !== 207) throw new Error(`the first listing answered ${answer.status}`);
  await answer.arrayBuffer();
}

/** The driver's counts, which it writes one turn of its event loop late; empty when it was never called. */
async function settledCalls(file: string): Promise<Record<string, number>> {
  await sleep(500);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, number>) : {};
}

/** How late the server's event loop was since the last call. */
async function loopDelay(pid: number, file: string): Promise<LoopDelay> {
  rmSync(file, { force: true });
  process.kill(pid, "SIGUSR2");
  for (const deadline = Date.now() + 10_000; !existsSync(file); await sleep(10)) {
    if (Date.now() > deadline) throw new Error("the server did not write its event-loop delay in 10 s");
  }
  return JSON.parse(readFileSync(file, "utf8")) as LoopDelay;
}
