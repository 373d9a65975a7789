/** A command that finds no server becomes one for its own time: other commands go through it. */
import { rmSync } from "node:fs";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Reached } from "../cli/client.ts";
import type { Config } from "../config.ts";
import type { HttpServer } from "../http/server.ts";
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
      const server = pandav.createServer("owner");
      const socketPath = await openControlSocket(config.dataDir, server);
      return {
        socketPath,
        async close() {
          await leave(socketPath, server, signal);
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

/** Nobody finds the door any more; who came through it before, or has just knocked, is served to the end, unless the user gives up. */
async function leave(socketPath: string, { server }: HttpServer, signal: AbortSignal): Promise<void> {
  if (process.platform !== "win32") rmSync(socketPath, { force: true });
  do {
    await sleep(LAST_KNOCK_MS);
  } while (!signal.aborted && (await countConnections(server)) > 0);
}

function countConnections(server: HttpServer["server"]): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((error, count) => resolve(error ? 0 : count));
  });
}

function quieter(level: Config["logLevel"]): Config["logLevel"] {
  return level === "info" ? "error" : level;
}
