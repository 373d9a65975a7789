/** All fronts of one server in this process, over a memory mount, as a visitor meets them. */
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { createMemoryDriver, type MemoryDriverOptions } from "#drivers/memory/index.ts";
import { createCatalogue } from "#server/accounts/catalogue.ts";
import type { ApiDeps } from "#server/api/deps.ts";
import { openAuth } from "#server/auth/auth.ts";
import type { HttpServer, TlsPair } from "#server/http/server.ts";
import { createLogger } from "#server/log.ts";
import { createMetrics, type Metrics } from "#server/metrics/metrics.ts";
import { createFronts } from "#server/start/fronts.ts";
import { recordDeletion } from "#server/start/record-deletion.ts";
import { openSettings, type Settings } from "#server/store/settings.ts";
import { openTasksWithCrawler } from "#server/tasks/crawl/open.ts";
import { systemClock } from "#server/upstream/clock.ts";
import { recordingRemovals } from "#server/vfs/recording-removals.ts";
import { testServices } from "#test/support/services.ts";
import { openTestVfs, silentLog } from "#test/support/vfs.ts";
import { exchange, type Reply } from "#test/webdav/harness.ts";

export const PASSWORD = "correct horse";
export const BASIC = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString("base64")}`;
/** The static token, which is the administrator's. */
export const TOKEN = "alist-test-token";

export interface Hardened {
  readonly port: number;
  readonly deps: ApiDeps;
  readonly settings: Settings;
  readonly metrics: Metrics;
  readonly server: HttpServer;
  /** One request, with no credentials but those of `headers`; the target goes out as it is. */
  ask(method: string, target: string, headers?: Readonly<Record<string, string>>, body?: string): Promise<Reply>;
  raw(bytes: string | Buffer): Promise<Reply>;
}

export interface HardenedOptions {
  readonly seed?: NonNullable<MemoryDriverOptions["seed"]>;
  readonly basePath?: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly tls?: TlsPair;
}

/** Opened for one test and closed when it ends. */
export async function openHardened(o: HardenedOptions = {}): Promise<Hardened> {
  const driver = createMemoryDriver({ seed: o.seed ?? { "a.txt": "hello", dir: { x: "x" } } });
  let metrics: Metrics | undefined;
  const test = await openTestVfs({
    drivers: [driver],
    recorder: {
      begun: (call) => metrics?.recorder.begun(call),
      ended: (observation) => metrics?.recorder.ended(observation),
    },
  });
  const { store, accounts, logins } = test;
  metrics = createMetrics({ version: "1.2.3", dataDir: test.dataDir, mounts: () => test.vfs.storages.list() });
  await test.mount({ mountPath: "/m", driver: "memory", settings: {} });
  const settings = await openSettings(store, { token: TOKEN });
  for (const [key, value] of Object.entries(o.settings ?? {})) await settings.set(key as "site_url", value);
  const auth = await openAuth({ store, settings, clock: systemClock, log: silentLog, adminPassword: PASSWORD });
  const { tasks, crawler } = await openTasksWithCrawler({
    store,
    auth,
    vfs: test.vfs,
    clock: systemClock,
    log: silentLog,
  });
  const catalogue = createCatalogue({
    ids: () => ["memory"],
    find: async (name) => (name === "memory" ? driver : undefined),
    accounts: { kinds: () => [], find: async () => undefined },
  });
  const deps: ApiDeps = {
    ...(await testServices(test, { auth, settings, catalogue })),
    tasks,
    crawler,
    vfs: recordingRemovals(test.vfs, (deletion) => void recordDeletion(auth, deletion)),
    auth,
    settings,
    accounts,
    logins,
    catalogue,
    log: silentLog,
    version: "1.2.3",
  };
  const create = createFronts(deps, createLogger({ level: "silent" }), {
    metrics,
    ...(o.basePath !== undefined && { basePath: o.basePath }),
  });
  const server = create("visitor", { ...(o.tls && { tls: o.tls }) });
  const { port } = (await server.listen({ port: 0, host: "127.0.0.1" })) as AddressInfo;
  onTestFinished(async () => {
    await server.close(AbortSignal.abort());
    await auth.audit.close();
    await test.dispose();
  });
  return {
    port,
    deps,
    settings,
    metrics,
    server,
    raw: (bytes) => exchange(port, bytes),
    ask(method, target, headers = {}, body) {
      const length = body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
      const all = { Host: `127.0.0.1:${port}`, Connection: "close", ...length, ...headers };
      const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
      return exchange(port, `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n${body ?? ""}`);
    },
  };
}
