/** Backups by themselves: into a folder, so often, and only the newest of them stay. */
import { createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Notifier } from "../notify/notifier.ts";
import type { Settings } from "../store/settings.ts";
import { sync, unpack } from "./archive.ts";
import { unsealed } from "./seal.ts";

/** How often it is looked whether it is time, in milliseconds: settings change meanwhile. */
const LOOK_EVERY_MS = 60_000;
/** Between a backup that failed and the next try. */
const AGAIN_AFTER_MS = 15 * 60_000;
const HOUR_MS = 3_600_000;

/** `pandav-20261125T081500Z.pandav-backup`; nothing else in the folder is ever touched. */
const NAME = /^pandav-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.pandav-backup$/;
const PART = ".part";

export interface ScheduleParts {
  readonly settings: Pick<Settings, "get">;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly log: Log;
  /** Read anew each time: it may lie in a file. Undefined where none is set. Throws where the file cannot be read. */
  passphrase(): string | undefined;
  /** The bytes of a backup. */
  create(passphrase: string): AsyncIterable<Buffer>;
}

/** The name of a backup that was made then. */
export function backupName(now: number): string {
  return `pandav-${new Date(now)
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:]/g, "")}.pandav-backup`;
}

/** Makes backups until the signal aborts. Never rejects: what fails is told to the owner, once. */
export async function runSchedule(parts: ScheduleParts, signal: AbortSignal): Promise<void> {
  const { clock, settings, notifier, log } = parts;
  const subject = { kind: "backup" } as const;
  let notBefore = 0;
  while (!signal.aborted) {
    const folder = settings.get("backup_folder");
    const now = clock.now();
    if (folder !== "" && now >= notBefore) {
      try {
        if (isDue(folder, settings.get("backup_every_hours") * HOUR_MS, now)) {
          await makeOne(parts, folder, now, signal);
          log.info({ folder }, "a backup was made");
        }
        notifier.notify({ subject, state: "ok", message: "" });
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ err: error }, "a backup failed");
        notBefore = clock.now() + AGAIN_AFTER_MS;
        const message =
          error instanceof StorageError || isOfDisk(error) ? error.message : "internal error (see the log)";
        notifier.notify({ subject, state: "failed", message: `no backup was made in ${folder}: ${message}` });
      }
    }
    await clock.sleep(LOOK_EVERY_MS, signal).catch(() => {}); // the loop sees that it is over
  }
}

function isDue(folder: string, everyMs: number, now: number): boolean {
  const newest = Math.max(Number.NEGATIVE_INFINITY, ...backupsIn(folder).map(timeOf));
  return now - newest >= everyMs;
}

async function makeOne(
  { passphrase, create, settings }: ScheduleParts,
  folder: string,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const secret = passphrase();
  if (secret === undefined) {
    throw new StorageError("invalid-config", "there is no passphrase: set PANDAV_BACKUP_PASSPHRASE_FILE");
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const target = join(folder, backupName(now));
  const part = target + PART;
  for (const name of readdirSync(folder)) {
    if (name.endsWith(PART) && NAME.test(name.slice(0, -PART.length))) rmSync(join(folder, name), { force: true });
  }
  try {
    await pipeline(create(secret), createWriteStream(part, { mode: 0o600, flags: "wx" }), { signal });
    sync(part);
    // A backup that cannot be read back is none, and must not cost an older one.
    await unpack(unsealed(createReadStream(part, { signal }) as AsyncIterable<Buffer>, secret));
    renameSync(part, target);
    sync(folder, true);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
  for (const name of backupsIn(folder).slice(settings.get("backup_keep"))) rmSync(join(folder, name), { force: true });
}

/** The newest first. */
function backupsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .sort()
    .reverse();
}

function timeOf(name: string): number {
  return Date.parse(name.replace(NAME, "$1-$2-$3T$4:$5:$6Z"));
}

function isOfDisk(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === "string";
}
