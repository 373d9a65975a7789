/** Which folder holds Pandav's data, and where in it things are. */
import { closeSync, existsSync, openSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/** What the choice of a data folder depends on. */
export interface FolderSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  /** The user's home folder, absolute. */
  readonly home: string;
  readonly platform: NodeJS.Platform;
}

/** The absolute data folder: the one named, else `PANDAV_DATA`, else `./data` where it is a Pandav data folder, else the user's (architecture.md §9). */
export function findDataFolder(named: string | undefined, surroundings: FolderSurroundings): string {
  const { env, cwd } = surroundings;
  if (named) return resolve(cwd, named);
  if (env.PANDAV_DATA) return resolve(cwd, env.PANDAV_DATA);
  const local = join(cwd, "data");
  return isDataFolder(local) ? local : userFolder(surroundings);
}

/** Folders in a data folder that a backup is being brought back into: unpacked, ready while the old files go, and going in. */
export const RESTORE = { fresh: "restore.new", ready: "restore.ready", goingIn: "restore.moving" } as const;

/** What a process that was killed left of copies that lay in the data folder for a moment. Only for the holder of the folder's lock. */
export function sweepScratch(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (SCRATCH.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** As `mkdtemp` makes them of the prefixes of imports and backups. */
const SCRATCH = /^(import|backup)-[A-Za-z0-9]{6}$/;

/** True where Pandav has stored something in that folder. */
export function isDataFolder(folder: string): boolean {
  return ["pandav.db", RESTORE.ready, RESTORE.goingIn].some((name) => existsSync(join(folder, name)));
}

/** Makes an empty file that only its owner can open, where there is none; SQLite gives its side files the same mode. An existing one is not touched: not even opened. */
export function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Where the first mount's files are. */
export function filesFolder(dataDir: string): string {
  return join(dataDir, "files");
}

function userFolder({ env, home, platform }: FolderSurroundings): string {
  if (platform === "darwin") return join(home, "Library", "Application Support", "pandav");
  if (platform === "win32") return join(env.LOCALAPPDATA || join(home, "AppData", "Local"), "pandav");
  // A relative XDG path is invalid and must be ignored (XDG Base Directory Specification, "Basics").
  const xdg = env.XDG_DATA_HOME;
  return join(xdg?.startsWith("/") ? xdg : join(home, ".local", "share"), "pandav");
}
