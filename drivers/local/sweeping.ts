/** Clearing up what a crash left behind. */
import { lstat, readdir, rename } from "node:fs/promises";
import type { Clock, Log } from "../contract/driver.ts";
import { kindOf } from "../contract/errors.ts";
import { decodeName } from "../kit/bytes.ts";
import { codeOf } from "./errors.ts";
import { place } from "./placing.ts";
import type { Directory } from "./root.ts";
import { isKeeper, type TemporaryNames } from "./temporary.ts";
import { removeTree } from "./trees.ts";

/** Age at which a temporary file of an unknown maker is garbage, in milliseconds. */
const LIFETIME_MS = 24 * 3600 * 1000;

export interface SweepContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly temporary: TemporaryNames;
}

/**
 * Removes a temporary file or folder that was met in an open directory, unless somebody may be using it. What was being replaced when its
 * replacer died gets its name back if nothing else has it. Failures are logged, for the next listing comes here again.
 */
export async function sweepTemporary(context: SweepContext, directory: Directory, name: string): Promise<void> {
  const { temporary, log } = context;
  try {
    if (temporary.isInUse(name) || !(await isGarbage(context, directory, name))) return;
    // Under a name of our own, so that a maker who lives after all fails instead of going on with half of it.
    const own = await temporary.take(isKeeper(name) ? "keeper" : "new");
    try {
      await rename(directory.at(name), directory.at(own));
      if (isKeeper(name)) await giveBack(context, directory, own);
      await removeTree(directory.at(own), new AbortController().signal);
    } finally {
      temporary.release(own);
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    log.warn({ path: directory.realId, err: error }, "an old temporary file could not be removed");
  }
}

async function isGarbage({ clock, temporary }: SweepContext, directory: Directory, name: string): Promise<boolean> {
  if (await temporary.isLeftBehind(name)) return true;
  // The time of the last change of any kind, since a file's own time is its sender's.
  const { ctimeMs } = await lstat(directory.at(name));
  return clock.now() - ctimeMs >= LIFETIME_MS;
}

async function giveBack({ log, temporary }: SweepContext, directory: Directory, keeper: string): Promise<void> {
  for (const bytes of await readdir(directory.at(keeper), { encoding: "buffer" })) {
    const name = decodeName(bytes);
    const kept = directory.at(`${keeper}/${name}`);
    try {
      await place(kept, (await lstat(kept)).isDirectory(), directory, name, "fail", temporary);
      log.warn({ path: directory.realId, name }, "what was being replaced when Pandav was killed is back in its place");
    } catch (error) {
      // The new one came to its place: the old one goes.
      if (codeOf(error) !== "EEXIST" && kindOf(error) !== "already-exists") throw error;
    }
  }
}
