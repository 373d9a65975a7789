/** A command that finds no server becomes one for its own time: other commands go through it. */
import { rmSync } from "node:fs";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Reached } from "../cli/client.ts";
import type { Config } from "../config.ts";
import type { FolderLock } from "../store/lock.ts";
import { openControlSocket } from "./control-socket.ts";
import { accountLines } from "./first-start.ts";
import { openPandav } from "./open.ts";

/** Between a client's `connect` and the first byte of its request. */
const LAST_KNOCK_MS = 30;

/** Opens the folder and its control socket. The lock is released when that fails, and when the returned server is closed. */
export async function openOwnServer(
  config: Config,
  lock: FolderLock,
  notices: Writable,
  signal: AbortSignal,
): Promise<Reached> {
  try {
    // Only what the command itself says is for its user.
    const pandav = await openPandav({ ...config, logLevel: quieter(config.logLevel) }, signal);
    if (pandav.firstStart) notices.write(accountLines(pandav.firstStart, config.dataDir));
    try {
      const socketPath = await openControlSocket(config.dataDir, pandav.createServer("owner"));
      return {
        socketPath,
        async close() {
          await leave(socketPath);
          await pandav.close();
          lock.release();
        },
      };
    } catch (error) {
      await pandav.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Who has already knocked is let in; nobody finds the door after that. */
async function leave(socketPath: string): Promise<void> {
  if (process.platform !== "win32") rmSync(socketPath, { force: true });
  await sleep(LAST_KNOCK_MS);
}

function quieter(level: Config["logLevel"]): Config["logLevel"] {
  return level === "info" ? "error" : level;
}
