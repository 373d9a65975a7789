/** `pandav serve`: from a configuration to a server that answers, and from a signal to its end. */
import { type AddressInfo, createServer, isIP } from "node:net";
import type { Writable } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Config } from "../config.ts";
import { type Folder, openFolder } from "../frontend/folder.ts";
import type { TlsPair } from "../http/server.ts";
import { FolderInUse, type FolderLock, lockFolder } from "../store/lock.ts";
import { explainListen, originOf, readAddress, removeAddress, writeAddress } from "./address.ts";
import { onBugs } from "./bugs.ts";
import { openControlSocket } from "./control-socket.ts";
import { accountLines, reachLines } from "./first-start.ts";
import { holdHeap } from "./heap.ts";
import { openPandav, type Pandav } from "./open.ts";
import { onStopSignals } from "./stop-signals.ts";
import { readTls, watchTls } from "./tls.ts";

/** Serves until a stop signal, and resolves to 0 when all has ended. Throws StorageErrors whose message is one line for people. */
export async function serve(config: Config, out: Writable): Promise<number> {
  holdHeap();
  const stopped = new AbortController();
  const ignoreSignals = onStopSignals(
    (signal) => stopped.abort(new StorageError("unavailable", `stopped by ${signal}`)),
    () => process.exit(1),
  );
  const lock = takeLock(config.dataDir);
  try {
    const tls = config.tls && readTls(config.tls);
    const frontend = config.frontend === undefined ? undefined : openFolder(config.frontend);
    await checkAddress(config);
    // What the first visitor needs: an installation that lacks it does not start, and he does not wait.
    await import("../webdav/handler.ts");
    const pandav = await openPandav(config, stopped.signal);
    try {
      const own = { ...(tls && { pair: tls }), ...(frontend && { folder: frontend }) };
      await serveOpened(pandav, { ...config, ...own }, out, stopped.signal);
    } finally {
      await pandav.close();
    }
    return 0;
  } catch (error) {
    if (stopped.signal.aborted && error === stopped.signal.reason) return 0;
    throw error;
  } finally {
    lock.release();
    ignoreSignals();
  }
}

async function serveOpened(
  pandav: Pandav,
  config: Config & { readonly pair?: TlsPair; readonly folder?: Folder },
  out: Writable,
  stopped: AbortSignal,
): Promise<void> {
  const { firstStart, log } = pandav;
  const ignoreBugs = onBugs(log);
  let stopWatching = () => {};
  try {
    if (firstStart) out.write(accountLines(firstStart, config.dataDir));
    await openControlSocket(config.dataDir, pandav.createServer("owner"));
    const { host, port, pair, tls, folder } = config;
    const own = { ...(pair && { tls: pair }), ...(folder && { frontend: folder }) };
    const server = pandav.createServer("visitor", own);
    const listening = server.listen({ host, port });
    const address = (await listening.catch((error: unknown) => {
      throw explainListen(error, config);
    })) as AddressInfo;
    if (tls) stopWatching = watchTls(tls, { renew: (renewed) => server.renewTls(renewed), log });
    const url = `${originOf(address, pair ? "https" : "http")}${config.basePath}`;
    writeAddress(config.dataDir, url);
    if (firstStart) out.write(reachLines(firstStart, url, isLoopback(address.address)));
    out.write(`Pandav listens on ${url}\n`);
    log.info({ url, dataDir: config.dataDir }, "listening");
    pandav.start();
    await aborted(stopped);
    log.info({}, "stopping");
  } finally {
    removeAddress(config.dataDir);
    stopWatching();
    ignoreBugs();
  }
}

/** Whether we can listen is known before anything is made in the data folder. */
async function checkAddress(config: Config): Promise<void> {
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once("error", reject).listen({ host: config.host, port: config.port }, resolve);
    });
  } catch (error) {
    throw explainListen(error, config);
  }
  await new Promise((resolve) => probe.close(resolve));
}

function takeLock(dataDir: string): FolderLock {
  try {
    return lockFolder(dataDir);
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error;
    const url = readAddress(dataDir, error.pid);
    const where = url ? `, which serves it at ${url}` : "";
    throw new StorageError("locked", `${error.message}${where}: stop that one, or name another folder with --data`);
  }
}

function isLoopback(address: string): boolean {
  return isIP(address) === 6 ? address === "::1" : address.startsWith("127.");
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
