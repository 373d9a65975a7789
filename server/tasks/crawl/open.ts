/** The tasks of a data folder with the crawler among them. */
import type { Auth } from "../../auth/auth.ts";
import type { Tasks } from "../api.ts";
import { openTasks, type TasksParts } from "../open.ts";
import { type CrawlParts, crawlKind } from "./crawl-kind.ts";
import { type Crawler, createCrawler } from "./crawler.ts";
import { openCrawlRules } from "./rules.ts";

export type TasksWithCrawlerParts = Omit<TasksParts, "auth"> &
  Partial<Pick<CrawlParts, "usualDepth" | "isIgnored">> & { readonly auth: Pick<Auth, "users" | "permissions"> };

/** Levels that are crawled where no setting says otherwise: AList's default (alist-api.md §15). */
const USUAL_DEPTH = 20;

/** Opens both; they run once `start` is called on each. */
export async function openTasksWithCrawler(
  parts: TasksWithCrawlerParts,
): Promise<{ readonly tasks: Tasks; readonly crawler: Crawler }> {
  const { store, auth, vfs, clock, log, usualDepth = () => USUAL_DEPTH, isIgnored = () => false } = parts;
  const rules = await openCrawlRules(store);
  const kinds = [...(parts.kinds ?? []), crawlKind({ vfs, rules, usualDepth, isIgnored, clock })];
  const tasks = await openTasks({ ...parts, kinds });
  return { tasks, crawler: createCrawler({ tasks, vfs, rules, users: auth.users, clock, log }) };
}
