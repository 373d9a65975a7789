/** The kind `index`: lists the directories of one storage, so that their names can be found. */
import { z } from "zod";
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { demandAdmin } from "../../auth/permissions.ts";
import type { Vfs } from "../../vfs/api.ts";
import { NO_TOTALS } from "../api.ts";
import { FailedForGood, type Failure, toFailure } from "../failure.ts";
import type { Item, NewItem } from "../items.ts";
import type { TaskKind, TaskRun } from "../kind.ts";
import { type CrawlRules, isCrawled } from "./rules.ts";

export const CRAWL = "index";

/** Storages that are crawled at once. */
const WORKERS = 4;
/** Directories a minute where the storage's rule says nothing; the account's own budget holds beside it. */
const USUAL_RATE = 60;
/** Failures one after the other that say that the storage as a whole does not answer. */
const MOST_FAILURES = 5;

/** Failures after which asking for another directory would only make it worse. */
const STOPPING: ReadonlySet<string | undefined> = new Set([
  "rate-limited",
  "blocked",
  "unauthenticated",
  "invalid-config",
]);

export const crawlInput = z.object({
  storageId: z.int(),
  /** Full path of the directory to begin with. */
  path: z.string().startsWith("/"),
  /** Levels below it. */
  maxDepth: z.int().min(0).optional(),
  /** Only listings begun after that are good enough, in milliseconds since the epoch; absent: those that may be shown. */
  since: z.number().optional(),
});
export type CrawlInput = z.output<typeof crawlInput>;

export interface CrawlParts {
  readonly vfs: Vfs;
  readonly rules: CrawlRules;
  /** The setting `max_index_depth`. */
  readonly usualDepth: () => number;
  /** Paths that the settings keep out. */
  readonly isIgnored: (path: string) => boolean;
  readonly clock: Clock;
}

/** Every directory is an item: which are listed is known after a restart. One that fails is noted, and tried again when all others are done. */
export function crawlKind(parts: CrawlParts): TaskKind<CrawlInput> {
  return {
    name: CRAWL,
    workers: WORKERS,
    input: crawlInput,
    describe: ({ path }) => ({ from: path }),
    async check({ storageId }, { user }) {
      demandAdmin(user);
      if (!parts.vfs.storages.get(storageId)) throw new StorageError("not-found", `there is no storage ${storageId}`);
    },
    async run(input, run) {
      demandAdmin(run.rights.user);
      await run.items.dropUnfinished();
      if (await run.items.isEmpty()) await run.items.addFirst([toItem(input.path)]);
      await run.items.retryFailed();
      run.step("listing");
      await new Crawl(parts, input, run).listAll();
    },
  };
}

class Crawl {
  readonly #parts: CrawlParts;
  readonly #input: CrawlInput;
  readonly #run: TaskRun;
  readonly #depth: number;
  readonly #betweenMs: number;
  #askAt = Number.NEGATIVE_INFINITY;
  #directories = 0;
  #names = 0;
  #failed = 0;

  constructor(parts: CrawlParts, input: CrawlInput, run: TaskRun) {
    this.#parts = parts;
    this.#input = input;
    this.#run = run;
    const { rate, maxDepth } = parts.rules.of(input.storageId);
    this.#depth = Math.min(input.maxDepth ?? maxDepth ?? parts.usualDepth(), maxDepth ?? Number.POSITIVE_INFINITY);
    const isFree = parts.vfs.storages.get(input.storageId)?.capabilities?.traits.cheapStat === true;
    this.#betweenMs = rate === undefined && isFree ? 0 : 60_000 / (rate ?? USUAL_RATE);
  }

  async listAll(): Promise<void> {
    const { items, signal } = this.#run;
    const before = await items.doneDirectories();
    this.#directories = before.count;
    this.#names = before.size;
    let retryable: Failure | undefined;
    let inARow = 0;
    const next = async () => (await items.inState("unlisted", 0, 1))[0];
    for (let item = await next(); item; item = await next()) {
      signal.throwIfAborted();
      try {
        await this.#list(item);
        this.#run.cameFurther();
        inARow = 0;
      } catch (error) {
        signal.throwIfAborted();
        const failure = toFailure(error);
        if (STOPPING.has(failure.kind) || ++inARow >= MOST_FAILURES) throw error;
        await items.update(item.n, { state: "failed", failure });
        this.#failed += 1;
        if (failure.class !== "permanent") retryable = failure;
      }
      this.#tell();
    }
    const [first] = await items.failed(1);
    if (!first) return;
    const message = `${this.#failed} of ${this.#directories + this.#failed} directories could not be listed; the first, ${first.path}: ${first.message}`;
    const kind = retryable?.kind ?? first.kind ?? "upstream";
    if (retryable) throw new StorageError(kind, message, { retryable: true });
    throw new FailedForGood(kind, message);
  }

  async #list(item: Item): Promise<void> {
    const { items, signal } = this.#run;
    const { vfs } = this.#parts;
    const { storageId, since } = this.#input;
    const beforeAsking = () => this.#turn();
    const visited = await vfs.crawling.visit(
      { storageId, path: item.path },
      { signal, beforeAsking, ...(since !== undefined && { since }) },
    );
    if (!visited) {
      await items.update(item.n, { state: "skipped" });
      return;
    }
    let entries = 0;
    for await (const page of visited) {
      entries += page.entries;
      const directories = page.directories.filter((path) => this.#isMeant(path)).map(toItem);
      if (directories.length > 0) await items.addSome(item, directories);
    }
    await items.update(item.n, { state: "done", size: entries });
    this.#directories += 1;
    this.#names += entries;
  }

  /** Keeps to the storage's rate. */
  async #turn(): Promise<void> {
    const { clock } = this.#parts;
    const now = clock.now();
    const at = Math.max(now, this.#askAt);
    this.#askAt = at + this.#betweenMs;
    if (at > now) await clock.sleep(at - now, this.#run.signal);
  }

  #isMeant(path: string): boolean {
    const { rules, vfs, isIgnored } = this.#parts;
    const { storageId, path: top } = this.#input;
    if (depthBelow(path, top) > this.#depth || isIgnored(path)) return false;
    const mountPath = vfs.storages.get(storageId)?.mountPath ?? top;
    return isCrawled(rules.of(storageId), mountPath === "/" ? path : path.slice(mountPath.length));
  }

  #tell(): void {
    const [files, directories] = [this.#names, this.#directories];
    this.#run.progress({ ...NO_TOTALS, files, filesDone: files, directories, filesFailed: this.#failed });
  }
}

function depthBelow(path: string, top: string): number {
  const parts = (text: string) => (text === "/" ? 0 : text.split("/").length - 1);
  return parts(path) - parts(top);
}

function toItem(path: string): NewItem {
  const facts = { size: undefined, etag: undefined };
  return { path, kind: "directory", state: "unlisted", way: "bytes", found: "nothing", ...facts };
}
