/** One `curl` that makes a list of requests, one at a time over one connection. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { endedChildrenCpuSeconds } from "./process-figures.ts";

/** Longest run, in milliseconds. */
const RUN_WITHIN_MS = 10 * 60_000;

export interface CurlRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body of a PUT; absent: GET. */
  readonly file?: string;
}

export interface CurlRun {
  /** From its start to its end. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Bytes of bodies, in both directions. */
  readonly bytes: number;
}

/** Writes the requests as a config file of curl. What comes back is thrown away. */
export function writeCurlConfig(path: string, requests: readonly CurlRequest[]): void {
  const quoted = (value: string) => `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  const blocks = requests.map(({ url, headers, file }) =>
    [
      `url = ${quoted(url)}`,
      'output = "/dev/null"',
      ...Object.entries(headers).map(([name, value]) => `header = ${quoted(`${name}: ${value}`)}`),
      // Without an Expect header: no wait for a permission that the driver does not ask for.
      ...(file === undefined ? [] : [`upload-file = ${quoted(file)}`, 'header = "Expect:"']),
      "fail",
      "silent",
      "show-error",
      'write-out = "%{http_code} %{size_upload} %{size_download}\\n"',
    ].join("\n"),
  );
  writeFileSync(path, `${blocks.join("\nnext\n")}\n`, { mode: 0o600 });
}

/** Runs curl over a config. Throws unless every answer was a success. */
export async function runCurl(config: string): Promise<CurlRun> {
  const cpuBefore = endedChildrenCpuSeconds();
  const at = performance.now();
  const child = spawn("curl", ["--config", config], { stdio: ["ignore", "pipe", "pipe"], timeout: RUN_WITHIN_MS });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  const seconds = (performance.now() - at) / 1000;
  if (child.exitCode !== 0) throw new Error(`curl ended with ${child.exitCode ?? child.signalCode}: ${errors}`);
  const rows = output
    .trim()
    .split("\n")
    .map((row) => row.split(" ").map(Number));
  const bytes = rows.reduce((sum, [, up = 0, down = 0]) => sum + up + down, 0);
  return { seconds, cpuSeconds: endedChildrenCpuSeconds() - cpuBefore, bytes };
}
