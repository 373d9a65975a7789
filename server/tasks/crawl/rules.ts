/** How each storage is crawled: how fast, what of it, how often by itself. */
import { matchesGlob } from "node:path/posix";
import type { Selectable } from "kysely";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Store } from "../../store/store.ts";
import type { CrawlRuleTable } from "../../store/tables/tasks.ts";

export interface CrawlRule {
  /** Milliseconds from one crawl to the next; absent: only when somebody asks. */
  readonly intervalMs?: number;
  /** Directories listed a minute; absent: 60, and no limit where asking costs nothing. */
  readonly rate?: number;
  /** Levels below the mount; absent: as the setting `max_index_depth` says. */
  readonly maxDepth?: number;
  /** Patterns of paths inside the mount, such as `/Movies/**`; empty: everything. */
  readonly include: readonly string[];
  /** Never crawled. */
  readonly exclude: readonly string[];
  /** When the schedule began the last crawl, in milliseconds since the epoch. */
  readonly begunAt?: number;
}

const NO_RULE: CrawlRule = { include: [], exclude: [] };

/** Shortest time between two scheduled crawls of one storage, in milliseconds. */
const SHORTEST_MS = 10 * 60_000;
const MOST_PATTERNS = 200;

export interface CrawlRules {
  of(storageId: number): CrawlRule;
  /** Durable when it resolves. Throws `invalid-config`, `not-found`. */
  set(storageId: number, rule: CrawlRule): Promise<void>;
  /** Ids of the storages with a schedule. */
  scheduled(): readonly number[];
  begun(storageId: number, at: number): Promise<void>;
}

/** The rules of a data folder, in memory too. */
export async function openCrawlRules({ db }: Pick<Store, "db">): Promise<CrawlRules> {
  const rules = new Map<number, CrawlRule>();
  for (const row of await db.selectFrom("crawl_rule").selectAll().execute()) rules.set(row.storage_id, toRule(row));
  const write = async (storageId: number, rule: CrawlRule) => {
    const columns = toColumns(rule);
    await db
      .insertInto("crawl_rule")
      .values({ storage_id: storageId, ...columns })
      .onConflict((c) => c.column("storage_id").doUpdateSet(columns))
      .execute();
    rules.set(storageId, rule);
  };
  return {
    of: (storageId) => rules.get(storageId) ?? NO_RULE,
    async set(storageId, rule) {
      checkRule(rule);
      const storage = await db.selectFrom("storage").select("id").where("id", "=", storageId).executeTakeFirst();
      if (!storage) throw new StorageError("not-found", `there is no storage ${storageId}`);
      const { begunAt } = rules.get(storageId) ?? NO_RULE;
      await write(storageId, { ...rule, ...(begunAt !== undefined && { begunAt }) });
    },
    scheduled: () => [...rules].filter(([, { intervalMs }]) => intervalMs !== undefined).map(([id]) => id),
    async begun(storageId, at) {
      const rule = rules.get(storageId);
      if (rule) await write(storageId, { ...rule, begunAt: at });
    },
  };
}

/** Whether a directory, by its path inside the mount, is crawled. One on the way to what is included is. */
export function isCrawled({ include, exclude }: CrawlRule, inside: string): boolean {
  if (exclude.some((pattern) => fits(inside, pattern))) return false;
  return (
    inside === "/" ||
    include.length === 0 ||
    include.some((pattern) => fits(inside, pattern) || leadsTo(inside, pattern))
  );
}

/** `/a/**` means `/a` too. */
function fits(path: string, pattern: string): boolean {
  return matchesGlob(path, pattern) || (pattern.endsWith("/**") && matchesGlob(path, pattern.slice(0, -3)));
}

function leadsTo(path: string, pattern: string): boolean {
  const parts = pattern.split("/");
  const depth = path.split("/").length;
  const head = parts.slice(0, depth);
  if (head.includes("**")) return true;
  return parts.length > depth && matchesGlob(path, head.join("/"));
}

function checkRule({ intervalMs, rate, maxDepth, include, exclude }: CrawlRule): void {
  const fail = (message: string) => {
    throw new StorageError("invalid-config", message);
  };
  if (intervalMs !== undefined && !(intervalMs >= SHORTEST_MS)) fail("the interval is at least ten minutes");
  if (rate !== undefined && !(Number.isInteger(rate) && rate >= 1 && rate <= 60_000)) {
    fail("the rate is a number of directories a minute, 1 to 60000");
  }
  if (maxDepth !== undefined && !(Number.isInteger(maxDepth) && maxDepth >= 0)) fail("the depth is 0 or more");
  if (include.length + exclude.length > MOST_PATTERNS) fail(`there are more than ${MOST_PATTERNS} patterns`);
  for (const pattern of [...include, ...exclude]) {
    if (!pattern.startsWith("/") || /[\n\r]/.test(pattern) || pattern.length > 1000) {
      fail(`the pattern ${JSON.stringify(pattern.slice(0, 100))} is no path inside the mount: begin it with /`);
    }
  }
}

function toColumns({
  intervalMs,
  rate,
  maxDepth,
  include,
  exclude,
  begunAt,
}: CrawlRule): Omit<Selectable<CrawlRuleTable>, "storage_id"> {
  return {
    interval_ms: intervalMs ?? null,
    rate: rate ?? null,
    max_depth: maxDepth ?? null,
    include: include.join("\n"),
    exclude: exclude.join("\n"),
    begun_at: begunAt ?? null,
  };
}

function toRule(row: Selectable<CrawlRuleTable>): CrawlRule {
  const lines = (text: string) => text.split("\n").filter(Boolean);
  return {
    ...(row.interval_ms !== null && { intervalMs: row.interval_ms }),
    ...(row.rate !== null && { rate: row.rate }),
    ...(row.max_depth !== null && { maxDepth: row.max_depth }),
    include: lines(row.include),
    exclude: lines(row.exclude),
    ...(row.begun_at !== null && { begunAt: row.begun_at }),
  };
}
