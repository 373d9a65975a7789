/** Changing files and directories (alist-api.md §6). */
import { z } from "@hono/zod-openapi";
import { type ErrorKind, kindOf, StorageError } from "#drivers/contract/errors.ts";
import { joinPath, nameOf, parentOf } from "#drivers/contract/path.ts";
import type { User } from "../../auth/users.ts";
import type { Task } from "../../tasks/api.ts";
import type { Vfs } from "../../vfs/api.ts";
import type { Resource } from "../../vfs/resource.ts";
import { legalName, legalNames, makeDirectories, transfer } from "../changing.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { dialectOf } from "../dialect.ts";
import { ApiError } from "../envelope.ts";
import { taskInfoSchema, toTaskInfo } from "../task-wire.ts";
import { userPath } from "../user-path.ts";
import { wireBool } from "../wire-fields.ts";

const transferInput = z.object({
  src_dir: z.string(),
  dst_dir: z.string(),
  names: z.array(z.string()),
  overwrite: wireBool(),
  skip_existing: wireBool(),
  /** OpenList: directories that are there are entered, files that are there stay. */
  merge: wireBool(),
});
type TransferInput = z.output<typeof transferInput>;

/** Kinds of failure of a storage that does not answer now, and may when a task's turn comes. */
const MAY_ANSWER_LATER: readonly (ErrorKind | undefined)[] = ["unavailable", "timeout", "unauthenticated"];

/** What is done at once is told by the message alone; the rest is on its way as tasks (alist-api.md §6). */
const transferOutput = z.object({ message: z.string(), tasks: z.array(taskInfoSchema) });

/** Adds `/api/fs/mkdir`, `rename`, `move`, `copy` and `remove`. */
export function fsChangeRoutes(app: ApiApp, deps: ApiDeps): void {
  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/mkdir",
      summary: "Make a directory and its parents; one that exists is a success",
      access: "guest",
      input: z.object({ path: z.string().min(1) }),
      output: z.null(),
    },
    async ({ input, caller: { user }, vfs, signal }) => {
      const path = userPath(user, input.path);
      await makeDirectories(vfs, path, signal);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/rename",
      summary: "Give a file or directory another name",
      access: "guest",
      input: z.object({ path: z.string(), name: z.string(), overwrite: wireBool() }),
      output: z.null(),
    },
    async ({ input, caller: { user }, vfs, signal }) => {
      const path = userPath(user, input.path);
      const to = joinPath(parentOf(path), legalName(input.name));
      if (to === path) return null;
      await transfer(vfs, "move", path, to, input.overwrite, signal);
      return null;
    },
  );

  for (const how of ["move", "copy"] as const) {
    declare(
      app,
      deps,
      {
        method: "post",
        path: `/api/fs/${how}`,
        summary: `${how === "move" ? "Move" : "Copy"} entries of one directory into another: at once where one call to the service does it, else as tasks`,
        access: "guest",
        input: transferInput,
        output: transferOutput.nullable(),
      },
      async ({ input, caller: { user }, rights, vfs, signal, c }) => {
        const names = legalNames(input.names);
        const [from, to] = [userPath(user, input.src_dir), userPath(user, input.dst_dir)];
        const pairs = names.map((name) => [joinPath(from, name), joinPath(to, name)] as const);
        // Before the first is touched: what is refused is refused whole.
        for (const [source, target] of pairs) rights.demandTransfer(how, source, target);
        const tasks: Task[] = [];
        for (const [source, target] of pairs) {
          const task = await transferOrTask(vfs, how, source, target, input, user, signal);
          if (task) tasks.push(task);
        }
        const dialect = dialectOf(c, deps.settings);
        // AList's own moves say nothing; OpenList's say what became of them.
        if (how === "move" && tasks.length === 0 && dialect === "roles") return null;
        const what = how === "move" ? "Move" : "Copy";
        const done = tasks.length === 0;
        return {
          message: done
            ? `${what} operations completed immediately`
            : `Successfully created ${tasks.length} ${how} task(s)`,
          tasks: tasks.map((task) => toTaskInfo(task, user, deps.vfs.storages, dialect)),
        };
      },
    );
  }

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/remove",
      summary: "Remove entries of a directory; one that is missing is a success",
      access: "guest",
      input: z.object({ dir: z.string(), names: z.array(z.string()) }),
      output: z.null(),
    },
    async ({ input, caller: { user }, vfs, signal }) => {
      const names = legalNames(input.names);
      const directory = userPath(user, input.dir);
      const outcomes = await vfs.removeAll(
        names.map((name) => joinPath(directory, name)),
        { signal },
      );
      const failed = outcomes.find(({ error }) => error !== undefined && kindOf(error) !== "not-found");
      if (failed) throw failed.error;
      return null;
    },
  );

  /** The task that will do it; undefined where it is done, or there is nothing to do. */
  async function transferOrTask(
    vfs: Vfs,
    how: "move" | "copy",
    from: string,
    to: string,
    input: TransferInput,
    user: User,
    signal: AbortSignal,
  ): Promise<Task | undefined> {
    const { overwrite, skip_existing: skips, merge } = input;
    if (!vfs.storages.at(to)) throw new ApiError(500, "storage not found: nothing is mounted there");
    const target = await statOrNothing(vfs, to, signal);
    if (target && !overwrite && !skips && !merge) throw new ApiError(403, `file [${nameOf(to)}] exists`);
    const isFile = target?.kind === "file";
    // A directory that is there is entered, whatever is said of files: nothing in it goes that nothing takes the place of.
    const isEntered = target?.kind === "directory";
    if (!isEntered && (await isAtOnce(vfs, how, from, to))) {
      if (isFile && !overwrite && (merge || (await isSameSize(vfs, from, target, signal)))) return undefined;
      await transfer(vfs, how, from, to, overwrite, signal);
      return undefined;
    }
    if (isFile && !overwrite && (await isSameSize(vfs, from, target, signal))) return undefined;
    const conflict = overwrite ? "replace" : skips || merge ? "skip" : "fail";
    return deps.tasks.add(how, { from, to, conflict }, user);
  }

  async function isAtOnce(vfs: Vfs, how: "move" | "copy", from: string, to: string): Promise<boolean> {
    if (!vfs.storages.at(from)) throw new StorageError("not-found", `${from}: object not found`, { path: from });
    try {
      return (await vfs.way(how, from, to)) === "service";
    } catch (error) {
      if (!MAY_ANSWER_LATER.includes(kindOf(error))) throw error;
      return false;
    }
  }

  /** AList's rule for `skip_existing`: same name and size (alist-api.md §6). */
  async function isSameSize(vfs: Vfs, from: string, target: Resource, signal: AbortSignal): Promise<boolean> {
    const source = await statOrNothing(vfs, from, signal);
    return source?.kind === "file" && target.kind === "file" && source.size === target.size;
  }

  async function statOrNothing(vfs: Vfs, path: string, signal: AbortSignal): Promise<Resource | undefined> {
    try {
      return await vfs.stat(path, { signal });
    } catch (error) {
      if (kindOf(error) === "not-found") return undefined;
      throw error;
    }
  }
}
