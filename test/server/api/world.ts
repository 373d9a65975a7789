/** The whole API in process: real auth, real vfs over a memory driver, and a way to ask it. */

import { z } from "zod";
import type { AnyAccount } from "#drivers/contract/account.ts";
import { secret } from "#drivers/contract/config.ts";
import { type AnyDriver, defineDriver, type Log } from "#drivers/contract/driver.ts";
import { createMemoryDriver, type MemoryDriverOptions } from "#drivers/memory/index.ts";
import { MemoryStore } from "#drivers/memory/store.ts";
import { createCatalogue } from "#server/accounts/catalogue.ts";
import type { ApiApp, ApiDeps } from "#server/api/deps.ts";
import { createApp } from "#server/app.ts";
import { openAuth } from "#server/auth/auth.ts";
import { openSettings } from "#server/store/settings.ts";
import { openTasksWithCrawler } from "#server/tasks/crawl/open.ts";
import { systemClock } from "#server/upstream/clock.ts";
import { ignoredPaths } from "#server/vfs/search/ignored-paths.ts";
import { addPassword, expectNoCanary } from "#test/support/canaries.ts";
import { testServices } from "#test/support/services.ts";
import { openTestVfs, silentLog } from "#test/support/vfs.ts";

export const PASSWORD = "correct horse";

/** alist-api.md §4.6: what marks a client of dialect A. */
export const CLIENT_ID = { "Client-Id": "3f2b8a4e-0000-4000-8000-000000000001" };

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly code: number;
  readonly message: string;
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into field by field
  readonly data: any;
  readonly kind?: string;
}

export interface Api {
  readonly app: ApiApp;
  readonly deps: ApiDeps;
  readonly dataDir: string;
  /** Signed with `token`, by default the admin's static one; `null`: without. */
  get(path: string, o?: AskOptions): Promise<Reply>;
  post(path: string, body: unknown, o?: AskOptions): Promise<Reply>;
  ask(path: string, init: RequestInit, o?: AskOptions): Promise<Reply>;
  addUser(name: string, more: { permission?: number; basePath?: string }): Promise<string>;
  close(): Promise<void>;
}

interface AskOptions {
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly owner?: boolean;
}

export interface ApiOptions {
  readonly seed?: MemoryDriverOptions["seed"];
  readonly drivers?: readonly AnyDriver[];
  readonly accountKinds?: readonly AnyAccount[];
  readonly log?: Log;
  /** Overrides of settings. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** False: nothing is mounted. */
  readonly mount?: boolean;
}

const SEED = {
  "hello.txt": "hello world\n",
  films: { "a.mkv": "film", "a.srt": "text", "a.jpg": "", "b.mkv": "" },
  pages: { "f1.txt": "1", "f2.txt": "2", "f3.txt": "3", "f4.txt": "4", "f5.txt": "5", "f6.txt": "6", "f7.txt": "7" },
  "中文 目录": { "第1讲 & <b>.pdf": "pdf" },
  empty: {},
};

/** The same service for every mount of the driver below, however often it is opened. */
const boxes = new MemoryStore();

/** A driver whose settings hold a secret. */
const lockedDriver = defineDriver({
  id: "locked",
  title: "Locked box",
  aliases: ["Locked Box"],
  traits: createMemoryDriver().traits,
  settings: z.strictObject({
    code: secret({ title: "Code", description: "Opens it." }),
    size: z.number().default(1).meta({ title: "Size", description: "How large." }),
    mode: z.enum(["a", "b"]).default("a").meta({ title: "Mode", description: "Which way." }),
    deep: z.boolean().default(false).meta({ title: "Deep", description: "How far." }),
  }),
  open: async (_settings, env, o) => createMemoryDriver({ store: boxes }).open({ page_size: 100 }, env, o),
});

export async function openApi(options: ApiOptions = {}): Promise<Api> {
  const drivers = options.drivers ?? [createMemoryDriver({ seed: options.seed ?? SEED }), lockedDriver];
  let isSearched = () => true;
  let isIgnored = (_path: string) => false;
  const test = await openTestVfs({
    drivers,
    isSearched: () => isSearched(),
    isIgnored: (path) => isIgnored(path),
    ...(options.accountKinds && { accountKinds: options.accountKinds }),
    ...(options.log && { log: options.log }),
  });
  const { store, vfs, accounts, logins } = test;
  const kinds = options.accountKinds ?? [];
  const settings = await openSettings(store, { token: "alist-test-token", ...options.settings });
  isSearched = () => settings.get("search_index") !== "none";
  isIgnored = ignoredPaths(() => settings.get("ignore_paths"));
  addPassword("admin", PASSWORD);
  const auth = await openAuth({ store, settings, clock: systemClock, log: silentLog, adminPassword: PASSWORD });
  if (options.mount !== false) await test.mount({ mountPath: "/local", driver: "memory", settings: {} });
  const { tasks, crawler } = await openTasksWithCrawler({
    store,
    auth,
    vfs,
    clock: systemClock,
    log: options.log ?? silentLog,
    isIgnored: (path) => isIgnored(path),
    usualDepth: () => settings.get("max_index_depth"),
  });
  tasks.start();
  const catalogue = createCatalogue({
    ids: () => drivers.map(({ id }) => id),
    find: async (name) => drivers.find(({ id, aliases }) => id === name || aliases.includes(name)),
    accounts: {
      kinds: () => kinds.map(({ kind }) => kind),
      find: async (name) => kinds.find(({ kind }) => kind === name),
    },
  });
  const deps: ApiDeps = {
    ...(await testServices(test, { auth, settings, catalogue })),
    tasks,
    crawler,
    vfs,
    auth,
    settings,
    accounts,
    logins,
    catalogue,
    log: options.log ?? silentLog,
    version: "1.2.3",
  };
  const app = createApp(deps);

  async function ask(path: string, init: RequestInit, o: AskOptions = {}): Promise<Reply> {
    const token = o.token === undefined && !o.owner ? settings.get("token") : o.token;
    const headers = new Headers({ ...(init.headers as Record<string, string>), ...o.headers });
    if (token) headers.set("Authorization", token);
    const response = await app.request(path, { ...init, headers }, o.owner ? { owner: true } : {});
    const text = await response.text();
    expectNoCanary(`the reply to ${path}`, text);
    const body = JSON.parse(text) as Omit<Reply, "status" | "headers">;
    return { ...body, status: response.status, headers: response.headers };
  }
  return {
    app,
    deps,
    dataDir: test.dataDir,
    ask,
    get: (path, o) => ask(path, {}, o),
    post: (path, body, o) =>
      ask(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }, o),
    async addUser(name, { permission = 0, basePath = "/" }) {
      await store.db
        .insertInto("user")
        .values({
          name,
          password: "!",
          role: "general",
          base_path: basePath,
          permission,
          disabled: 0,
          password_changed_at: 0,
        })
        .execute();
      addPassword(name, `${name}-secret`);
      const user = await auth.users.setPassword(name, `${name}-secret`);
      return auth.sessions.start(user, "");
    },
    async close() {
      await tasks.close(AbortSignal.timeout(5_000));
      await test.dispose();
    },
  };
}
