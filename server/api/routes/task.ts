/** `/api/task/<type>/*` as AList has it (alist-api.md §13): everybody's own tasks, and all for administrators. */
import { z } from "@hono/zod-openapi";
import { AuthError } from "../../auth/auth-error.ts";
import type { Caller } from "../../auth/authenticator.ts";
import { ENDED_STATES, maySee, type Task } from "../../tasks/api.ts";
import { type Access, declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { dialectOf } from "../dialect.ts";
import { ApiError } from "../envelope.ts";
import { taskInfoSchema, toTaskInfo } from "../task-wire.ts";

/** AList's types; of those that this server does nothing of there are no tasks. */
const TYPES = [
  "upload",
  "copy",
  "move",
  "delete",
  "offline_download",
  "offline_download_transfer",
  "decompress",
  "decompress_upload",
  "s3_transition",
] as const;

const ofType = z.object({ type: z.enum(TYPES) });
const ofTask = ofType.extend({ tid: z.string().default("") });
/** The body is the array itself. */
const ofSome = ofType.extend({ list: z.array(z.string()).max(10_000) });

type Some = z.output<typeof ofSome>;

/** Adds the routes, and the same below `/api/admin/task` for administrators. */
export function taskRoutes(app: ApiApp, deps: ApiDeps): void {
  addUnder("/api/task", "user");
  addUnder("/api/admin/task", "admin");

  function addUnder(prefix: string, access: Extract<Access, "user" | "admin">): void {
    for (const ended of [false, true]) {
      declare(
        app,
        deps,
        {
          method: "get",
          path: `${prefix}/{type}/${ended ? "done" : "undone"}`,
          summary: ended ? "Tasks that have ended" : "Tasks that have not ended",
          access,
          input: ofType,
          output: z.array(taskInfoSchema),
        },
        async ({ input: { type }, caller, c }) => {
          const own = caller.user.role === "admin" ? {} : { userId: caller.user.id };
          const found = await deps.tasks.list({ kind: type, ended, ...own });
          return found.map((task) => toTaskInfo(task, caller.user, deps.vfs.storages, dialectOf(c, deps.settings)));
        },
      );
    }

    declare(
      app,
      deps,
      {
        method: "post",
        path: `${prefix}/{type}/info`,
        summary: "One task",
        access,
        source: "query",
        input: ofTask,
        output: taskInfoSchema,
      },
      async ({ input, caller, c }) => {
        const task = await find(input.type, input.tid, caller);
        return toTaskInfo(task, caller.user, deps.vfs.storages, dialectOf(c, deps.settings));
      },
    );

    const actions = {
      cancel: ["Stop", (id: string) => deps.tasks.cancel(id)],
      delete: ["Forget", (id: string) => deps.tasks.remove(id)],
      retry: ["Run again", (id: string) => deps.tasks.retry(id)],
    } as const;
    for (const [name, [verb, act]] of Object.entries(actions)) {
      declare(
        app,
        deps,
        {
          method: "post",
          path: `${prefix}/{type}/${name}`,
          summary: `${verb} one task`,
          access,
          source: "query",
          input: ofTask,
          output: z.null(),
        },
        async ({ input, caller }) => {
          demandChange(caller);
          await act((await find(input.type, input.tid, caller)).id);
          return null;
        },
      );
      declare(
        app,
        deps,
        {
          method: "post",
          path: `${prefix}/{type}/${name}_some`,
          summary: `${verb} some tasks: what failed, by id`,
          access,
          source: "json",
          input: ofSome,
          output: z.record(z.string(), z.string()),
        },
        async ({ input, caller }) => {
          demandChange(caller);
          return each(input, caller, act);
        },
      );
    }

    const bulk = {
      clear_done: ["Forget all tasks that have ended", ENDED_STATES, (id: string) => deps.tasks.remove(id)],
      clear_succeeded: ["Forget all tasks that succeeded", ["succeeded"], (id: string) => deps.tasks.remove(id)],
      retry_failed: ["Run all failed tasks again", ["failed"], (id: string) => deps.tasks.retry(id)],
    } as const;
    for (const [name, [summary, states, act]] of Object.entries(bulk)) {
      declare(
        app,
        deps,
        {
          method: "post",
          path: `${prefix}/{type}/${name}`,
          summary,
          access,
          source: "query",
          input: ofType,
          output: z.null(),
        },
        async ({ input: { type }, caller }) => {
          demandChange(caller);
          const { user } = caller;
          const own = user.role === "admin" ? {} : { userId: user.id };
          const ended = await deps.tasks.list({ kind: type, ended: true, limit: Number.MAX_SAFE_INTEGER, ...own });
          for (const task of ended) if ((states as readonly string[]).includes(task.state)) await act(task.id);
          return null;
        },
      );
    }
  }

  async function each({ type, list }: Some, caller: Caller, act: (id: string) => Promise<void>) {
    const failed: Record<string, string> = {};
    for (const id of list) {
      try {
        await act((await find(type, id, caller)).id);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        // An id is the client's own text: `__proto__` too.
        Object.defineProperty(failed, id, { value: error.message, enumerable: true });
      }
    }
    return failed;
  }

  /** Somebody else's task is not there. */
  async function find(type: string, id: string, { user }: Caller): Promise<Task> {
    const task = await deps.tasks.get(id);
    if (!task || task.kind !== type || !maySee(user, task)) throw new ApiError(404, "task not found");
    return task;
  }
}

/** A token that only reads changes no task either. */
export function demandChange({ scope }: Pick<Caller, "scope">): void {
  if (scope === "read") throw new AuthError(403, "permission denied: the token only reads");
}
