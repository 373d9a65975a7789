/** The index of names and its crawler as our own command line and panel want them: how it is, and how each storage is crawled. */
import { z } from "@hono/zod-openapi";
import type { CrawlRule } from "../../tasks/crawl/rules.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ApiError } from "../envelope.ts";
import { nothing } from "../schemas.ts";
import { shownPath, userPath } from "../user-path.ts";

const crawlRule = z.object({
  intervalMs: z.number().nullable(),
  /** Directories a minute. */
  rate: z.int().nullable(),
  maxDepth: z.int().nullable(),
  include: z.array(z.string()),
  exclude: z.array(z.string()),
});
/** What is absent stays as it is. */
const ruleChange = crawlRule.partial().extend({ path: z.string().min(1) });

const statusOutput = z
  .object({
    state: z.enum(["off", "building", "ready", "cleared"]),
    names: z.int(),
    /** Changes that are not in it yet. */
    waiting: z.int(),
    bytes: z.int(),
    crawling: z.boolean(),
    crawledAt: z.number().optional(),
    error: z.string().optional(),
    /** False while tasks only wait. */
    runs: z.boolean(),
    mounts: z.array(crawlRule.extend({ path: z.string(), crawlBegunAt: z.number().optional() })),
  })
  .openapi("NameIndex");

/** Adds `/api/pandav/index` and what is below it. */
export function ownIndexRoutes(app: ApiApp, deps: ApiDeps): void {
  const { crawler, vfs, tasks } = deps;
  const index = () => {
    if (!vfs.nameIndex) throw new ApiError(404, "search not available");
    return vfs.nameIndex;
  };

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/index",
      summary: "How the index of names is, and how each storage is crawled for it",
      access: "admin",
      input: nothing,
      output: statusOutput,
    },
    async ({ caller: { user } }) => {
      const [status, { isRunning, doneAt, error }] = await Promise.all([index().status(), crawler.progress()]);
      return {
        ...status,
        crawling: isRunning,
        ...(doneAt !== undefined && { crawledAt: doneAt }),
        ...(error !== undefined && { error }),
        runs: tasks.runs,
        mounts: vfs.storages
          .list()
          .map(({ id, mountPath }) => ({ path: shownPath(user, mountPath), ...toWire(crawler.rules.of(id)) })),
      };
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/index/crawl",
      summary: "List what is not known below some paths; or all of it anew; or go on where it was stopped",
      access: "admin",
      input: z.object({
        paths: z.array(z.string().min(1)).max(1000).default([]),
        maxDepth: z.int().min(0).optional(),
        anew: z.boolean().default(false),
        resume: z.boolean().default(false),
      }),
      output: z.object({ tasks: z.array(z.string()), resumed: z.int() }),
    },
    async ({ input: { paths, maxDepth, anew, resume }, caller: { user } }) => {
      if (resume) return { tasks: [], resumed: await crawler.resume() };
      await index().fill();
      const full = (paths.length === 0 ? ["/"] : paths).map((path) => userPath(user, path));
      const begun = await crawler.begin(full, user, { anew, ...(maxDepth !== undefined && { maxDepth }) });
      return { tasks: begun.map(({ id }) => id), resumed: 0 };
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/index/rule",
      summary: "Change how the storage at a path is crawled: how often by itself, how fast, what of it",
      access: "admin",
      input: ruleChange,
      output: crawlRule,
    },
    async ({ input: { path, ...change }, caller: { user } }) => {
      const full = userPath(user, path);
      const storage = vfs.storages.list().find(({ mountPath }) => mountPath === full);
      if (!storage) throw new ApiError(404, `no storage is mounted at ${path}`);
      const { crawlBegunAt: _, ...known } = toWire(crawler.rules.of(storage.id));
      const next = crawlRule.parse({ ...known, ...change });
      await crawler.rules.set(storage.id, toRule(next));
      return next;
    },
  );
}

function toWire({ intervalMs, rate, maxDepth, include, exclude, begunAt }: CrawlRule) {
  return {
    intervalMs: intervalMs ?? null,
    rate: rate ?? null,
    maxDepth: maxDepth ?? null,
    include: [...include],
    exclude: [...exclude],
    ...(begunAt !== undefined && { crawlBegunAt: begunAt }),
  };
}

function toRule({ intervalMs, rate, maxDepth, include, exclude }: z.output<typeof crawlRule>): CrawlRule {
  return {
    ...(intervalMs !== null && { intervalMs }),
    ...(rate !== null && { rate }),
    ...(maxDepth !== null && { maxDepth }),
    include,
    exclude,
  };
}
