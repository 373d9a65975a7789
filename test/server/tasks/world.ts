/** Tasks over a real vfs with storages in memory, with a clock that tests turn, and restarts at any moment. */
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { AnyDriver, Log } from "#drivers/contract/driver.ts";
import type { Json, Mount } from "#drivers/contract/mount.ts";
import { createMemoryDriver, type MemoryDriverOptions } from "#drivers/memory/index.ts";
import { MemoryStore } from "#drivers/memory/store.ts";
import { type Auth, openAuth } from "#server/auth/auth.ts";
import type { User } from "#server/auth/users.ts";
import { openSettings, type Settings } from "#server/store/settings.ts";
import type { Task, Tasks } from "#server/tasks/api.ts";
import type { AnyKind } from "#server/tasks/kind.ts";
import { openTasks } from "#server/tasks/open.ts";
import { systemClock } from "#server/upstream/clock.ts";
import type { Vfs } from "#server/vfs/api.ts";
import { FakeClock } from "#test/server/layers/fake-clock.ts";
import { forever, openTestVfs, silentLog, type TestVfs } from "#test/support/vfs.ts";

/** A driver whose mount is changed before it is used. */
export function changed(driver: AnyDriver, change: (mount: Mount) => Partial<Mount>): AnyDriver {
  return {
    ...driver,
    async open(...args) {
      const mount = await driver.open(...args);
      return { ...mount, ...change(mount) };
    },
  };
}

export interface TaskWorldOptions {
  /** What lies in the storages at the beginning, by driver id; each is mounted at `/<id>`. */
  readonly seeds: Readonly<Record<string, NonNullable<MemoryDriverOptions["seed"]>>>;
  /** Around each driver. */
  readonly wrap?: (driver: AnyDriver) => AnyDriver;
  /** Options of a memory driver, by its id. */
  readonly memory?: Readonly<Record<string, MemoryDriverOptions>>;
  readonly kinds?: readonly AnyKind[];
  readonly log?: Log;
  /** Most bytes that a front's caller waits for. */
  readonly maxSyncBytes?: number;
  /** False: nothing runs until `tasks.start()`. */
  readonly start?: boolean;
}

export interface TaskWorld {
  readonly tasks: Tasks;
  readonly vfs: Vfs;
  readonly clock: FakeClock;
  readonly auth: Auth;
  readonly admin: User;
  readonly settings: Settings;
  readonly store: TestVfs["store"];
  add(kind: string, input: Json, user?: User): Promise<Task>;
  /** Resolves when the task is in one of the states; fails after 5 s. */
  until(id: string, ...states: Task["state"][]): Promise<Task>;
  /** A new user who may do what the bits say. */
  user(name: string, permission: number, basePath?: string): Promise<User>;
  /** Paths below a directory with what is in the files. */
  tree(path: string): Promise<Readonly<Record<string, string>>>;
  put(path: string, content: string, modifiedAt?: number): Promise<void>;
  /** Closes everything and opens it again on the same data folder. */
  restart(): Promise<void>;
}

export async function openTaskWorld(options: TaskWorldOptions): Promise<TaskWorld> {
  const stores = new Map(Object.keys(options.seeds).map((id) => [id, new MemoryStore()]));
  const drivers = Object.entries(options.seeds).map(([id, seed]) => {
    const driver = createMemoryDriver({ id, aliases: [], seed, store: stores.get(id)!, ...options.memory?.[id] });
    return options.wrap ? options.wrap(driver) : driver;
  });
  let test = await openTestVfs({
    drivers,
    ...(options.maxSyncBytes !== undefined && { maxSyncBytes: options.maxSyncBytes }),
  });
  for (const id of Object.keys(options.seeds)) await test.mount({ mountPath: `/${id}`, driver: id, settings: {} });
  const clock = new FakeClock();
  const log = options.log ?? silentLog;
  let auth: Auth;
  let tasks: Tasks;
  let settings: Settings;
  const open = async () => {
    settings = await openSettings(test.store, { token: "alist-test-token" });
    auth = await openAuth({ store: test.store, settings, clock: systemClock, log: silentLog, adminPassword: "pw" });
    const kinds = options.kinds ? { kinds: options.kinds } : {};
    tasks = await openTasks({
      store: test.store,
      auth,
      settings,
      vfs: test.vfs,
      clock,
      log,
      jitter: () => 0.5,
      ...kinds,
    });
    if (options.start !== false) tasks.start();
  };
  await open();
  const admin = await auth!.users.owner();
  onTestFinished(async () => {
    await tasks.close(AbortSignal.timeout(5_000));
    await test.dispose();
  });
  const tree = async (path: string, into: Record<string, string> = {}, top = path): Promise<Record<string, string>> => {
    const listing = await test.vfs.list(path, { ...forever, refresh: true });
    for (const { name, kind } of listing.entries ?? []) {
      const at = `${path}/${name}`;
      const shown = at.slice(top.length + 1);
      if (kind === "directory") {
        into[`${shown}/`] = "";
        await tree(at, into, top);
      } else {
        into[shown] = String(await buffer(await (await test.vfs.open(at, forever)).read()));
      }
    }
    return into;
  };
  return {
    get tasks() {
      return tasks;
    },
    get vfs() {
      return test.vfs;
    },
    get auth() {
      return auth;
    },
    get settings() {
      return settings;
    },
    get store() {
      return test.store;
    },
    clock,
    admin,
    add: (kind, input, user = admin) => tasks.add(kind, input, user),
    async until(id, ...states) {
      const deadline = Date.now() + 5_000;
      for (;;) {
        const task = await tasks.get(id);
        if (task && states.includes(task.state)) return task;
        if (Date.now() > deadline) throw new Error(`the task is ${JSON.stringify(task)}`);
        await setImmediate();
      }
    },
    async user(name, permission, basePath = "/") {
      const input = { name, basePath, permission, disabled: false };
      return auth.users.create(input, `${name}-secret`);
    },
    tree: (path) => tree(path),
    async put(path, content, modifiedAt) {
      const stream = Readable.from([Buffer.from(content)]);
      const facts = { stream, size: Buffer.byteLength(content), ...(modifiedAt !== undefined && { modifiedAt }) };
      await test.vfs.write(path, facts, forever);
    },
    async restart() {
      await tasks.close(AbortSignal.timeout(5_000));
      test = await test.restart();
      await open();
    },
  };
}
