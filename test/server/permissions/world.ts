/** All fronts on loopback sockets over a memory storage at `/m`: users of every kind, folders with rules, and what the filesystem below is asked. */
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { MemoryStore, type SeedTree } from "#drivers/memory/store.ts";
import { createCatalogue } from "#server/accounts/catalogue.ts";
import type { ApiDeps } from "#server/api/deps.ts";
import { openAuth } from "#server/auth/auth.ts";
import type { MetaInput } from "#server/auth/metas.ts";
import { createLogger } from "#server/log.ts";
import { createFronts } from "#server/start/fronts.ts";
import { openSettings } from "#server/store/settings.ts";
import { openTasksWithCrawler } from "#server/tasks/crawl/open.ts";
import { systemClock } from "#server/upstream/clock.ts";
import type { Vfs } from "#server/vfs/api.ts";
import { testServices } from "#test/support/services.ts";
import { openTestVfs, silentLog } from "#test/support/vfs.ts";

export interface Asked {
  readonly method: string;
  /** Sent as it is, but for characters that no request line can hold. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** The envelope's code where there is one, else the status. */
  readonly code: number;
}

export interface PermissionWorld {
  readonly deps: ApiDeps;
  /** What lies in the storage, by path below its root. */
  truth(): readonly string[];
  /** Paths that the filesystem below was asked about since the last call. */
  touched(): readonly string[];
  ask(asked: Asked, door?: "visitor" | "owner"): Promise<Answer>;
  addMeta(input: Partial<MetaInput> & { readonly path: string }): Promise<void>;
  close(): Promise<void>;
}

/** Everything an administrator might forget to say: no rules. */
const NO_RULES: Omit<MetaInput, "path"> = {
  password: "",
  passwordSub: false,
  write: false,
  writeSub: false,
  hide: "",
  hideSub: false,
  readme: "",
  readmeSub: false,
  header: "",
  headerSub: false,
};

export async function openPermissionWorld(seed: SeedTree): Promise<PermissionWorld> {
  const boxes = new MemoryStore();
  const driver = createMemoryDriver({ store: boxes, seed });
  const test = await openTestVfs({ drivers: [driver], isSearched: () => true });
  const { store, accounts, logins } = test;
  await test.mount({ mountPath: "/m", driver: "memory", settings: {} });
  const settings = await openSettings(store);
  await settings.set("token", "alist-test-token");
  const auth = await openAuth({ store, settings, clock: systemClock, log: silentLog, adminPassword: "correct horse" });
  const asked: string[] = [];
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
    vfs: recorded(test.vfs, asked),
    auth,
    settings,
    accounts,
    logins,
    catalogue,
    log: silentLog,
    version: "0",
  };
  const createServer = createFronts(deps, createLogger({ level: "silent" }));
  const doors = { visitor: createServer("visitor"), owner: createServer("owner") };
  const ports = {
    visitor: ((await doors.visitor.listen({ port: 0, host: "127.0.0.1" })) as AddressInfo).port,
    owner: ((await doors.owner.listen({ port: 0, host: "127.0.0.1" })) as AddressInfo).port,
  };
  return {
    deps,
    truth: () => treeOf(boxes),
    touched: () => asked.splice(0),
    ask: (what, door = "visitor") => ask(ports[door], what),
    async addMeta(input) {
      await auth.metas.create({ ...NO_RULES, ...input });
    },
    async close() {
      await Promise.all(Object.values(doors).map((server) => server.close(AbortSignal.abort())));
      await test.dispose();
    },
  };
}

/** The same vfs, which writes down every path that a front names to it. */
function recorded(vfs: Vfs, asked: string[]): Vfs {
  const watched = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(of, key) {
        const value = Reflect.get(of, key, of);
        if (key === "locks" || key === "trash") return watched(value as object);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          for (const one of args.flat()) if (typeof one === "string" && one.startsWith("/")) asked.push(one);
          return Reflect.apply(value, of, args);
        };
      },
    });
  return watched(vfs);
}

function treeOf(store: MemoryStore): string[] {
  const all: string[] = [];
  const walk = (node: MemoryStore["root"], at: string) => {
    for (const child of node.children.values()) {
      const path = `${at}/${child.name}`;
      all.push(path);
      if (child.kind === "directory") walk(child, path);
    }
  };
  walk(store.root, "");
  return all.sort();
}

async function ask(port: number, { method, target, headers = {}, body }: Asked): Promise<Answer> {
  const path = target.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character.toWellFormed()));
  const sent = httpRequest({ host: "127.0.0.1", port, method, path, headers, agent: false, timeout: 10_000 });
  sent.on("timeout", () => sent.destroy(new Error("no answer within 10 s")));
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const status = response.statusCode ?? 0;
  const code = /^\{"code":(\d+)/.exec(text)?.[1];
  return { status, headers: response.headers, text, code: code === undefined ? status : Number(code) };
}
