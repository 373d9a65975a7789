/** Backups as the server makes them: for who asks, and by themselves. */
import { readFileSync } from "node:fs";
import { StorageError } from "#drivers/contract/errors.ts";
import { type BackupParts, createBackup } from "./create.ts";
import { runSchedule, type ScheduleParts } from "./schedule.ts";

export interface BackupsParts extends BackupParts, Pick<ScheduleParts, "settings" | "notifier" | "clock" | "log"> {
  /** Of backups that are made by themselves. */
  readonly passphrase?: string | undefined;
  /** Its first line is that, where it is not given itself. */
  readonly passphraseFile?: string | undefined;
}

export interface Backups {
  /** The bytes of a backup of now. Throws `invalid-config` on a passphrase that is too short. */
  create(passphrase: string): AsyncIterable<Buffer>;
  /** Begins to make them by themselves. The returned function ends that. */
  start(): () => Promise<void>;
}

/** The backups of a data folder. */
export function openBackups(parts: BackupsParts): Backups {
  const create = (passphrase: string) => createBackup(parts, passphrase);
  return {
    create,
    start() {
      const stopped = new AbortController();
      const passphrase = () => parts.passphrase ?? (parts.passphraseFile && readPassphrase(parts.passphraseFile));
      const ended = runSchedule({ ...parts, create, passphrase }, stopped.signal);
      return async () => {
        stopped.abort(new StorageError("unavailable", "the server is being stopped"));
        await ended;
      };
    },
  };
}

/** The first line of a file. Throws `invalid-config`. */
export function readPassphrase(file: string): string {
  try {
    return readFileSync(file, "utf8").split(/\r?\n/, 1)[0] ?? "";
  } catch (error) {
    const why = (error as Error).message;
    throw new StorageError("invalid-config", `the file of the passphrase cannot be read (${why})`, { cause: error });
  }
}
