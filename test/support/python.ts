/** Packages of Python that a test drives, in a folder of their own. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe } from "vitest";
import { findTool } from "./tools.ts";

/** Long enough for a slow line; a missing one fails much sooner. */
const INSTALL_MS = 120_000;

/** Runs a script with the packages at hand; what it printed, read as JSON. Throws with what it complained of. */
export type RunPython = (script: string, args: readonly string[]) => unknown;

/**
 * `describe` for tests that drive packages of Python, as `name==version`. Where they cannot be installed (no Python, no pip, no network) the tests are
 * left out and a notice says so; under `PANDAV_REQUIRE_TOOLS=1` it is an error.
 */
export function withPython(packages: readonly string[], title: string, body: (run: RunPython) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "pandav-python-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const missing = install(packages, folder);
  if (missing === undefined) {
    describe(title, () => {
      afterAll(remove);
      body((script, args) => run(folder, script, args));
    });
    return;
  }
  remove();
  const notice = `not installed: ${packages.join(", ")}: ${missing}`;
  if (process.env.PANDAV_REQUIRE_TOOLS === "1")
    throw new Error(`${notice}; PANDAV_REQUIRE_TOOLS=1 wants all tests run`);
  process.stderr.write(`notice: left out, ${notice}: ${title}\n`);
  describe.skip(`${title} (${notice})`, () => undefined);
}

/** Why they are not there; undefined when they are. */
function install(packages: readonly string[], folder: string): string | undefined {
  const python = findTool("python3");
  if (python === undefined) return "there is no python3";
  const quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries", "1"];
  const args = ["-m", "pip", "install", ...quiet, "--target", folder, ...packages];
  const { status, stderr, error } = spawnSync(python, args, { encoding: "utf8", timeout: INSTALL_MS });
  if (status === 0) return undefined;
  return (error?.message ?? stderr.trim().split("\n").at(-1)) || "pip failed";
}

function run(folder: string, script: string, args: readonly string[]): unknown {
  const { status, stdout, stderr } = spawnSync(findTool("python3") ?? "python3", [script, ...args], {
    encoding: "utf8",
    timeout: 60_000,
    env: { ...process.env, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: "1" },
  });
  if (status !== 0) throw new Error(`${script} ended with ${status}:\n${stderr}`);
  return JSON.parse(stdout);
}
