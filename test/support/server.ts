/** The real binary as a process of its own: started on a free port over a data folder of its own, ready when it says so, ended by its pid. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { addCanary, addPassword, expectNoCanary } from "./canaries.ts";
import { expectNoCanaryIn } from "./canary-folder.ts";

export const PROJECT_ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The launcher of the sources. */
export const LAUNCHER = join(PROJECT_ROOT, "server", "pandav.mjs");
/** The launcher that tests start: beside the bundle that `bundle.ts` made of the sources; outside vitest, that of the sources. */
export const PANDAV = process.env.VITEST_PANDAV_LAUNCHER ?? LAUNCHER;

/** What the process prints on its standard output when it takes requests. */
const READY = /^Pandav listens on (https?:\/\/\S+)$/m;

/** What users start: `npm start` tells Node and the allocator how much memory to hold back (decision 0011). */
const START = (() => {
  const { scripts } = JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8")) as {
    readonly scripts: { readonly start: string };
  };
  const [, name, value, flag] = /^exec env (\w+)=(\S+) node (--\S+) /.exec(scripts.start)!;
  return { env: { [name!]: value! }, flags: [flag!] };
})();

/** The admin's password unless a test asks for another. */
const PASSWORD = "a password for tests";

export interface ServerOptions {
  /** A data folder that the caller removes; absent: a fresh one, removed by `stop` and `kill9`. */
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of `pandav serve`. */
  readonly args?: readonly string[];
  /** `null`: the server makes a random one up and prints it. */
  readonly adminPassword?: string | null;
  /** Program and arguments up to `serve`; default: this Node and PANDAV, with the flags of `npm start`. */
  readonly command?: readonly [string, ...string[]];
  /** Default 20 s. */
  readonly readyWithinMs?: number;
}

export interface RunningServer {
  /** Origin, without a trailing slash, e.g. `http://127.0.0.1:41234`. */
  readonly url: string;
  readonly user: string;
  /** The admin's; the printed one where it was made up. */
  readonly password: string;
  /** The server's own. */
  readonly pid: number;
  /** Of the process that was started: the server's, unless a `command` of one's own stands before it. */
  readonly startedPid: number;
  readonly dataDir: string;
  /** All that it printed so far. */
  stdout(): string;
  stderr(): string;
  /** SIGTERM to the server; resolves to the exit code when it has ended. Fails, after a SIGKILL, when that takes over 12 s; and where it printed or stored a secret in the clear. */
  stop(): Promise<number | null>;
  /** A real SIGKILL to the server; resolves when it is gone. */
  kill9(): Promise<void>;
  /** The exit code of what was started (null: a signal ended it) once that has ended. */
  readonly exited: Promise<number | null>;
}

export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "pandav-test-"));
  const removeData = () => {
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  const secretKey = options.env?.PANDAV_SECRET_KEY;
  if (secretKey !== undefined) addCanary("key", secretKey);
  const adminPassword = options.adminPassword === undefined ? PASSWORD : options.adminPassword;
  const [program, ...first] = options.command ?? [process.execPath, ...START.flags, PANDAV, "serve"];
  const child = spawn(program, [...first, "--port", "0", "--data", dataDir, ...(options.args ?? [])], {
    cwd: PROJECT_ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...cleanEnvironment(),
      ...START.env,
      ...(adminPassword && { PANDAV_ADMIN_PASSWORD: adminPassword }),
      ...options.env,
    },
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const exited = new Promise<number | null>((resolve) => {
    child.once("close", (code) => resolve(code));
    child.once("error", () => resolve(null));
  });
  let url: string;
  try {
    url = await untilReady(child, exited, stdout, stderr, options.readyWithinMs ?? 20_000);
  } catch (error) {
    await end(child.pid, exited, "SIGKILL");
    removeData();
    throw error;
  }
  const password = adminPassword ?? /password (\S+)/.exec(stdout())?.[1] ?? "";
  addPassword("admin", password);
  const check = () => {
    // A password that was made up is shown there, once.
    expectNoCanary("standard output of the server", stdout(), adminPassword === null ? ["password"] : []);
    expectNoCanary("the log of the server", stderr());
    expectNoCanaryIn(dataDir);
  };
  const { pid } = JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as { pid: number };
  return {
    url,
    user: "admin",
    password,
    pid,
    startedPid: child.pid ?? 0,
    dataDir,
    stdout,
    stderr,
    exited,
    async stop() {
      try {
        const code = await end(pid, exited, "SIGTERM");
        check();
        return code;
      } finally {
        removeData();
      }
    },
    async kill9() {
      await end(pid, exited, "SIGKILL");
      try {
        check();
      } finally {
        removeData();
      }
    },
  };
}

/** The environment without what would change how Pandav behaves. */
export function cleanEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !/^(PANDAV_(?!REQUIRE)|VITEST|NODE_OPTIONS)/.test(entry[0]),
    ),
  );
}

async function untilReady(
  child: ChildProcess,
  exited: Promise<number | null>,
  stdout: () => string,
  stderr: () => string,
  withinMs: number,
): Promise<string> {
  const deadline = Date.now() + withinMs;
  let ended = false;
  exited.then(() => {
    ended = true;
  });
  for (;;) {
    const url = READY.exec(stdout())?.[1];
    if (url) return url;
    if (ended) throw new Error(`the server ended (${child.exitCode}) before it was ready:\n${stdout()}${stderr()}`);
    if (Date.now() > deadline) throw new Error(`the server was not ready in ${withinMs} ms:\n${stdout()}${stderr()}`);
    await sleep(10);
  }
}

/** Longest that a server may take to end after SIGTERM: 10 s are promised. */
const END_WITHIN_MS = 12_000;

async function end(pid: number | undefined, exited: Promise<number | null>, signal: NodeJS.Signals) {
  const timeout = new AbortController();
  const late = sleep(END_WITHIN_MS, "late" as const, { signal: timeout.signal }).catch(() => "late" as const);
  sendSignal(pid, signal);
  const result = await Promise.race([exited, late]);
  timeout.abort();
  if (result !== "late") return result;
  sendSignal(pid, "SIGKILL");
  throw new Error(`the server did not end within ${END_WITHIN_MS} ms of ${signal}`);
}

/** One that has ended already needs none. */
function sendSignal(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = "";
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
