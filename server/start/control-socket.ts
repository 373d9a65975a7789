/** The owner's door: a socket that only the owner of the data folder can open, speaking the same HTTP (architecture.md §8). */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { StorageError } from "#drivers/contract/errors.ts";
import type { HttpServer } from "../http/server.ts";

/** Longest path that every POSIX system takes for a socket, in bytes: 104 with the final NUL on macOS, 108 on Linux (unix(7)). */
const MAX_SOCKET_PATH = 103;

/** Names the socket where it could not be in the data folder. */
const POINTER = "control.path";

/** Where the socket of a data folder is, as far as one can tell without opening it. */
export function controlSocketPath(dataDir: string): string {
  if (process.platform === "win32") return `\\\\.\\pipe\\pandav-${digest(dataDir)}`;
  const near = join(dataDir, "control.sock");
  if (Buffer.byteLength(near) <= MAX_SOCKET_PATH) return near;
  return readPointer(dataDir) ?? farPath(dataDir);
}

/**
 * Opens the socket for `server`, mode 0600. Only for the holder of the folder's lock: a socket file that is there was left by a process that died, and is removed.
 * Throws StorageError `invalid-config` where it cannot be.
 */
export async function openControlSocket(dataDir: string, server: Pick<HttpServer, "listen">): Promise<string> {
  const path = process.platform === "win32" ? controlSocketPath(dataDir) : prepare(dataDir);
  try {
    await listenPrivately(server, path);
  } catch (error) {
    throw new StorageError(
      "invalid-config",
      `the control socket ${path} cannot be opened (${(error as Error).message})`,
      {
        cause: error,
      },
    );
  }
  return path;
}

function prepare(dataDir: string): string {
  const near = join(dataDir, "control.sock");
  const pointer = join(dataDir, POINTER);
  rmSync(near, { force: true });
  if (Buffer.byteLength(near) <= MAX_SOCKET_PATH) {
    rmSync(pointer, { force: true });
    return near;
  }
  const far = farPath(dataDir);
  makePrivate(join(far, ".."));
  rmSync(far, { force: true });
  writeFileSync(pointer, far, { mode: 0o600 });
  return far;
}

/** In a folder that everybody may write to, ours must be ours alone. */
function makePrivate(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== userInfo().uid || (found.mode & 0o077) !== 0) {
    throw new StorageError(
      "invalid-config",
      `${folder} is not a private folder of yours: remove it, or name a data folder with a shorter path`,
    );
  }
}

function farPath(dataDir: string): string {
  return join(tmpdir(), `pandav-${userInfo().uid}`, `${digest(dataDir)}.sock`);
}

function readPointer(dataDir: string): string | undefined {
  try {
    return readFileSync(join(dataDir, POINTER), "utf8");
  } catch {
    return undefined; // no server has run there since the folder was made
  }
}

function digest(dataDir: string): string {
  return createHash("sha256").update(dataDir).digest("hex").slice(0, 16);
}

async function listenPrivately(server: Pick<HttpServer, "listen">, path: string): Promise<void> {
  // The socket file appears within the call; the mask closes the moment between its birth and any chmod.
  const mask = process.umask(0o177);
  let listening: Promise<unknown>;
  try {
    listening = server.listen({ path });
  } finally {
    process.umask(mask);
  }
  await listening;
}
