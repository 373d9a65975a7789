/**
 * One process per data folder. The lock is an SQLite file held in exclusive mode: the kernel lets go of it when the process dies, however it dies,
 * so nobody has to judge whether a process id that was written down is still the same process.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StorageError } from "#drivers/contract/errors.ts";
import { createPrivately } from "./data-folder.ts";

/** SQLITE_BUSY and SQLITE_NOTADB (sqlite.org/rescode.html). */
const BUSY = 5;
const NOT_A_DATABASE = 26;

/** Where SQLite keeps `user_version`, big-endian (sqlite.org/fileformat2.html §1.3); the holder's process id is put there. */
const USER_VERSION_OFFSET = 60;

/** A connection that nothing refers to is collected, and its lock goes with it. */
const held = new Set<DatabaseSync>();

export interface FolderLock {
  /** Lets another process have the folder. */
  release(): void;
}

/** Another process has the data folder; kind `locked`. */
export class FolderInUse extends StorageError {
  /** The holder's process id, where it could be read. */
  readonly pid: number | undefined;

  constructor(dataDir: string, pid: number | undefined) {
    super("locked", `the data folder ${dataDir} is in use by ${pid ? `process ${pid}` : "another process"}`);
    this.name = "FolderInUse";
    this.pid = pid;
  }
}

/** The lock on a data folder, which is made where it is missing. Never waits: throws FolderInUse when another process has it, `invalid-config` when the folder cannot be used. */
export function lockFolder(dataDir: string): FolderLock {
  const file = join(dataDir, "lock");
  let connection: DatabaseSync | undefined;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    createPrivately(file);
    connection = new DatabaseSync(file);
    // In this mode the lock that the write takes stays when its transaction ends, so that the id is on the disk for others to read.
    connection.exec(`pragma locking_mode = exclusive; begin exclusive; pragma user_version = ${process.pid}; commit`);
  } catch (error) {
    connection?.close();
    throw explain(error, dataDir, file);
  }
  return hold(connection);
}

function hold(connection: DatabaseSync): FolderLock {
  held.add(connection);
  return {
    release() {
      if (held.delete(connection)) connection.close();
    },
  };
}

function explain(error: unknown, dataDir: string, file: string): unknown {
  const { errcode, code, message } = error as { errcode?: number; code?: string; message: string };
  if (errcode === BUSY) return new FolderInUse(dataDir, readHolder(file));
  if (errcode === NOT_A_DATABASE) {
    return new StorageError("invalid-config", `${file} is damaged: remove it, if no Pandav runs on that folder`);
  }
  if (errcode === undefined && code === undefined) return error;
  return new StorageError(
    "invalid-config",
    `the data folder ${dataDir} cannot be used (${message}): name another with --data`,
    {
      cause: error,
    },
  );
}

/** Only for a process that does not hold the lock: closing any descriptor of the file drops a holder's own POSIX locks (fcntl(2), "Advisory record locking"). */
function readHolder(file: string): number | undefined {
  try {
    const header = readFileSync(file);
    return header.length >= USER_VERSION_OFFSET + 4 ? header.readUInt32BE(USER_VERSION_OFFSET) || undefined : undefined;
  } catch {
    return undefined; // the message is then without it
  }
}
