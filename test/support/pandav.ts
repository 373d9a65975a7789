/** One run of the real command line. */
import { type ChildProcess, spawn } from "node:child_process";
import { cleanEnvironment, LAUNCHER, PROJECT_ROOT } from "./server.ts";

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: nothing. */
  readonly stdin?: string;
  /** Default 20 s; the process is then killed. */
  readonly withinMs?: number;
  /** Called with the process as soon as it runs. */
  readonly onStart?: (child: ChildProcess) => void;
}

export interface RunResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `pandav` with these arguments to its end. */
export function runPandav(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [LAUNCHER, ...args], {
      cwd: PROJECT_ROOT,
      stdio: "pipe",
      env: { ...cleanEnvironment(), ...options.env },
      timeout: options.withinMs ?? 20_000,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
    child.stdin.on("error", () => undefined); // a run that reads nothing may have ended already
    child.stdin.end(options.stdin ?? "");
    options.onStart?.(child);
  });
}
