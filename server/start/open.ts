/** Opens everything that a data folder needs, for whoever holds its lock. */
import { join } from "node:path";
import { openAccounts } from "../accounts/accounts.ts";
import type { Accounts } from "../accounts/api.ts";
import { createCatalogue, openDrivers } from "../accounts/catalogue.ts";
import { openAuth } from "../auth/auth.ts";
import { openBackups } from "../backup/backups.ts";
import { finishRestore } from "../backup/restore.ts";
import type { Config } from "../config.ts";
import type { HttpServer } from "../http/server.ts";
import { createImporter } from "../import/importer.ts";
import { createLogger, type Logger } from "../log.ts";
import { createMetrics, type Metrics } from "../metrics/metrics.ts";
import { openNotices } from "../notify/notices.ts";
import { createNotifier } from "../notify/notifier.ts";
import { countUpstreamCall, createRecorder } from "../request-context.ts";
import { createPrivately, sweepScratch } from "../store/data-folder.ts";
import { parseNetworks } from "../store/networks.ts";
import { openSealing } from "../store/sealing.ts";
import { openSettings } from "../store/settings.ts";
import { openStore, type Store } from "../store/store.ts";
import { openTasksWithCrawler } from "../tasks/crawl/open.ts";
import { systemClock } from "../upstream/clock.ts";
import { routeOf } from "../upstream/routes.ts";
import { createUrlGuard } from "../upstream/url-guard.ts";
import { readVersion } from "../version.ts";
import type { Vfs } from "../vfs/api.ts";
import { createOpenMount } from "../vfs/open-mount.ts";
import { recordingRemovals } from "../vfs/recording-removals.ts";
import { ignoredPaths } from "../vfs/search/ignored-paths.ts";
import { type NameIndex, openNameIndex } from "../vfs/search/name-index.ts";
import { openTree } from "../vfs/tree/open.ts";
import type { Tree } from "../vfs/tree/tree.ts";
import { createVfs } from "../vfs/vfs.ts";
import { addFirstMount, type FirstStart } from "./first-start.ts";
import { createFronts, type Door, type DoorOptions } from "./fronts.ts";
import { watchForNotices } from "./notices.ts";
import { recordDeletion } from "./record-deletion.ts";
import { type Closing, closeInOrder } from "./shutdown.ts";

/** An opened data folder. */
export interface Pandav {
  readonly vfs: Vfs;
  /** Begins what a server does by itself: tasks, the crawler's schedule and notices. For one that stays. */
  start(): void;
  readonly log: Logger;
  /** Set when this start made what is in the folder. */
  readonly firstStart?: FirstStart;
  /** A server over all fronts, not listening yet; `close` ends it. */
  createServer(door: Door, own?: DoorOptions): HttpServer;
  /** Ends everything in order, within 10 s. Never rejects. */
  close(): Promise<void>;
}

/** How long the parts may take to end: together less than the 10 s that were promised. */
const REQUESTS_MS = 7_000;
const VFS_MS = 1_200;
const TASKS_MS = 500;
const STORE_MS = 400;

/** Opens a data folder whose lock the caller holds. Throws StorageErrors whose message is one line for people; nothing is left open then. */
export async function openPandav(config: Config, signal: AbortSignal): Promise<Pandav> {
  const log = createLogger({ level: config.logLevel });
  const clock = systemClock;
  const drivers = await openDrivers(config.drivers, process.cwd());
  const closings: Closing[] = [];
  const close = () => closeInOrder(closings.splice(0).reverse(), log);
  try {
    finishRestore(config.dataDir);
    sweepScratch(config.dataDir);
    for (const name of ["pandav.db", "tree.db"]) createPrivately(join(config.dataDir, name));
    const store = await openStore(config.dataDir);
    closings.push({ name: "store", withinMs: STORE_MS, close: () => store.close() });
    const settings = await openSettings(store, config.settings);
    const { adminPassword, secretKey, upstreams } = config;
    const auth = await openAuth({
      store,
      settings,
      clock,
      log,
      ...(secretKey && { secretKey }),
      ...(adminPassword && { adminPassword }),
    });
    closings.push({ name: "audit", withinMs: STORE_MS, close: () => auth.audit.close() });
    const guard = createUrlGuard({ allowed: () => parseNetworks(settings.get("private_addresses")) });
    closings.push({ name: "outgoing calls", withinMs: STORE_MS, close: () => guard.close() });
    const sealing = openSealing(config.dataDir, secretKey);
    const notices = await openNotices({ store, settings, sealing, guard, clock, log });
    closings.push({ name: "notices", withinMs: STORE_MS, close: () => notices.close() });
    const { accounts, logins } = await openAccounts({
      store,
      kinds: drivers.accounts,
      clock,
      log,
      upstreams,
      onRequest: countUpstreamCall,
      notifier: createNotifier(log, notices),
      ...(secretKey && { secretKey }),
    });
    closings.push({ name: "accounts", withinMs: STORE_MS, close: () => accounts.close() });
    let mounts: () => ReturnType<Vfs["storages"]["list"]> = () => [];
    const metrics = createMetrics({ version: readVersion(), dataDir: config.dataDir, mounts: () => mounts() });
    const tree = await openTree({ store, clock, log });
    const isWanted = () => settings.get("search_index") !== "none";
    const nameIndex = openNameIndex({ tree, dataDir: config.dataDir, isWanted, log });
    const isIgnored = ignoredPaths(() => settings.get("ignore_paths"));
    const plain = await openVfs({ store, tree, drivers, accounts, config, log, metrics, nameIndex, isIgnored });
    mounts = () => plain.storages.list();
    const vfs = recordingRemovals(plain, (deletion) => void recordDeletion(auth, deletion));
    closings.push({ name: "mounts", withinMs: VFS_MS, close: (o) => vfs.close(o) });
    const servers: HttpServer[] = [];
    closings.push({
      name: "requests",
      withinMs: REQUESTS_MS,
      close: async (o) => void (await Promise.all(servers.map((server) => server.close(o)))),
    });
    const usualDepth = () => settings.get("max_index_depth");
    const { tasks, crawler } = await openTasksWithCrawler({
      ...{ store, auth, settings, vfs: plain, recording: vfs, clock, log, isIgnored, usualDepth },
    });
    const forgetLogins = accounts.onRecovered(() => tasks.wakeLogins());
    // Before the requests: some wait for news of a task.
    closings.push({
      name: "tasks",
      withinMs: TASKS_MS,
      async close(o) {
        forgetLogins();
        await tasks.close(o);
      },
    });
    // Before the requests: some wait for news of a login.
    closings.push({ name: "logins", withinMs: STORE_MS, close: () => logins.close() });
    const firstStart = toFirstStart(auth.firstPassword, config);
    if (firstStart) await addFirstMount(vfs.storages, config.dataDir, signal);
    const catalogue = createCatalogue(drivers, { log, upstreams, onRequest: countUpstreamCall });
    const importer = createImporter({
      store,
      auth,
      settings,
      storages: vfs.storages,
      catalogue,
      accounts,
      clock,
      log,
      ...(secretKey && { secretKey }),
    });
    const backups = openBackups({
      store,
      settings,
      notifier: notices,
      clock,
      log,
      version: readVersion(),
      secretKey,
      passphrase: config.backupPassphrase,
      passphraseFile: config.backupPassphraseFile,
    });
    const createDoor = createFronts(
      {
        vfs,
        auth,
        settings,
        accounts,
        logins,
        tasks,
        crawler,
        catalogue,
        importer,
        notices,
        backups,
        log,
        version: readVersion(),
      },
      log,
      { basePath: config.basePath, metrics },
    );
    return {
      vfs,
      log,
      start() {
        tasks.start();
        crawler.start();
        notices.start();
        const stopWatching = watchForNotices({ vfs, tasks }, notices, clock);
        closings.push({ name: "watching", withinMs: STORE_MS, close: stopWatching });
        closings.push({ name: "backups", withinMs: STORE_MS, close: backups.start() });
      },
      ...(firstStart && { firstStart }),
      createServer(door, own) {
        const server = createDoor(door, own);
        servers.push(server);
        return server;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface VfsNeeds {
  readonly store: Store;
  readonly tree: Tree;
  readonly drivers: Awaited<ReturnType<typeof openDrivers>>;
  readonly accounts: Accounts;
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly nameIndex: NameIndex;
  readonly isIgnored: (path: string) => boolean;
}

async function openVfs({ drivers, accounts, config, log, metrics, ...parts }: VfsNeeds): Promise<Vfs> {
  const { store, tree, nameIndex } = parts;
  const clock = systemClock;
  const { upstreams } = config;
  const recorder = createRecorder(log, metrics.recorder);
  const openMount = createOpenMount({
    store,
    clock,
    log,
    recorder,
    accounts,
    upstreams,
    onRequest: countUpstreamCall,
    onReply: metrics.upstream,
  });
  try {
    const isRerouted = (host: string) => routeOf(host, upstreams) !== undefined;
    return await createVfs({ ...parts, drivers, accounts, openMount, isRerouted, clock, log });
  } catch (error) {
    await nameIndex.close();
    await tree.close();
    throw error;
  }
}

/** A password that the owner chose is not printed. */
function toFirstStart(password: string | undefined, { adminPassword }: Config): FirstStart | undefined {
  if (password === undefined) return undefined;
  return adminPassword ? {} : { password };
}
