/** The crawler as fronts use it, and its schedule: a task for each storage, so that one that fails does not hold the others up. */
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Json } from "#drivers/contract/mount.ts";
import type { User, Users } from "../../auth/users.ts";
import type { Vfs } from "../../vfs/api.ts";
import type { Task, Tasks } from "../api.ts";
import { CRAWL, type CrawlInput } from "./crawl-kind.ts";
import type { CrawlRules } from "./rules.ts";

/** How often the schedule is looked at, in milliseconds. */
const LOOK_EVERY_MS = 60_000;

/** Crawls that have ended and are looked at for how the last one was. */
const LOOKED_BACK = 50;

export interface CrawlProgress {
  /** False too where all that is left waits to be tried again. */
  readonly isRunning: boolean;
  /** Names met by the crawls that run. */
  readonly names: number;
  /** When the last crawl ended that came to its end, in milliseconds since the epoch. */
  readonly doneAt?: number;
  /** What the last one failed with, or what holds one up that runs. */
  readonly error?: string;
}

export interface Crawler {
  readonly rules: CrawlRules;
  /**
   * Begins a crawl of each storage at or below the paths; what runs already is let run, what had been stopped there is forgotten. `anew`: directories that
   * are known are listed once more. Throws `not-found` where no storage is there.
   */
  begin(
    paths: readonly string[],
    user: User,
    o: { readonly maxDepth?: number; readonly anew?: boolean },
  ): Promise<readonly Task[]>;
  /** Stops all that run, and says how many these were; how far they came is kept. */
  stop(): Promise<number>;
  /** Goes on with those that were stopped or failed, from where they were, and says how many these are. */
  resume(): Promise<number>;
  progress(): Promise<CrawlProgress>;
  /** Forgets all crawls that have ended. */
  forget(): Promise<void>;
  /** Begins to keep to the schedule, until the tasks close. */
  start(): void;
}

export interface CrawlerParts {
  readonly tasks: Tasks;
  readonly vfs: Vfs;
  readonly rules: CrawlRules;
  readonly users: Pick<Users, "owner">;
  readonly clock: Clock;
  readonly log: Log;
}

export function createCrawler({ tasks, vfs, rules, users, clock, log }: CrawlerParts): Crawler {
  const running = async () => {
    const open = await tasks.list({ kind: CRAWL, ended: false });
    return open.filter(({ endedAt }) => endedAt === undefined);
  };
  const ended = (limit = LOOKED_BACK) => tasks.list({ kind: CRAWL, ended: true, limit });

  async function begin(starts: readonly CrawlInput[], user: User): Promise<readonly Task[]> {
    const open = await running();
    const begun: Task[] = [];
    for (const input of starts) {
      const same = open.find((task) => task.subject.from === input.path);
      // One that waits for its next try has it now.
      if (same) await tasks.retry(same.id);
      if (same) continue;
      for (const task of await ended()) if (task.subject.from === input.path) await tasks.remove(task.id);
      begun.push(await tasks.add(CRAWL, input as Json, user));
    }
    return begun;
  }

  async function keepSchedule(): Promise<void> {
    for (const storageId of rules.scheduled()) {
      const { intervalMs, begunAt = 0 } = rules.of(storageId);
      const storage = vfs.storages.get(storageId);
      const now = clock.now();
      if (!storage || storage.disabled || intervalMs === undefined || now - begunAt < intervalMs) continue;
      await rules.begun(storageId, now);
      await begin([{ storageId, path: storage.mountPath, since: vfs.crawling.now() }], await users.owner());
    }
  }

  return {
    rules,
    async begin(paths, user, { maxDepth, anew }) {
      const starts = paths.flatMap((path) => vfs.crawling.starts(path));
      if (starts.length === 0) throw new StorageError("not-found", `${paths.join(", ")}: no storage is there`);
      const since = anew ? { since: vfs.crawling.now() } : {};
      const depth = maxDepth !== undefined && maxDepth >= 0 ? { maxDepth } : {};
      return begin(
        starts.map((start) => ({ ...start, ...since, ...depth })),
        user,
      );
    },
    async stop() {
      const open = await running();
      for (const { id } of open) await tasks.cancel(id);
      return open.length;
    },
    async resume() {
      const stopped = (await ended()).filter(({ state }) => state !== "succeeded");
      for (const { id } of stopped) await tasks.retry(id);
      return stopped.length;
    },
    async progress() {
      const open = await running();
      const past = await ended();
      const done = past.filter(({ state }) => state !== "cancelled").map(({ endedAt = 0 }) => endedAt);
      const error = open.find((task) => task.error)?.error ?? past.at(-1)?.error;
      return {
        isRunning: open.some(({ state }) => state !== "retrying"),
        names: open.reduce((sum, { totals }) => sum + totals.files, 0),
        ...(done.length > 0 && { doneAt: Math.max(...done) }),
        ...(error && { error: error.message }),
      };
    },
    async forget() {
      for (const { id } of await ended(Number.MAX_SAFE_INTEGER)) await tasks.remove(id);
    },
    start() {
      const { closing } = tasks;
      const forEver = async () => {
        while (!closing.aborted) {
          await keepSchedule().catch((error: unknown) => log.warn({ err: error }, "a scheduled crawl could not begin"));
          await clock.sleep(LOOK_EVERY_MS, closing);
        }
      };
      forEver().catch(() => {}); // it ends with the tasks
    },
  };
}
