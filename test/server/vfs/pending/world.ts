/** A vfs with tasks over storages in memory whose uploads a test holds, lets go and spoils, with a clock that it turns. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import type { Mount, UploadOptions, Usage } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { local } from "#drivers/local/index.ts";
import { createMemoryDriver, type MemoryDriverOptions } from "#drivers/memory/index.ts";
import { MemoryStore, type SeedTree } from "#drivers/memory/store.ts";
import type { Auth } from "#server/auth/auth.ts";
import type { User } from "#server/auth/users.ts";
import type { Task, Tasks } from "#server/tasks/api.ts";
import { openTasks } from "#server/tasks/open.ts";
import type { StorageInput, Vfs } from "#server/vfs/api.ts";
import type { WriteOptions, WriteResult } from "#server/vfs/resource.ts";
import { FakeClock } from "#test/server/layers/fake-clock.ts";
import { changed } from "#test/server/tasks/world.ts";
import { forever, openTestVfs, silentLog, type TestVfs } from "#test/support/vfs.ts";

/** The hand of a test on the uploads of a storage. */
export class Upstream {
  readonly store = new MemoryStore();
  /** Names of the uploads that have begun, in their order. */
  readonly begun: string[] = [];
  readonly ended: string[] = [];
  /** Set: what the next uploads fail with. `lost`: after the storage has taken the file. */
  failure: unknown;
  lost: unknown;
  usage: Usage | undefined;
  /** Calls of the storage that work on its disk now: virtual time must not run while real work is done. */
  working = 0;
  #gate: PromiseWithResolvers<void> | undefined;

  /** From now on uploads are silent once their last byte was taken. */
  hold(): void {
    this.#gate ??= Promise.withResolvers<void>();
  }

  letGo(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  async work<T>(call: () => Promise<T>): Promise<T> {
    this.working += 1;
    try {
      return await call();
    } finally {
      this.working -= 1;
    }
  }

  async pass({ signal }: UploadOptions): Promise<void> {
    signal.throwIfAborted();
    const gate = this.#gate;
    if (gate) {
      const left = Promise.withResolvers<never>();
      left.promise.catch(() => {});
      signal.addEventListener("abort", () => left.reject(signal.reason), { once: true });
      await Promise.race([gate.promise, left.promise]);
    }
    signal.throwIfAborted();
    if (this.failure) throw this.failure;
  }
}

const OWNER: User = {
  ...{ id: 1, name: "admin", role: "admin", basePath: "/" },
  ...{ permission: 0, disabled: false, passwordChangedAt: 0 },
};

/** Uploads ask nobody's rights: they are owed. */
const AUTH = {
  users: { get: async () => OWNER, owner: async () => OWNER },
  permissions: { of: (user: User) => ({ user }) },
} as unknown as Pick<Auth, "users" | "permissions">;

export interface PendingWorldOptions {
  readonly mode?: StorageInput["writeMode"];
  readonly replyWithinMs?: number;
  readonly traits?: Partial<Traits>;
  readonly without?: NonNullable<MemoryDriverOptions["without"]>;
  readonly spoolQuota?: number;
  readonly seed?: SeedTree;
  /** `folder`: ids are paths. Default `memory`: ids survive moves. */
  readonly storage?: "memory" | "folder";
}

export interface PendingWorld {
  readonly vfs: Vfs;
  readonly tasks: Tasks;
  readonly clock: FakeClock;
  readonly upstream: Upstream;
  readonly test: TestVfs;
  put(path: string, content: string, o?: Partial<WriteOptions>): Promise<WriteResult>;
  read(path: string, range?: { offset: number; length?: number }): Promise<string>;
  /** Names with `*` where they wait here. */
  names(path: string): Promise<readonly string[]>;
  /** What the storage itself has, by path. */
  stored(): Readonly<Record<string, string>>;
  /** Names of files in the spool. */
  spooled(): Promise<readonly string[]>;
  uploads(): Promise<readonly Task[]>;
  /** Resolves when nothing waits any more; fails after 5 s. */
  settled(): Promise<void>;
  until(what: () => boolean | Promise<boolean>): Promise<void>;
  restart(): Promise<void>;
  /** Ends it before its test does. */
  close(): Promise<void>;
}

/** A world with one storage at `/s` and another at `/other`, which takes files as they come. */
export async function openPendingWorld(options: PendingWorldOptions = {}): Promise<PendingWorld> {
  const upstream = new Upstream();
  const { without, seed = {} } = options;
  const traits = { upload: { source: "seekable", size: "required" } as const, ...options.traits };
  const folder = await mkdtemp(join(tmpdir(), "pandav-pending-"));
  if (options.storage === "folder") plant(folder, seed);
  const plain: AnyDriver =
    options.storage === "folder"
      ? { ...local, id: "slow", traits: { ...local.traits, ...traits } }
      : createMemoryDriver({
          ...{ id: "slow", aliases: [], store: upstream.store, seed, traits },
          ...(without && { without }),
        });
  const slow: AnyDriver = changed(plain, (mount) => ({
    ...counted(mount, upstream),
    ...(mount.upload && {
      async upload(parent, name, source, o) {
        upstream.begun.push(name);
        // It is silent when it has all of it.
        await buffer(await source.open());
        await upstream.pass(o);
        const entry = await upstream.work(() => mount.upload!(parent, name, source, o));
        upstream.ended.push(name);
        if (upstream.lost) throw upstream.lost;
        return entry;
      },
    }),
    usage: async () => upstream.usage ?? {},
  }));
  const other = createMemoryDriver({ id: "other", aliases: [], store: new MemoryStore() });
  const clock = new FakeClock();
  let test = await openTestVfs({
    drivers: [slow, other],
    clock,
    ...(options.spoolQuota !== undefined && { spoolQuota: options.spoolQuota }),
  });
  await test.mount({
    ...{ mountPath: "/s", driver: "slow", writeMode: options.mode ?? "back" },
    settings: options.storage === "folder" ? { root: folder } : {},
    ...(options.replyWithinMs !== undefined && { replyWithinMs: options.replyWithinMs }),
  });
  await test.mount({ mountPath: "/other", driver: "other", settings: {} });
  let tasks: Tasks;
  const open = async () => {
    const { store, vfs } = test;
    tasks = await openTasks({ store, auth: AUTH, vfs, clock, log: silentLog, jitter: () => 0.5 });
    tasks.start();
  };
  await open();
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    upstream.letGo();
    await tasks.close(AbortSignal.timeout(5_000));
    await test.dispose();
    rmSync(folder, { recursive: true });
  };
  onTestFinished(close);
  const until = async (what: () => boolean | Promise<boolean>) => {
    for (const deadline = Date.now() + 5_000; !(await what()); await setImmediate()) {
      if (Date.now() > deadline) throw new Error("it did not come to that");
    }
  };
  return {
    clock,
    upstream,
    until,
    close,
    get vfs() {
      return test.vfs;
    },
    get tasks() {
      return tasks;
    },
    get test() {
      return test;
    },
    async put(path, content, o) {
      const stream = Readable.from(content === "" ? [] : [Buffer.from(content)]);
      return test.vfs.write(path, { stream, size: Buffer.byteLength(content) }, { ...forever, ...o });
    },
    async read(path, range) {
      return String(await buffer(await (await test.vfs.open(path, forever)).read(range)));
    },
    async names(path) {
      const { entries } = await test.vfs.list(path, { ...forever, refresh: "always" });
      return (entries ?? []).map(({ name, pending }) => (pending ? `${name}*` : name)).sort();
    },
    stored: () => (options.storage === "folder" ? contentIn(folder) : contentOf(upstream.store)),
    spooled: () => readdir(join(test.dataDir, "spool")),
    uploads: () => tasks.list({ kind: "upload" }),
    settled: () => until(() => test.vfs.pending.list().length === 0),
    async restart() {
      await tasks.close(AbortSignal.timeout(5_000));
      test = await test.restart();
      await open();
    },
  };
}

/** The calls that answer once, and listings, counted while they run. */
function counted(mount: Mount, upstream: Upstream): Partial<Mount> {
  const calls: Record<string, unknown> = {
    async *list(...args: Parameters<Mount["list"]>) {
      const pages = mount.list(...args)[Symbol.asyncIterator]();
      for (;;) {
        const page = await upstream.work(() => pages.next());
        if (page.done) return;
        yield page.value;
      }
    },
  };
  for (const name of ["root", "stat", "createDirectory", "move", "copy", "remove", "setModifiedAt"] as const) {
    const call = mount[name] as ((...args: unknown[]) => Promise<unknown>) | undefined;
    if (call) calls[name] = (...args: unknown[]) => upstream.work(() => call.apply(mount, args));
  }
  return calls as Partial<Mount>;
}

function contentOf(store: MemoryStore): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  const walk = (node: MemoryStore["root"], path: string) => {
    for (const child of node.children) {
      const at = path === "" ? child.name : `${path}/${child.name}`;
      if (child.kind === "directory") walk(child, at);
      else found[at] = String(child.content);
    }
  };
  walk(store.root, "");
  return found;
}

function plant(folder: string, seed: SeedTree): void {
  for (const [name, value] of Object.entries(seed)) {
    if (typeof value === "string" || value instanceof Uint8Array) writeFileSync(join(folder, name), value);
    else {
      mkdirSync(join(folder, name));
      plant(join(folder, name), value);
    }
  }
}

function contentIn(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [
      join(parentPath, name).slice(folder.length + 1),
      readFileSync(join(parentPath, name), "utf8"),
    ]),
  );
}
