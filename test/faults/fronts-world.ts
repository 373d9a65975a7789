/** All fronts of a server in this process, over a memory storage at `/m` with faults in it, as after a start that finds no tree. */
import { once } from "node:events";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import type { StorageError } from "#drivers/contract/errors.ts";
import { createMemoryDriver, type MemoryDriverOptions } from "#drivers/memory/index.ts";
import { type MemoryNode, MemoryStore } from "#drivers/memory/store.ts";
import { createCatalogue } from "#server/accounts/catalogue.ts";
import type { ApiDeps } from "#server/api/deps.ts";
import { openAuth } from "#server/auth/auth.ts";
import { around } from "#server/layers/layer.ts";
import { createLogger } from "#server/log.ts";
import { createFronts } from "#server/start/fronts.ts";
import { openSettings } from "#server/store/settings.ts";
import { openStore } from "#server/store/store.ts";
import { openTasksWithCrawler } from "#server/tasks/crawl/open.ts";
import { systemClock } from "#server/upstream/clock.ts";
import type { Vfs } from "#server/vfs/api.ts";
import { openTree } from "#server/vfs/tree/open.ts";
import { request } from "#test/clients/http-put.ts";
import { testServices } from "#test/support/services.ts";
import { openTestVfs, silentLog } from "#test/support/vfs.ts";
import type { Chaos } from "./chaos.ts";

/** What many worlds share, because it is dear to make: who may come in, and a data folder with nothing in it. */
export interface Gate {
  readonly deps: Pick<ApiDeps, "auth" | "settings">;
  /** Copied for each world. */
  readonly emptyData: string;
  close(): Promise<void>;
}

export async function openGate(): Promise<Gate> {
  const folder = await mkdtemp(join(tmpdir(), "pandav-gate-"));
  const emptyData = join(folder, "empty");
  const empty = await openStore(emptyData);
  await (await openTree({ store: empty, clock: systemClock, log: silentLog })).close();
  await empty.close();
  const store = await openStore(join(folder, "gate"));
  const settings = await openSettings(store, {});
  const auth = await openAuth({ store, settings, clock: systemClock, log: silentLog, adminPassword: "unused" });
  return {
    deps: { auth, settings },
    emptyData,
    async close() {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What a front said, as far as it may not lie. */
export interface Answer {
  /** `cut`: the connection ended inside the reply. */
  readonly status: number | "cut";
  readonly retryAfter?: string;
  /** `Pandav-Stale`. */
  readonly stale?: string;
  readonly body: string;
  /** The body as AList's API has it. */
  readonly envelope?: Envelope;
}

export interface Envelope {
  readonly code: number;
  readonly kind?: string;
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into field by field
  readonly data: any;
}

export interface FrontsWorld {
  /** The storage's own truth: path below the storage's root → content, directories with a slash at the end; sorted. */
  truth(): Readonly<Record<string, string>>;
  ask(method: string, path: string, o?: AskOptions): Promise<Answer>;
  api(path: string, input: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** The reply of one that stops reading at the first byte until `meanwhile` is done. */
  slowly(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    meanwhile: () => Promise<void>,
  ): Promise<{ readonly whole: boolean; readonly body: string }>;
  readonly vfs: Vfs;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface WorldOptions extends Pick<MemoryDriverOptions, "traits" | "without"> {
  readonly seed: NonNullable<MemoryDriverOptions["seed"]>;
  readonly pageSize?: number;
  /** The storage's freshness in milliseconds. */
  readonly freshness?: number;
}

/** A storage that fails at everything between `begin` and `end`; it begins at once. */
export interface Outage extends Pick<Chaos, "layer"> {
  begin(): void;
  end(): void;
}

export function createOutage(error: StorageError): Outage {
  let down = true;
  const fail = () => {
    if (down) throw error;
  };
  return {
    begin() {
      down = true;
    },
    end() {
      down = false;
    },
    layer: (inner) =>
      around(inner, {
        async call(_call, next) {
          fail();
          return next();
        },
        async *list(_directory, _o, next) {
          fail();
          yield* next();
        },
      }),
  };
}

export async function openFronts(gate: Gate, chaos: Pick<Chaos, "layer">, options: WorldOptions): Promise<FrontsWorld> {
  const { pageSize = 2, freshness, ...shape } = options;
  const dataDir = await mkdtemp(join(tmpdir(), "pandav-fronts-"));
  await cp(gate.emptyData, dataDir, { recursive: true });
  await addStorageRow(dataDir, pageSize, freshness);
  const memory = new MemoryStore();
  const plain = createMemoryDriver({ ...shape, store: memory });
  const driver: AnyDriver = {
    ...plain,
    open: async (settings, env, o) => chaos.layer(await plain.open(settings, env, o)),
  };
  const test = await openTestVfs({ drivers: [driver], dataDir });
  const drivers = { ids: () => [driver.id], find: async () => driver };
  const { vfs, accounts, logins } = test;
  const catalogue = createCatalogue(drivers);
  const deps = {
    ...gate.deps,
    ...(await testServices(test, { ...gate.deps, catalogue })),
    ...(await openTasksWithCrawler({
      store: test.store,
      auth: gate.deps.auth,
      vfs,
      clock: systemClock,
      log: silentLog,
    })),
    vfs,
    accounts,
    logins,
    catalogue,
    log: silentLog,
    version: "0",
  };
  const http = createFronts(deps, createLogger({ level: "silent" }))("owner");
  const { port } = (await http.listen({ port: 0, host: "127.0.0.1" })) as AddressInfo;
  const server = { url: `http://127.0.0.1:${port}`, user: "", password: "" };

  const ask = async (
    method: string,
    path: string,
    { headers = {}, body: content = "" }: AskOptions = {},
  ): Promise<Answer> => {
    try {
      const reply = await request(server, method, path, Buffer.from(content), headers);
      const { "retry-after": retryAfter, "pandav-stale": stale } = reply.headers as Record<string, string>;
      const body = String(reply.body);
      const isEnvelope = reply.headers["content-type"]?.startsWith("application/json");
      return {
        status: reply.status,
        ...(retryAfter && { retryAfter }),
        ...(stale && { stale }),
        body,
        ...(isEnvelope && { envelope: JSON.parse(body) as Envelope }),
      };
    } catch {
      return { status: "cut", body: "" };
    }
  };
  return {
    truth: () => sortedByPath(filesBelow(memory.root, "")),
    ask,
    vfs: test.vfs,
    slowly: (method, path, headers, meanwhile) => readSlowly(port, { method, path, headers }, meanwhile),
    api: (path, input) =>
      ask("POST", path, { body: JSON.stringify(input), headers: { "content-type": "application/json" } }),
    async close() {
      await http.close(AbortSignal.abort());
      await test.dispose();
    },
  };
}

async function readSlowly(
  port: number,
  options: RequestOptions,
  meanwhile: () => Promise<void>,
): Promise<{ readonly whole: boolean; readonly body: string }> {
  const sent = httpRequest({ host: "127.0.0.1", port, agent: false, signal: AbortSignal.timeout(30_000), ...options });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  sent.end();
  const [answer] = await answered;
  await meanwhile();
  const pieces: Buffer[] = [];
  try {
    for await (const piece of answer) pieces.push(piece as Buffer);
    return { whole: true, body: Buffer.concat(pieces).toString() };
  } catch {
    return { whole: false, body: Buffer.concat(pieces).toString() };
  }
}

/** What a storage holds, by path. */
export function sortedByPath(found: Iterable<readonly [string, string]>): Readonly<Record<string, string>> {
  return Object.fromEntries([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
}

async function addStorageRow(dataDir: string, pageSize: number, freshness: number | undefined): Promise<void> {
  const store = await openStore(dataDir);
  await store.db
    .insertInto("storage")
    .values({
      mount_path: "/m",
      driver: "memory",
      settings: JSON.stringify({ page_size: pageSize }),
      sort_order: 0,
      remark: "",
      disabled: 0,
      freshness: freshness === undefined ? null : JSON.stringify({ default: freshness }),
      delivery: "auto",
      created_at: 0,
      modified_at: 0,
    })
    .execute();
  await store.close();
}

function* filesBelow(node: MemoryNode, path: string): Generator<[string, string]> {
  for (const child of node.children) {
    if (child.kind === "file") yield [`${path}/${child.name}`, child.content.toString()];
    else {
      yield [`${path}/${child.name}/`, ""];
      yield* filesBelow(child, `${path}/${child.name}`);
    }
  }
}
