/** Tasks as our own command line and panel want them: of all kinds, with what failed in them. */
import { z } from "@hono/zod-openapi";
import type { User } from "../../auth/users.ts";
import { ENDED_STATES, maySee, type Task } from "../../tasks/api.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ApiError } from "../envelope.ts";
import { failedItemSchema, taskSchema, toOwnItems, toOwnTask } from "../task-wire.ts";
import { userPath } from "../user-path.ts";
import { wireInt } from "../wire-fields.ts";
import { demandChange } from "./task.ts";

/** Items of one task that are told. */
const MOST_ITEMS = 1_000;

const transfer = {
  from: z.string().min(1),
  /** The new path itself, not the directory around it. */
  to: z.string().min(1),
  /** What becomes of files that are there already and differ. */
  conflict: z.enum(["fail", "replace", "skip"]).default("fail"),
  /** Only says how much would go which way. */
  planOnly: z.boolean().default(false),
};

const newTask = z.object({
  task: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("copy"), ...transfer }),
    z.object({ kind: z.literal("move"), ...transfer }),
    z.object({
      kind: z.literal("delete"),
      paths: z.array(z.string().min(1)).min(1).max(10_000),
      mode: z.enum(["trash", "permanent"]).optional(),
    }),
  ]),
});

const changeInput = z.object({
  /** These tasks; or, without them, */
  ids: z.array(z.string()).max(10_000).optional(),
  /** all that are so: not ended, failed, succeeded, or ended. */
  which: z.enum(["open", "failed", "succeeded", "ended"]).optional(),
});

/** Adds `/api/pandav/tasks` and what is below it, but the events. */
export function ownTaskRoutes(app: ApiApp, deps: ApiDeps): void {
  const { tasks } = deps;

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/tasks",
      summary: "Tasks of all kinds, in the order of asking; and whether tasks run at present",
      access: "user",
      input: z.object({
        kind: z.string().optional(),
        which: z.enum(["open", "ended", "all"]).default("all"),
        limit: wireInt(),
      }),
      output: z.object({ runs: z.boolean(), tasks: z.array(taskSchema) }),
    },
    async ({ input: { kind, which, limit }, caller: { user } }) => {
      const found = await tasks.list({
        ...own(user),
        ...(kind !== undefined && { kind }),
        ...(which !== "all" && { ended: which === "ended" }),
        ...(limit !== undefined && limit > 0 && { limit }),
      });
      return { runs: tasks.runs, tasks: found.map((task) => toOwnTask(task, user)) };
    },
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/tasks/{id}",
      summary: "One task, with the files of it that failed",
      access: "user",
      input: z.object({ id: z.string() }),
      output: z.object({ task: taskSchema, failed: z.array(failedItemSchema) }),
    },
    async ({ input: { id }, caller: { user } }) => {
      const task = await find(id, user);
      if (!task) throw new ApiError(404, "task not found");
      return { task: toOwnTask(task, user), failed: toOwnItems(await tasks.failedItems(id, MOST_ITEMS), user) };
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/tasks",
      summary: "Have something copied, moved or deleted by a task",
      access: "user",
      source: "json",
      input: newTask,
      output: taskSchema,
    },
    async ({ input: { task: asked }, caller: { user } }) => {
      const { kind, ...input } = asked;
      const paths =
        "paths" in input
          ? { paths: input.paths.map((path) => userPath(user, path)) }
          : { from: userPath(user, input.from), to: userPath(user, input.to) };
      // The kind's own schema decides about the rest.
      const json = JSON.parse(JSON.stringify({ ...input, ...paths }));
      return toOwnTask(await tasks.add(kind, json, user), user);
    },
  );

  const actions = {
    cancel: ["Stop tasks", (id: string) => tasks.cancel(id)],
    retry: ["Run tasks again", (id: string) => tasks.retry(id)],
    remove: ["Forget tasks", (id: string) => tasks.remove(id)],
  } as const;
  for (const [name, [summary, act]] of Object.entries(actions)) {
    declare(
      app,
      deps,
      {
        method: "post",
        path: `/api/pandav/tasks/${name}`,
        summary: `${summary}: how many there were, and the ids that nobody has`,
        access: "user",
        source: "json",
        input: changeInput,
        output: z.object({ changed: z.int(), missing: z.array(z.string()) }),
      },
      async ({ input: { ids, which }, caller }) => {
        demandChange(caller);
        if ((ids === undefined) === (which === undefined)) throw new ApiError(400, "ids or which: one of the two");
        const missing: string[] = [];
        let changed = 0;
        for (const id of ids ?? (await idsOf(which!, caller.user))) {
          if (await find(id, caller.user)) {
            await act(id);
            changed++;
          } else missing.push(id);
        }
        return { changed, missing };
      },
    );
  }

  async function find(id: string, user: User): Promise<Task | undefined> {
    const task = await tasks.get(id);
    return task && maySee(user, task) ? task : undefined;
  }

  async function idsOf(which: "open" | "failed" | "succeeded" | "ended", user: User): Promise<readonly string[]> {
    const states: readonly string[] = which === "ended" || which === "open" ? ENDED_STATES : [which];
    const found = await tasks.list({ ...own(user), ended: which !== "open", limit: Number.MAX_SAFE_INTEGER });
    return found.filter(({ state }) => which === "open" || states.includes(state)).map(({ id }) => id);
  }
}

function own(user: User): { readonly userId?: number } {
  return user.role === "admin" ? {} : { userId: user.id };
}
