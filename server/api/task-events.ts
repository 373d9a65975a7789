/** `GET /api/pandav/tasks/events`: news of tasks as server-sent events (HTML Standard §9.2), on the raw Node request. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "@hono/zod-openapi";
import { AuthError } from "../auth/auth-error.ts";
import { drained } from "../http/send.ts";
import { maySee, type Task } from "../tasks/api.ts";
import type { ApiApp, ApiDeps } from "./deps.ts";
import { type RawCall, type RawHandler, rawHandler, readQuery } from "./raw.ts";
import { taskSchema, toOwnTask } from "./task-wire.ts";

/** Where the raw handler listens. */
export const TASK_EVENTS_PATH = "/api/pandav/tasks/events";

/** Something is said at least so often, so that a connection that nobody holds any more is found, in milliseconds. */
const QUIET_MS = 15_000;
/** Longest connection: who comes again proves again who he is, in milliseconds. */
const LONGEST_MS = 10 * 60_000;

const input = z.object({
  /** The stream ends after this many milliseconds. */
  forMs: z.coerce.number().int().min(1).max(LONGEST_MS).default(LONGEST_MS),
});

/** Answers with an event `task` for each task that has not ended, then for each that changes, and `removed` with the id of one that was forgotten. */
export function createTaskEvents(deps: Pick<ApiDeps, "auth" | "vfs" | "log" | "tasks">): RawHandler {
  return rawHandler(deps, { GET: (call) => send(call, deps.tasks) });
}

async function send({ request, response, user, signal }: RawCall, tasks: ApiDeps["tasks"]): Promise<void> {
  if (user.role === "guest") throw new AuthError(403, "You are a guest");
  const { forMs } = readQuery(request, input);
  const over = AbortSignal.any([signal, tasks.closing, AbortSignal.timeout(forMs)]);
  /** The newest of each task that is not sent yet: a slow reader misses what is in between. */
  const waiting = new Map<string, Task | "removed">();
  let wake = () => {};
  const unsubscribe = tasks.subscribe((event) => {
    if (!maySee(user, event.task ?? event)) return;
    if (event.task) waiting.set(event.task.id, event.task);
    else waiting.set(event.removed, "removed");
    wake();
  });
  try {
    const own = user.role === "admin" ? {} : { userId: user.id };
    for (const task of await tasks.list({ ended: false, ...own })) waiting.set(task.id, waiting.get(task.id) ?? task);
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store" });
    response.write("retry: 3000\n\n");
    while (!over.aborted) {
      if (waiting.size === 0) {
        const news = new AbortController();
        wake = () => news.abort();
        const either = AbortSignal.any([over, news.signal]);
        const isQuiet = await sleep(QUIET_MS, true, { signal: either, ref: false }).catch(() => false);
        if (isQuiet) response.write(": still here\n\n");
      }
      for (const [id, news] of waiting) {
        waiting.delete(id);
        const [event, data] = news === "removed" ? ["removed", { id }] : ["task", toOwnTask(news, user)];
        response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
        await drained(response);
      }
    }
  } finally {
    unsubscribe();
  }
  signal.throwIfAborted();
  response.end();
}

/** Names the route in the documentation; it is dispatched before Hono. */
export function describeTaskEvents(app: ApiApp): void {
  app.openAPIRegistry.registerPath({
    method: "get",
    path: TASK_EVENTS_PATH,
    summary: "News of tasks as server-sent events: `task` with a task, `removed` with an id",
    security: [{ token: [] }],
    request: { query: input },
    responses: {
      200: { description: "events", content: { "text/event-stream": { schema: taskSchema } } },
      default: { description: "AList's envelope, with the status that it means" },
    },
  });
}
