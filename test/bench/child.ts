/** Processes that a bench starts: their readiness, their end, free ports. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 15_000;
/** Output kept for an error message, in characters. */
const KEPT_OUTPUT = 4000;

export interface Child {
  readonly pid: number;
  /** Program and arguments as they would be typed. */
  readonly command: string;
  /** The last of what it printed. */
  output(): string;
  /** SIGTERM, and SIGKILL when it has not ended within 15 s. */
  stop(): Promise<void>;
}

/** Starts a program and resolves when it listens on `port` of 127.0.0.1; fails with its output when it ends before. */
export async function startServer(
  program: string,
  args: readonly string[],
  port: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const started = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const output = keepOutput(started);
  const ended = once(started, "exit");
  ended.catch(() => undefined);
  const command = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), program, ...args].join(" ");
  const child: Child = {
    pid: started.pid ?? 0,
    command,
    output,
    async stop() {
      if (started.exitCode !== null || started.signalCode !== null) return;
      started.kill("SIGTERM");
      const timer = setTimeout(() => started.kill("SIGKILL"), STOP_WITHIN_MS);
      await ended;
      clearTimeout(timer);
    },
  };
  try {
    await untilListening(port, () => {
      if (started.exitCode !== null || started.signalCode !== null || started.pid === undefined) {
        throw new Error(`${command} ended before it listened:\n${output()}`);
      }
    });
  } catch (error) {
    await child.stop();
    throw error;
  }
  return child;
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

/** What a program prints on both outputs, trimmed. Throws when it fails or takes longer than a minute. */
export async function outputOf(program: string, args: readonly string[], env: Record<string, string> = {}) {
  const result = await promisify(execFile)(program, args, { timeout: 60_000, env: { ...process.env, ...env } });
  return `${result.stdout}${result.stderr}`.trim();
}

function keepOutput(child: ChildProcess): () => string {
  let kept = "";
  const keep = (chunk: Buffer) => {
    kept = (kept + chunk.toString()).slice(-KEPT_OUTPUT);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  child.on("error", (error) => keep(Buffer.from(String(error))));
  return () => kept;
}

async function untilListening(port: number, check: () => void): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    check();
    if (await canConnect(port)) return;
    if (Date.now() > deadline) throw new Error(`nothing listens on port ${port} after ${READY_WITHIN_MS} ms`);
    await sleep(20);
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
