/** How a command finds the server of a data folder: the one that runs, or else itself (architecture.md §8). */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Reached } from "../cli/client.ts";
import { isDataFolder } from "../store/data-folder.ts";
import { FolderInUse, type FolderLock, lockFolder } from "../store/lock.ts";
import { controlSocketPath } from "./control-socket.ts";

/** How long to wait for a holder of the lock that does not answer yet, or no longer: it starts or ends. */
const PATIENCE_MS = 15_000;
const POLL_MS = 50;

export interface ReachOptions {
  readonly dataDir: string;
  /** Whether a folder without Pandav's data becomes one. */
  readonly mayCreate: boolean;
  /** Opens everything in this process and its control socket; releases the lock when that fails, and when it is closed. */
  openHere(lock: FolderLock): Promise<Reached>;
  readonly signal: AbortSignal;
}

/** Throws FolderInUse where another process has the folder and does not answer; `invalid-config` where there is no data folder and none may be made. */
export async function reachServer({ dataDir, mayCreate, openHere, signal }: ReachOptions): Promise<Reached> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    signal.throwIfAborted();
    const socketPath = controlSocketPath(dataDir);
    if (await answers(socketPath)) return { socketPath, close: async () => {} };
    if (!mayCreate && !isDataFolder(dataDir)) {
      throw new StorageError(
        "invalid-config",
        `${dataDir} holds no data of Pandav: begin with "pandav serve" or "pandav storage add", or name another folder with --data`,
      );
    }
    const lock = tryLock(dataDir, Date.now() > deadline);
    if (lock) return openHere(lock);
    await sleep(POLL_MS, undefined, { signal });
  }
}

function tryLock(dataDir: string, isLastTry: boolean): FolderLock | undefined {
  try {
    return lockFolder(dataDir);
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error;
    if (!isLastTry) return undefined;
    throw new StorageError(
      "locked",
      `${error.message}, which does not answer: end it, or name another folder with --data`,
    );
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
