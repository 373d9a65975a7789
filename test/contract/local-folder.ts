/** A folder under the system's temporary one, mounted by the driver `local`, for the contract suite. */

import { readdirSync, readlinkSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { local } from "#drivers/local/index.ts";
import { testEnv } from "#test/drivers/env.ts";
import type { Held, MountUnderTest } from "./mount-under-test.ts";
import { calm } from "./steps.ts";

/** An empty folder, mounted. */
export async function openLocalFolder(): Promise<MountUnderTest> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "pandav-contract-")));
  const mount = await local.open(local.settings.parse({ root }), testEnv(), calm());
  return {
    mount,
    traits: local.traits,
    seed: (things) => writeAll(root, things),
    ...(process.platform === "linux" && { held: () => descriptorsIn(root) }),
    dispose: () => rm(root, { recursive: true, force: true }),
  };
}

async function writeAll(root: string, things: readonly Held[]): Promise<void> {
  for (const { path, kind, content } of things) {
    const target = join(root, ...path);
    await mkdir(kind === "directory" ? target : dirname(target), { recursive: true });
    if (kind === "file") await writeFile(target, content ?? "");
  }
}

/** How many descriptors of this process are open in a folder (proc(5), /proc/pid/fd). */
function descriptorsIn(folder: string): number {
  let count = 0;
  for (const descriptor of readdirSync("/proc/self/fd")) {
    try {
      if (readlinkSync(`/proc/self/fd/${descriptor}`).startsWith(folder)) count++;
    } catch {
      // Closed since the folder was read.
    }
  }
  return count;
}
