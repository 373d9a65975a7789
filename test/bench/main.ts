/** `npm run bench`: Pandav, `rclone serve webdav` and nginx in turn; see `--help`. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type BenchCase, CASES } from "./cases.ts";
import { outputOf } from "./child.ts";
import type { Contestant, ContestantName } from "./contestant.ts";
import { type Measured, measure, runLoad } from "./measure.ts";
import { nginxContestant } from "./nginx.ts";
import { pandavContestant } from "./pandav.ts";
import { rcloneContestant } from "./rclone.ts";
import { type CaseOutcome, ratioTo, table, writeResults } from "./report.ts";
import { makeWorld, SCALES, type Scale, type World } from "./world.ts";

const HELP = `npm run bench -- [options]
  --only a,b          only these cases; with --pan: of up, down, get, bare, put
  --servers x,y       of pandav, rclone, nginx (default: all)
  --scale full|small  default full
  --rounds n          timed rounds per server; the median is told (default 3)
  --memory            instead: resident memory, idle and under load
  --tree              instead: a tree of 1,000,000 entries
  --pan               instead: 1 GiB to and from SJTU Pan's simulator, beside curl
${CASES.map((c) => `  ${c.id}  ${c.title} (wanted: ${c.minimumRatio}× rclone)`).join("\n")}`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    servers: { type: "string", default: "pandav,rclone,nginx" },
    scale: { type: "string", default: "full" },
    rounds: { type: "string", default: "3" },
    memory: { type: "boolean", default: false },
    tree: { type: "boolean", default: false },
    pan: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(HELP);
else if (values.memory) await (await import("./memory.ts")).benchMemory(values.scale === "small");
else if (values.tree) await (await import("./tree.ts")).benchTree(values.scale === "small");
else if (values.pan) {
  const { benchPan } = await import("./pan.ts");
  await benchPan(values.scale === "small", Number(values.rounds), values.only?.split(","));
} else await benchServers();

async function benchServers(): Promise<void> {
  const scale: Scale = values.scale === "small" ? SCALES.small : SCALES.full;
  const chosen = CASES.filter((c) => !values.only || values.only.split(",").includes(c.id));
  const names = values.servers.split(",") as ContestantName[];
  const folder = mkdtempSync(join(tmpdir(), "pandav-bench-"));
  const contestants: Contestant[] = [];
  try {
    console.log("filling the folder to serve");
    mkdirSync(join(folder, "root"));
    const world = makeWorld(join(folder, "root"), scale);
    writeFileSync(join(folder, "rclone.conf"), "");
    if (names.includes("pandav")) contestants.push(await pandavContestant(world, join(folder, "pandav"), scale));
    if (names.includes("rclone")) contestants.push(await rcloneContestant(world.root, join(folder, "rclone.conf")));
    if (names.includes("nginx")) contestants.push(await nginxContestant(world.root, join(folder, "nginx")));
    // What was just written would otherwise be on its way to the disk while the first servers are measured.
    await outputOf("sync", []);
    const outcomes: CaseOutcome[] = [];
    for (const benchCase of chosen) outcomes.push(await runCase(benchCase, contestants, world, scale));
    conclude(outcomes, contestants, scale);
  } finally {
    for (const contestant of contestants) await contestant.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runCase(
  benchCase: BenchCase,
  contestants: readonly Contestant[],
  world: World,
  scale: Scale,
): Promise<CaseOutcome> {
  const rounds: Partial<Record<ContestantName, Measured[]>> = {};
  let answerLength = 0;
  try {
    for (let round = 0; round <= Number(values.rounds); round += 1) {
      if (benchCase.firstAsked && round !== 1) continue;
      for (const server of contestants) {
        if (round === 0 || benchCase.restart) {
          await server.stop();
          await server.start();
          const before = benchCase.warmUp?.(server, world, scale, answerLength);
          if (before) answerLength ||= (await runLoad(before)).firstLength;
        }
        const job = benchCase.job(server, world, scale, answerLength);
        if (!job) continue;
        if (job.kind === "put") await outputOf("sync", []);
        if (round === 0) {
          const warmUp = await runLoad(job);
          answerLength ||= warmUp.firstLength;
          continue;
        }
        const measured = await measure(server.pid(), job, benchCase.unit);
        rounds[server.name] = [...(rounds[server.name] ?? []), measured];
        console.log(`${benchCase.id} ${server.name}: ${measured.figure.toFixed(1)} ${benchCase.unit}`);
        for (const example of measured.failureExamples) console.log(`  ${example}`);
      }
    }
  } finally {
    for (const server of contestants) await server.stop();
  }
  const { job: _job, ...described } = benchCase;
  return { case: described, rounds };
}

function conclude(outcomes: readonly CaseOutcome[], contestants: readonly Contestant[], scale: Scale): void {
  const file = writeResults("servers", {
    scale,
    servers: contestants.map((server) => ({ name: server.name, version: server.version, command: server.command() })),
    ratios: outcomes.map((outcome) => ({
      case: outcome.case.id,
      wanted: outcome.case.minimumRatio,
      toRclone: ratioTo(outcome, "rclone"),
      toNginx: ratioTo(outcome, "nginx"),
    })),
    outcomes,
  });
  console.log(`\n${table(outcomes)}\n\n${file}`);
  const failed = outcomes.some((outcome) => Object.values(outcome.rounds).some((r) => r.some((m) => m.failures > 0)));
  if (failed) {
    console.error("some answers were not as expected: those figures count for nothing");
    process.exitCode = 1;
  }
}
