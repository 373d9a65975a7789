/** `npm run bench -- --memory`: what the server keeps while idle, and what it takes while large files and large listings move together. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LoadJob, LoadResult } from "./load-job.ts";
import { runLoad } from "./measure.ts";
import { addStorage, PANDAV_HEADERS, pandavServer, pandavVersion } from "./pandav.ts";
import { cpuSeconds, peakMiB, resetPeak, residentMiB } from "./process-figures.ts";
import { align, writeResults } from "./report.ts";
import { writeBig } from "./world.ts";

/** Wanted figures, in MB of 1,000,000 bytes. */
const WANTED_IDLE_MB = 170;
const WANTED_GROWTH_MB = 130;
const MB_PER_MIB = 1.048576;

const ENTRIES = 10_000;

/** Prints the figures and writes them to bench-results. */
export async function benchMemory(small: boolean): Promise<void> {
  const bytes = small ? 256 * 1024 ** 2 : 4 * 1024 ** 3;
  const idleSeconds = small ? 10 : 60;
  const folder = mkdtempSync(join(tmpdir(), "pandav-bench-"));
  const dataDir = join(folder, "data");
  const root = join(folder, "root");
  const server = pandavServer(dataDir);
  try {
    mkdirSync(root);
    writeBig(join(root, "get.bin"), bytes);
    await server.start();
    await addStorage(dataDir, "/bench", "local", { root });
    await addStorage(dataDir, "/generated", "generated", {
      directories: "0",
      big_directory: String(ENTRIES),
      flat: "true",
    });
    await server.stop();

    await server.start();
    console.log(`waiting ${idleSeconds} s`);
    await sleep(idleSeconds * 1000);
    const idle = residentMiB(server.pid()) * MB_PER_MIB;
    if (!resetPeak(server.pid())) console.log("the peak is the one since the start: this kernel does not reset it");
    const cpuBefore = cpuSeconds(server.pid());
    const transfer = { origin: server.origin(), bytes, headers: PANDAV_HEADERS };
    const listing: LoadJob = {
      kind: "requests",
      origin: server.origin(),
      connections: 4,
      method: "PROPFIND",
      paths: ["/dav/generated/big/"],
      passes: 20,
      headers: { ...PANDAV_HEADERS, depth: "1" },
      expect: { status: 207, responses: ENTRIES + 1 },
    };
    console.log("PUT, GET and PROPFINDs together");
    const transfers = Promise.all([
      runLoad({ kind: "put", path: "/dav/bench/put.bin", ...transfer }),
      runLoad({ kind: "get", path: "/dav/bench/get.bin", ...transfer }),
    ]);
    let moving = true;
    const ended = transfers.finally(() => {
      moving = false;
    });
    ended.catch(() => undefined);
    const results: LoadResult[] = [];
    while (moving) results.push(await runLoad(listing));
    results.unshift(...(await ended));
    const peak = peakMiB(server.pid()) * MB_PER_MIB;
    const figures = {
      idleMB: idle,
      wantedIdleMB: WANTED_IDLE_MB,
      peakMB: peak,
      growthMB: peak - idle,
      wantedGrowthMB: WANTED_GROWTH_MB,
      cpuSeconds: cpuSeconds(server.pid()) - cpuBefore,
    };
    const names = ["PUT", "GET"];
    const file = writeResults("memory", {
      version: pandavVersion(),
      command: server.command(),
      bytes,
      entries: ENTRIES,
      idleSeconds,
      figures,
      loads: results,
    });
    const rows = [
      ["figure", "MB", "wanted"],
      [`resident ${idleSeconds} s after start`, idle.toFixed(0), `≤ ${WANTED_IDLE_MB}`],
      ["peak under load", peak.toFixed(0), `≤ idle + ${WANTED_GROWTH_MB}`],
      ["growth", (peak - idle).toFixed(0), `≤ ${WANTED_GROWTH_MB}`],
    ];
    console.log(`\n${align(rows).join("\n")}\n`);
    for (const [i, result] of results.entries()) {
      console.log(
        `${names[i] ?? "PROPFIND"}: ${result.requests} in ${result.seconds.toFixed(1)} s, ${result.failures} failures`,
      );
      for (const example of result.failureExamples) console.log(`  ${example}`);
      if (result.failures > 0) process.exitCode = 1;
    }
    console.log(file);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
