/** The real server of the demo, as a process of its own. */
import { spawn } from "node:child_process";
import { cleanEnvironment, LAUNCHER, PROJECT_ROOT } from "#test/support/server.ts";

const READY = /^Pandav listens on (http:\/\/\S+)$/m;

/** Longest that the server may take to start, and to end after SIGTERM. */
const START_MS = 30_000;
const END_MS = 12_000;

export interface PandavOptions {
  readonly dataDir: string;
  readonly port: string;
  readonly adminPassword: string;
  readonly upstreams: Readonly<Record<string, string>>;
}

export interface DemoPandav extends AsyncDisposable {
  /** Origin, without a trailing slash. */
  readonly url: string;
  /** When the process has ended, by itself too. */
  readonly ended: Promise<void>;
}

/** What keeps the demo from going on, in one line for people. */
export class DemoError extends Error {}

/** Starts the server and resolves when it takes requests; what it warns of goes to our standard error. Throws DemoError with its own line when it does not start. */
export async function startDemoPandav(options: PandavOptions): Promise<DemoPandav> {
  const { dataDir, port, adminPassword, upstreams } = options;
  const child = spawn(process.execPath, [LAUNCHER, "serve", "--port", port, "--data", dataDir], {
    cwd: PROJECT_ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...cleanEnvironment(),
      PANDAV_ADMIN_PASSWORD: adminPassword,
      PANDAV_LOG: "warn",
      PANDAV_UPSTREAMS: Object.entries(upstreams)
        .map((pair) => pair.join("="))
        .join(","),
    },
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()).once("error", () => resolve()));
  const end = async () => {
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(late);
  };
  let complaint = "";
  const hear = (text: string) => {
    complaint += text;
  };
  child.stderr.setEncoding("utf8").on("data", hear);
  const url = await new Promise<string | undefined>((resolve) => {
    let said = "";
    const late = setTimeout(() => resolve(undefined), START_MS);
    const settle = (found: string | undefined) => {
      clearTimeout(late);
      resolve(found);
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (said.length > 65_536) return;
      said += text;
      const found = READY.exec(said)?.[1];
      if (found) settle(found);
    });
    void ended.then(() => settle(undefined));
  });
  if (url === undefined) {
    await end();
    throw new DemoError(lastLine(complaint).replace(/^pandav: serve: /, "") || "the server did not start");
  }
  child.stderr.off("data", hear).pipe(process.stderr, { end: false });
  return { url, ended, [Symbol.asyncDispose]: end };
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
