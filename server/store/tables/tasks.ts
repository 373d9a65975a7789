/** Tables of `server/tasks`. */

export interface TaskTables {
  task: TaskTable;
  task_item: TaskItemTable;
  crawl_rule: CrawlRuleTable;
}

/** Work that outlives the request that asked for it, and restarts. */
export interface TaskTable {
  /** 21 random characters, as AList's are (alist-api.md §13). */
  id: string;
  /** In the order of asking; from the counter `task`. */
  number: number;
  kind: string;
  /** `TaskState` of server/tasks/api.ts. */
  state: string;
  user_id: number;
  /** The user's name when he asked. */
  creator: string;
  /** What he was allowed when he asked: a token may allow less than its user may. */
  role: string;
  base_path: string;
  permission: number;
  /** JSON, by the schema of its kind. */
  input: string;
  /** What it does at present, for people. */
  step: string;
  /** Empty: none. */
  error: string;
  error_kind: string | null;
  error_class: string | null;
  /** Runs that failed since the last one that came further. */
  tries: number;
  /** When it is tried again; null unless it waits for that. */
  next_at: number | null;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  /** JSON of `Totals`. */
  totals: string;
  /** JSON of `Plan`; null until it is known. */
  plan: string | null;
}

/** One file or directory of a task that handles many. */
export interface TaskItemTable {
  task_id: string;
  /** A directory's is lower than those of what is in it. */
  n: number;
  /** `n` of the directory around it; null for the first. */
  parent: number | null;
  /** Below what the task is about; empty for that itself. */
  path: string;
  kind: string;
  /** `ItemState` of server/tasks/items.ts. */
  state: string;
  /** `receive`, `bytes` or `skip`. */
  way: string;
  /** What lay at its target when it was planned: `nothing`, `other` or `equal`. */
  found: string;
  /** 1 where the task has stored what lies at its target. */
  made: number;
  size: number | null;
  /** Of the source, when it was copied. */
  etag: string | null;
  error: string;
  error_kind: string | null;
}

/** How a storage is crawled. */
export interface CrawlRuleTable {
  storage_id: number;
  /** Milliseconds from one crawl to the next; null: only when somebody asks. */
  interval_ms: number | null;
  /** Directories listed a minute; null: the usual. */
  rate: number | null;
  /** Levels below the mount; null: as the setting says. */
  max_depth: number | null;
  /** Patterns of paths inside the mount, one a line. Only these are crawled (empty: all), and those never. */
  include: string;
  exclude: string;
  /** When the schedule began the last crawl. */
  begun_at: number | null;
}
