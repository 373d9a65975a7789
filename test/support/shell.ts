/** Command lines as a person types them: a real shell with `pandav` on its PATH. */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { checked, type RunOptions, type RunResult } from "./pandav.ts";
import { cleanEnvironment, PANDAV } from "./server.ts";

/** Makes a folder with a program `pandav` in it, to stand first on the PATH. */
export function installPandav(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const program = join(folder, "pandav");
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${PANDAV}' "$@"\n`);
  chmodSync(program, 0o755);
  return folder;
}

/** Runs a line in `sh -c`, in the folder `cwd`, with the programs of `bin` first. */
export function runShell(
  line: string,
  { bin, cwd, ...options }: RunOptions & { readonly bin: string; readonly cwd: string },
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const env = cleanEnvironment();
    const child = spawn("sh", ["-c", line], {
      cwd,
      stdio: "pipe",
      env: { ...env, ...options.env, PATH: [bin, env.PATH].join(delimiter) },
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
        resolve(checked({ code, stdout, stderr }, line, options.mayShow));
      } catch (error) {
        reject(error);
      }
    });
    child.stdin.on("error", () => undefined); // a run that reads nothing may have ended already
    child.stdin.end(options.stdin ?? "");
    options.onStart?.(child);
  });
}
