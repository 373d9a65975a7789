/** One run of the real command line. */
import { type ChildProcess, spawn } from "node:child_process";
import { type CanaryKind, expectNoCanary } from "./canaries.ts";
import { cleanEnvironment, PANDAV, PROJECT_ROOT } from "./server.ts";

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: nothing. */
  readonly stdin?: string;
  /** Default 20 s; the process is then killed. */
  readonly withinMs?: number;
  /** Called with the process as soon as it runs. */
  readonly onStart?: (child: ChildProcess) => void;
  /** Kinds of secrets that it is meant to print on standard output, beside what its verb is there to show. */
  readonly mayShow?: readonly CanaryKind[];
}

export interface RunResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `pandav` with these arguments to its end. Throws CanaryFound when it printed a secret. */
export function runPandav(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PANDAV, ...args], {
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
    child.once("close", (code) => {
      try {
        resolve(checked({ code, stdout, stderr }, ["pandav", ...args].join(" "), options.mayShow));
      } catch (error) {
        reject(error);
      }
    });
    child.stdin.on("error", () => undefined); // a run that reads nothing may have ended already
    child.stdin.end(options.stdin ?? "");
    options.onStart?.(child);
  });
}

/** What verbs are meant to print on standard output. */
const MEANT: readonly { readonly line: RegExp; readonly kinds: readonly CanaryKind[] }[] = [
  { line: /\bpandav (auth|login)\b/, kinds: ["QR code"] },
  // A link that needs no login has its proof in it.
  { line: /\bpandav url\b/, kinds: ["store signature"] },
];

/** The result of a command line, if it holds no secret. Throws CanaryFound. */
export function checked(result: RunResult, line: string, mayShow: readonly CanaryKind[] = []): RunResult {
  const meant = MEANT.filter((one) => one.line.test(line)).flatMap(({ kinds }) => kinds);
  expectNoCanary("standard output", result.stdout, [...meant, ...mayShow]);
  expectNoCanary("standard error", result.stderr);
  return result;
}
