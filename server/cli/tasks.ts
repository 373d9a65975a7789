/** `pandav tasks`: what the server copies, moves, deletes and lists by itself. */
import type { Writable } from "node:stream";
import { z } from "zod";
import { UsageError } from "../config.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { humanSize, localMinutes } from "./format.ts";
import { CommandError, EXIT } from "./report.ts";
import { table } from "./table.ts";
import { oneLine, print } from "./terminal.ts";

const task = z.object({
  id: z.string(),
  kind: z.string(),
  state: z.string(),
  creator: z.string(),
  from: z.string().optional(),
  to: z.string().optional(),
  count: z.int().optional(),
  step: z.string(),
  error: z.object({ message: z.string(), kind: z.string().optional(), class: z.string() }).optional(),
  tries: z.int(),
  nextAt: z.number().optional(),
  createdAt: z.number(),
  startedAt: z.number().optional(),
  endedAt: z.number().optional(),
  totals: z.object({
    files: z.int(),
    filesDone: z.int(),
    filesSkipped: z.int(),
    filesFailed: z.int(),
    directories: z.int(),
    bytes: z.number(),
    bytesDone: z.number(),
  }),
  plan: z.record(z.string(), z.object({ files: z.int(), bytes: z.number() })).optional(),
  bytesPerSecond: z.number().optional(),
  etaMs: z.number().optional(),
});
type TaskReply = z.output<typeof task>;

const listing = z.object({ runs: z.boolean(), tasks: z.array(task) });
const changed = z.object({ changed: z.int(), missing: z.array(z.string()) });

/** Adds `tasks`. */
export function addTasks(define: Definer): void {
  const { stdout, stderr } = define.options.terminal;
  const tasks = define.group("tasks", "What the server copies, moves, deletes and lists by itself.");
  tasks
    .verb("list", "Show the tasks that have not ended.")
    .option("-a, --all", "those that have ended too")
    .option("--json", "one JSON object per line")
    .action((options: { readonly all?: boolean; readonly json?: boolean }, command) =>
      define.withClient(command, async (client) => {
        const query = { which: options.all ? "all" : "open" };
        const found = await client.call({ method: "GET", path: "/api/pandav/tasks", query }, listing);
        if (options.json) await print(stdout, found.tasks.map((one) => `${JSON.stringify(one)}\n`).join(""));
        else if (found.tasks.length > 0) await printTable(found.tasks, stdout);
        const isOpen = found.tasks.some(({ endedAt }) => endedAt === undefined);
        if (!found.runs && isOpen) await print(stderr, "pandav: tasks go on when 'pandav serve' runs\n");
      }),
    );
  tasks
    .verb("cancel [tasks...]", "Stop tasks, by id; what they have done stays.")
    .option("--all", "every task that has not ended")
    .action((ids: string[], options: { readonly all?: boolean }, command) =>
      define.withClient(command, (client) => change(define, client, "cancel", chosen(ids, options.all && "open"))),
    );
  tasks
    .verb("retry [tasks...]", "Run tasks that failed or were cancelled again, from where they were, by id.")
    .option("--failed", "every task that failed")
    .action((ids: string[], options: { readonly failed?: boolean }, command) =>
      define.withClient(command, (client) => change(define, client, "retry", chosen(ids, options.failed && "failed"))),
    );
  tasks
    .verb("clear [tasks...]", "Forget tasks, by id (default: all that have ended); one that runs is stopped.")
    .option("--succeeded", "only those that succeeded")
    .action((ids: string[], options: { readonly succeeded?: boolean }, command) => {
      const which = options.succeeded ? "succeeded" : ids.length === 0 ? "ended" : undefined;
      return define.withClient(command, (client) => change(define, client, "remove", chosen(ids, which)));
    });
}

type Chosen = { readonly ids: readonly string[] } | { readonly which: string };

function chosen(ids: readonly string[], which: string | false | undefined): Chosen {
  if (which && ids.length > 0) throw new UsageError("name tasks or say which, not both");
  if (which) return { which };
  if (ids.length === 0) throw new UsageError("name a task by the id that 'pandav tasks list' shows");
  return { ids };
}

async function change(
  define: Definer,
  client: Client,
  how: "cancel" | "retry" | "remove",
  body: Chosen,
): Promise<void> {
  const { missing } = await client.call({ method: "POST", path: `/api/pandav/tasks/${how}`, body }, changed);
  for (const id of missing) {
    const message = `${oneLine(id)}: there is no such task (pandav tasks list -a shows them)`;
    define.complain(new CommandError(EXIT.notFound, message));
  }
}

async function printTable(tasks: readonly TaskReply[], out: Writable): Promise<void> {
  const rows = tasks.map((one) => [one.id, one.kind, stateOf(one), doneOf(one), leftOf(one), subjectOf(one)]);
  await print(out, table([["ID", "KIND", "STATE", "DONE", "LEFT", "WHAT"], ...rows]));
}

function stateOf({ state, nextAt, error }: TaskReply): string {
  if (state === "retrying" && error?.class === "needs-login") return "waits for a login";
  return state === "retrying" ? `again at ${localMinutes(nextAt).slice(-5)}` : state;
}

/** `12/20, 1.2G/3.4G`: files, then bytes; of a task that lists, what it has listed. */
function doneOf({
  kind,
  totals: { files, filesDone, filesSkipped, directories, bytes, bytesDone },
}: TaskReply): string {
  if (kind === "index") return `${directories} directories, ${files} names`;
  if (files === 0) return "-";
  return `${filesDone + filesSkipped}/${files}, ${humanSize(bytesDone)}/${humanSize(bytes)}`;
}

function leftOf({ etaMs }: TaskReply): string {
  if (etaMs === undefined) return "";
  const minutes = Math.ceil(etaMs / 60_000);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function subjectOf({ from, to, count, error }: TaskReply): string {
  const what = count === undefined ? (from ?? "?") : `${from ?? "?"} and ${count - 1} more`;
  return `${what}${to === undefined ? "" : ` to ${to}`}${error ? `: ${error.message}` : ""}`;
}
