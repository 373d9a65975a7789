/** `npm run demo`: Pandav over simulated services, to be tried without any account. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { onStopSignals } from "#server/start/stop-signals.ts";
import { isDataFolder } from "#server/store/data-folder.ts";
import { randomText } from "#server/store/random-text.ts";
import { runPandav } from "#test/support/pandav.ts";
import { codeLine, guideOf } from "./guide.ts";
import { DemoError, startDemoPandav } from "./pandav.ts";
import { startPhone } from "./phone.ts";
import type { DemoService } from "./service.ts";
import { SERVICES } from "./services.ts";

const HELP = `npm run demo -- [options]
  --port NUMBER   where Pandav listens; default: any free port
  --data FOLDER   a new data folder, kept at the end; default: a temporary one
`;

/** How often the phone looks for codes, in milliseconds. */
const LOOK_MS = 200;

const stopped = new AbortController();
onStopSignals(
  () => stopped.abort(),
  () => process.exit(130),
);
process.exitCode = await main(process.argv.slice(2));

/** The exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const options = readOptions(args);
    if (options.help) process.stdout.write(HELP);
    else await demo(options, stopped.signal);
    return 0;
  } catch (error) {
    if (!(error instanceof DemoError)) throw error;
    process.stderr.write(`demo: ${error.message}\n`);
    return 2;
  }
}

interface Options {
  readonly port: string;
  readonly data?: string;
  readonly help: boolean;
}

function readOptions(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: "string", default: "0" },
        data: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    return values as Options;
  } catch (error) {
    throw new DemoError((error as Error).message);
  }
}

/** Runs until the signal, or until the server ends by itself. */
async function demo({ port, data }: Options, signal: AbortSignal): Promise<void> {
  await using ends = new AsyncDisposableStack();
  const dataDir = data === undefined ? mkdtempSync(join(tmpdir(), "pandav-demo-")) : resolve(data);
  if (data === undefined) ends.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  // What a simulator holds ends with it, and a real login must never be sent to one.
  else if (isDataFolder(dataDir)) throw new DemoError(`${dataDir} holds data already: name a new folder with --data`);
  const services: DemoService[] = [];
  for (const start of SERVICES) services.push(ends.adopt(await start(), (service) => service.close()));
  const phone = ends.use(await startPhone(services));
  const password = randomText(16);
  const upstreams = Object.assign({}, ...services.map((service) => service.upstreams));
  const pandav = ends.use(await startDemoPandav({ dataDir, port, adminPassword: password, upstreams }));
  for (const service of services) await logIn(service, dataDir);
  if (signal.aborted) return;
  const { url } = pandav;
  const facts = { url, password, dataDir, keepsData: data !== undefined, phone: phone.url, services };
  process.stdout.write(guideOf(facts));
  ends.defer(watch(services, phone.url));
  const stop = new Promise<"stop">((done) => signal.addEventListener("abort", () => done("stop"), { once: true }));
  if ((await Promise.race([stop, pandav.ended])) !== "stop") throw new DemoError("the server ended by itself");
}

async function logIn({ login, title }: DemoService, dataDir: string): Promise<void> {
  const { code, stderr } = await runPandav([...login.args, "--data", dataDir], { stdin: login.stdin });
  if (code !== 0) throw new DemoError(`the login at ${title} failed: ${stderr.trim()}`);
}

/** Tells of each new code, and of what a simulator refused; the returned function ends it. */
function watch(services: readonly DemoService[], phone: string): () => void {
  let told: readonly string[] = [];
  const timer = setInterval(() => {
    const waiting = services.flatMap((service) => service.codes().map(({ link }) => ({ service, link })));
    for (const { service, link } of waiting) {
      if (!told.includes(link)) process.stdout.write(codeLine(service, link, phone));
    }
    told = waiting.map(({ link }) => link);
    for (const service of services) {
      for (const line of service.refused()) process.stderr.write(`${service.title} would refuse ${line}\n`);
    }
  }, LOOK_MS);
  return () => clearInterval(timer);
}
