/**
 * `npm run bench -- --pan`: one large file through the driver `sjtu-pan` and through the whole server, beside one curl that makes the same requests
 * of the same simulated store, one at a time. Simulator, driver, server and curl are processes of their own; the rounds alternate.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runPandav } from "#test/support/pandav.ts";
import { outputOf } from "./child.ts";
import { type CurlRequest, runCurl, writeCurlConfig } from "./curl.ts";
import { type Forked, forkProgram } from "./forked.ts";
import type { Cost, DriverQuestions } from "./pan-driver.ts";
import { PART_BYTES, type PanFiles, writePanFiles } from "./pan-files.ts";
import type { ProxyQuestions } from "./pan-proxy.ts";
import type { SimulatorQuestions } from "./pan-simulator.ts";
import { PANDAV_HEADERS, pandavServer, pandavVersion, START_FLAGS } from "./pandav.ts";
import { cpuSeconds } from "./process-figures.ts";
import { align, writeResults } from "./report.ts";

const MIB = 2 ** 20;

/** Rounds in which code is compiled and memory is found. */
const UNCOUNTED = 2;

interface PanCase {
  readonly id: "up" | "down" | "get" | "bare" | "put";
  readonly title: string;
  readonly peer: string;
  /** Wanted: our speed divided by curl's; absent where nothing is. */
  readonly minimumRatio?: number;
  ours(): Promise<Cost>;
  /** The seconds of curl alone are compared. */
  curl(): Promise<Cost>;
}

interface Round {
  readonly ours: Cost;
  readonly curl: Cost;
  /** CPU seconds of the simulator while it served us, and while it served curl. */
  readonly simulatorCpuSeconds: readonly [number, number];
}

/** Prints the figures and writes them to bench-results. */
export async function benchPan(small: boolean, rounds: number, only: readonly string[] | undefined): Promise<void> {
  const size = small ? 64 * MIB : 1024 * MIB;
  const folder = mkdtempSync(join(tmpdir(), "pandav-bench-"));
  const simulator = forkProgram<SimulatorQuestions>("pan-simulator.ts");
  const driver = forkProgram<DriverQuestions>("pan-driver.ts", START_FLAGS);
  const proxy = forkProgram<ProxyQuestions>("pan-proxy.ts", START_FLAGS);
  const { upstreams, credentials } = await simulator.ask("world");
  const dataDir = join(folder, "data");
  const env = {
    PANDAV_UPSTREAMS: Object.entries(upstreams)
      .map((pair) => pair.join("="))
      .join(","),
  };
  const server = pandavServer(dataDir, { nodeArgs: [], env });
  try {
    const files = writePanFiles(folder, size);
    await outputOf("sync", []);
    const { cookie, userToken } = credentials;
    await driver.ask("open", upstreams, { cookie, userToken });
    await server.start();
    const stdin = `JAAuthCookie=${cookie}\n`;
    const login = await runPandav(["auth", "--stdin", "--data", dataDir], { stdin });
    if (login.code !== 0) throw new Error(`pandav auth ended with ${login.code}: ${login.stderr}`);

    const crc64 = await simulator.ask("put", "down.bin", size);
    const cases = panCases({ simulator, driver, proxy, server, files, size, crc64, config: join(folder, "curl.conf") });
    if ((await driver.ask("sum", "down.bin")) !== crc64) throw new Error("the driver read something else");
    const outcomes: { readonly case: PanCase; readonly rounds: Round[] }[] = [];
    for (const one of cases) {
      if (only && !only.includes(one.id)) continue;
      outcomes.push({ case: one, rounds: await runRounds(one, rounds, simulator) });
    }
    const violations = await simulator.ask("violations");
    if (violations.length > 0) throw new Error(`the simulator refused: ${violations.join("\n")}`);
    conclude(outcomes, size, server.command());
  } finally {
    await server.stop();
    await driver.stop();
    await proxy.stop();
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface PanBench {
  readonly simulator: Forked<SimulatorQuestions>;
  readonly driver: Forked<DriverQuestions>;
  readonly proxy: Forked<ProxyQuestions>;
  readonly server: ReturnType<typeof pandavServer>;
  readonly files: PanFiles;
  readonly size: number;
  readonly crc64: string;
  /** Where curl's config is written. */
  readonly config: string;
}

function panCases({ simulator, driver, proxy, server, files, size, crc64, config }: PanBench): readonly PanCase[] {
  const curl = async (requests: readonly CurlRequest[]) => {
    writeCurlConfig(config, requests);
    const run = await runCurl(config);
    if (run.bytes !== size) throw new Error(`curl moved ${run.bytes} of ${size} bytes`);
    return run;
  };
  const sendParts = async () => {
    const { confirmKey, parts } = await simulator.ask("begin", "curl.bin", size / PART_BYTES);
    const run = await curl(parts.map((request, i) => ({ ...request, file: files.parts[i]! })));
    await simulator.ask("confirm", confirmKey, crc64);
    return run;
  };
  const fetchWhole = async () => curl([await simulator.ask("link", "down.bin")]);
  const throughServer = async (name: string, file?: string): Promise<Cost> => {
    const before = cpuSeconds(server.pid());
    // A client that is not known to follow redirects: the bytes come through the server.
    const headers = { ...PANDAV_HEADERS, "user-agent": "bench" };
    const run = await curl([{ url: `${server.origin()}/dav/sjtu/${name}`, headers, ...(file && { file }) }]);
    return { seconds: run.seconds, cpuSeconds: cpuSeconds(server.pid()) - before };
  };
  const partwise = `curl --config, ${size / PART_BYTES} PUTs of a part, one at a time`;
  const direct = "curl, one GET at the store";
  const sent = async (name: string, send: () => Promise<Cost>): Promise<Cost> => {
    const cost = await send();
    const stored = await simulator.ask("stat", name);
    if (stored.size !== size || stored.crc64 !== crc64) throw new Error(`${name} is not what was sent`);
    return cost;
  };
  return [
    {
      id: "up",
      title: "upload, driver under the layers, from a file",
      peer: partwise,
      minimumRatio: 0.6,
      ours: () => sent("up.bin", () => driver.ask("upload", files.whole, "up.bin")),
      curl: sendParts,
    },
    {
      id: "down",
      title: "download, driver under the layers, one read",
      peer: direct,
      minimumRatio: 0.6,
      ours: () => driver.ask("download", "down.bin", size),
      curl: fetchWhole,
    },
    {
      id: "get",
      title: "GET through WebDAV, proxied",
      peer: direct,
      minimumRatio: 0.4,
      ours: () => throughServer("down.bin"),
      curl: fetchWhole,
    },
    {
      id: "bare",
      title: "GET through a proxy of ten lines, nothing of ours",
      peer: direct,
      ours: async () => {
        const url = await proxy.ask("serve", await simulator.ask("link", "down.bin"));
        const before = cpuSeconds(proxy.pid);
        const run = await curl([{ url, headers: {} }]);
        return { seconds: run.seconds, cpuSeconds: cpuSeconds(proxy.pid) - before };
      },
      curl: fetchWhole,
    },
    {
      id: "put",
      title: "PUT through WebDAV",
      peer: partwise,
      ours: () => sent("put.bin", () => throughServer("put.bin", files.whole)),
      curl: sendParts,
    },
  ];
}

/** Some rounds that are not counted, then the others; whoever went first goes second in the next. */
async function runRounds(one: PanCase, rounds: number, simulator: Forked<SimulatorQuestions>): Promise<Round[]> {
  const done: Round[] = [];
  for (let round = 1 - UNCOUNTED; round <= rounds; round++) {
    const counted = async (run: () => Promise<Cost>): Promise<[Cost, number]> => {
      const before = cpuSeconds(simulator.pid);
      const cost = await run();
      return [cost, cpuSeconds(simulator.pid) - before];
    };
    const first = await counted(round % 2 === 0 ? one.ours : one.curl);
    const second = await counted(round % 2 === 0 ? one.curl : one.ours);
    const [[ours, servingUs], [curl, servingCurl]] = round % 2 === 0 ? [first, second] : [second, first];
    if (round < 1) continue;
    done.push({ ours, curl, simulatorCpuSeconds: [servingUs, servingCurl] });
    console.log(`${one.title}: ${ours.seconds.toFixed(2)} s, curl ${curl.seconds.toFixed(2)} s`);
  }
  return done;
}

function conclude(
  outcomes: readonly { readonly case: PanCase; readonly rounds: readonly Round[] }[],
  size: number,
  command: string,
): void {
  const gib = size / 2 ** 30;
  const perGiB = (seconds: number) => (seconds / gib).toFixed(2);
  const speed = (seconds: number) => (size / MIB / seconds).toFixed(0);
  const rows = [["case", "MiB/s", "curl", "ratio", "wanted", "CPU s/GiB", "curl's", "simulator's (us, curl)"]];
  const figures = outcomes.map(({ case: { title, peer, minimumRatio }, rounds }) => {
    const ratio = median(rounds.map(({ ours, curl }) => curl.seconds / ours.seconds));
    const of = (pick: (round: Round) => number) => median(rounds.map(pick));
    rows.push([
      title,
      speed(of(({ ours }) => ours.seconds)),
      speed(of(({ curl }) => curl.seconds)),
      `${ratio.toFixed(2)}×`,
      minimumRatio === undefined ? "" : `≥ ${minimumRatio}×`,
      perGiB(of(({ ours }) => ours.cpuSeconds)),
      perGiB(of(({ curl }) => curl.cpuSeconds)),
      [0, 1].map((i) => perGiB(of(({ simulatorCpuSeconds }) => simulatorCpuSeconds[i]!))).join(", "),
    ]);
    return { title, peer, minimumRatio, ratio, rounds };
  });
  const file = writeResults("pan", { version: pandavVersion(), command, size, figures });
  const peers = figures.map(({ title, peer }) => `${title}: beside ${peer}`);
  console.log(`\n${align(rows).join("\n")}\n\n${peers.join("\n")}\n${file}`);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}
