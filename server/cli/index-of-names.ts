/** `pandav index`: the names that `find --index` and the search of front ends know, and how storages are listed for it. */
import { z } from "zod";
import { UsageError } from "../config.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { toDepth } from "./du.ts";
import { humanSize, localMinutes } from "./format.ts";
import { resolvePath } from "./paths.ts";
import { table } from "./table.ts";
import { oneLine, print } from "./terminal.ts";

const rule = z.object({
  intervalMs: z.number().nullable(),
  rate: z.int().nullable(),
  maxDepth: z.int().nullable(),
  include: z.array(z.string()),
  exclude: z.array(z.string()),
});

const status = z.object({
  state: z.enum(["off", "building", "ready", "cleared"]),
  names: z.int(),
  waiting: z.int(),
  bytes: z.int(),
  crawling: z.boolean(),
  crawledAt: z.number().optional(),
  error: z.string().optional(),
  runs: z.boolean(),
  mounts: z.array(rule.extend({ path: z.string(), crawlBegunAt: z.number().optional() })),
});
type Status = z.output<typeof status>;

const begun = z.object({ tasks: z.array(z.string()), resumed: z.int() });

const WORDS = {
  off: "off (the setting search_index is none)",
  building: "being built from what is known",
  ready: "ready",
  cleared: "cleared: 'pandav index build' fills it again",
} as const satisfies Record<Status["state"], string>;

/** Milliseconds. */
const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

interface RuleOptions {
  /** A word: what it was before anybody changed it. */
  readonly every?: number | string;
  readonly rate?: number | string;
  readonly maxdepth?: number | string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

/** Adds `index`. */
export function addIndex(define: Definer): void {
  const { stdout, stderr } = define.options.terminal;
  const index = define.group("index", "The names that can be found without asking the storages.");
  index
    .verb("status", "Show how many names are known, and how each mount is listed for it.")
    .option("--json", "one JSON object")
    .action((options: { readonly json?: boolean }, command) =>
      define.withClient(command, async (client) => {
        const found = await client.call({ method: "GET", path: "/api/pandav/index" }, status);
        await print(stdout, options.json ? `${JSON.stringify(found)}\n` : shown(found));
      }),
    );
  index
    .verb("build [paths...]", "List what is not known yet below the paths (default: all mounts), as a task.")
    .option("--anew", "list what is known once more, too")
    .option("--maxdepth <number>", "levels below the paths", toDepth)
    .action((paths: string[], { anew = false, maxdepth }: { anew?: boolean; maxdepth?: number }, command) =>
      define.withClient(command, async (client) => {
        const full = await Promise.all(paths.map((path) => resolvePath(client, path)));
        const body = { paths: full, anew, ...(maxdepth !== undefined && { maxDepth: maxdepth }) };
        await crawl(client, body);
      }),
    );
  index
    .verb("stop", "Stop listing; what was listed stays, and 'resume' goes on from there.")
    .action((_: object, command) => define.withClient(command, (client) => post(client, "/api/admin/index/stop")));
  index
    .verb("resume", "Go on listing where it was stopped or failed.")
    .action((_: object, command) => define.withClient(command, (client) => crawl(client, { resume: true })));
  index
    .verb("clear", "Forget all names; they stay forgotten until 'build'.")
    .action((_: object, command) => define.withClient(command, (client) => post(client, "/api/admin/index/clear")));
  index
    .verb("rule <mount>", "Change how a mount is listed: how often by itself, how fast, what of it.")
    .option("--every <time>", "list it anew as often: 30m, 6h, 1d, 1w; or never", toInterval)
    .option("--rate <number>", "directories a minute at most; or usual", toNumberOr("usual"))
    .option("--maxdepth <number>", "levels below the mount; or usual", toNumberOr("usual"))
    .option("--include <pattern...>", "only these paths inside the mount, such as '/Movies/**'; all: everything")
    .option("--exclude <pattern...>", "never these; none: nothing is left out")
    .action((mount: string, o: RuleOptions, command) =>
      define.withClient(command, async (client) => {
        const path = await resolvePath(client, mount);
        const body = {
          path,
          ...(o.every !== undefined && { intervalMs: orNull(o.every) }),
          ...(o.rate !== undefined && { rate: orNull(o.rate) }),
          ...(o.maxdepth !== undefined && { maxDepth: orNull(o.maxdepth) }),
          ...(o.include && { include: patterns(o.include, "all") }),
          ...(o.exclude && { exclude: patterns(o.exclude, "none") }),
        };
        await client.call({ method: "POST", path: "/api/pandav/index/rule", body }, rule);
      }),
    );

  async function crawl(client: Client, body: object): Promise<void> {
    const { tasks, resumed } = await client.call({ method: "POST", path: "/api/pandav/index/crawl", body }, begun);
    const { runs } = await client.call({ method: "GET", path: "/api/pandav/index" }, status);
    if (tasks.length + resumed === 0)
      await print(stderr, "pandav: nothing was begun: it runs already, or there is nothing to go on with\n");
    else if (!runs) await print(stderr, "pandav: it goes on when 'pandav serve' runs\n");
  }
}

async function post(client: Client, path: string): Promise<void> {
  await client.call({ method: "POST", path, body: {} }, z.null());
}

function shown({ state, names, waiting, bytes, crawling, crawledAt, error, mounts }: Status): string {
  const lines = [
    `index: ${WORDS[state]}`,
    `names: ${names}${waiting > 0 ? `, ${waiting} changes waiting` : ""}, ${humanSize(bytes)} on the disk`,
    `listing: ${crawling ? "runs ('pandav tasks list' shows how far)" : "does not run"}${crawledAt === undefined ? "" : `, last done ${localMinutes(crawledAt)}`}`,
    ...(error === undefined ? [] : [`last failure: ${oneLine(error)}`]),
  ];
  const rows = mounts.map((one) => [
    oneLine(one.path),
    one.intervalMs === null ? "never" : showInterval(one.intervalMs),
    one.rate === null ? "usual" : String(one.rate),
    one.maxDepth === null ? "usual" : String(one.maxDepth),
    one.include.length === 0 ? "all" : oneLine(one.include.join(" ")),
    one.exclude.length === 0 ? "none" : oneLine(one.exclude.join(" ")),
  ]);
  const head = ["MOUNT", "EVERY", "A MINUTE", "DEPTH", "ONLY", "NEVER"];
  return `${lines.join("\n")}\n${rows.length > 0 ? `\n${table([head, ...rows])}` : ""}`;
}

function showInterval(ms: number): string {
  const unit = ["w", "d", "h", "m"].find((letter) => ms % UNITS[letter]! === 0) ?? "m";
  return `${Math.round(ms / UNITS[unit]!)}${unit}`;
}

function orNull(value: number | string): number | null {
  return typeof value === "number" ? value : null;
}

function toInterval(text: string): number | string {
  if (text === "never") return text;
  const [, digits, unit = ""] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  if (digits === undefined)
    throw new UsageError(`--every needs a time such as 30m, 6h, 1d or 1w, or never, and not "${text}"`);
  return Number(digits) * UNITS[unit]!;
}

function toNumberOr(word: string): (text: string) => number | string {
  return (text) => {
    if (text === word) return text;
    if (/^\d{1,6}$/.test(text)) return Number(text);
    throw new UsageError(`a number or "${word}" is meant, and not "${text}"`);
  };
}

function patterns(given: readonly string[], word: string): readonly string[] {
  return given.length === 1 && given[0] === word ? [] : given;
}
