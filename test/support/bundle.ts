/**
 * What the npm package runs, made anew of the sources for each run of vitest: a command of the bundle starts in half the time of one that loads
 * some 400 modules and strips their types. Tests start it as PANDAV (`server.ts`).
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import type { TestProject } from "vitest/node";
import bundle from "../../rolldown.config.ts";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Where workers find the launcher beside the bundle; no process that a test starts inherits it. */
const LAUNCHER_VARIABLE = "VITEST_PANDAV_LAUNCHER";

/** Vitest's global setup: bundles into a folder of its own, which the returned function removes. */
export async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "pandav-bundle-"));
  mkdirSync(join(folder, "server"));
  for (const file of ["package.json", join("server", "pandav.mjs")]) copyFileSync(join(ROOT, file), join(folder, file));
  // A folder of its own, since the launcher keeps there what Node compiled.
  mkdirSync(join(folder, "node_modules"));
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  }
  await write(folder);
  project.onTestsRerun(() => write(folder));
  process.env[LAUNCHER_VARIABLE] = join(folder, "server", "pandav.mjs");
  return () => rmSync(folder, { recursive: true, force: true });
}

async function write(folder: string): Promise<void> {
  const { output, ...input } = bundle;
  await using build = await rolldown({ ...input, cwd: ROOT });
  await build.write({ ...output, dir: join(folder, "dist") });
}
