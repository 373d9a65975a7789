/** A command that finds no server becomes one for its own time: other commands go through it. */
import type { Writable } from "node:stream";
import type { Reached } from "../cli/client.ts";
import type { Config } from "../config.ts";
import type { FolderLock } from "../store/lock.ts";
import { openControlSocket } from "./control-socket.ts";
import { accountLines } from "./first-start.ts";
import { openPandav } from "./open.ts";

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

function quieter(level: Config["logLevel"]): Config["logLevel"] {
  return level === "info" ? "error" : level;
}
