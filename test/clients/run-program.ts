/** A program run to its end within a deadline. */
import { spawn } from "node:child_process";

/** Between SIGTERM at the deadline and SIGKILL, so that a script can unmount and remove what it made. */
const GRACE_MS = 10_000;

export interface ProgramResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program and resolves when it has ended; at the deadline it is ended and the promise fails with what it printed. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly withinMs: number; readonly env?: Readonly<Record<string, string>>; readonly cwd?: string },
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
      ...(options.cwd && { cwd: options.cwd }),
    });
    let stdout = "";
    let stderr = "";
    let late = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    let kill: NodeJS.Timeout | undefined;
    const deadline = setTimeout(() => {
      late = true;
      child.kill("SIGTERM");
      kill = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
    }, options.withinMs);
    const settle = () => {
      clearTimeout(deadline);
      clearTimeout(kill);
    };
    child.once("error", (error) => {
      settle();
      reject(error);
    });
    child.once("close", (code) => {
      settle();
      if (late) reject(new Error(`${program} took longer than ${options.withinMs} ms:\n${stdout}${stderr}`));
      else resolve({ code, stdout, stderr });
    });
  });
}
