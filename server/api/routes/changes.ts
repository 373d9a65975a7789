/** Making and removing as the command line does it: with the choices that AList's wire lacks. */
import { z } from "@hono/zod-openapi";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import { parentOf } from "#drivers/contract/path.ts";
import type { Vfs } from "../../vfs/api.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { failureRow, failureSchema } from "../failures.ts";
import { shownPath, userPath } from "../user-path.ts";

/** Adds `/api/pandav/fs/mkdir`, `remove` and `link`. */
export function changeRoutes(app: ApiApp, deps: ApiDeps): void {
  const { log } = deps;

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/fs/mkdir",
      summary: "Make a directory, and its parents on request; one that exists is a success",
      access: "guest",
      source: "json",
      input: z.object({ path: z.string().min(1), parents: z.boolean().default(false) }),
      output: z.object({ path: z.string(), created: z.boolean() }),
    },
    async ({ input, caller: { user }, vfs, signal }) => {
      const path = userPath(user, input.path);
      const created = await make(vfs, path, input.parents, signal);
      return { path: shownPath(user, path), created };
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/fs/remove",
      summary: "Remove files and directories: one outcome per path, in order",
      access: "guest",
      source: "json",
      input: z.object({
        paths: z.array(z.string().min(1)).min(1).max(10_000),
        /** False: a directory is refused. */
        recursive: z.boolean().default(false),
        /** Directories only where they are empty. */
        onlyEmpty: z.boolean().default(false),
        /** Default: into the recycle bin where the storage has one. */
        mode: z.enum(["trash", "permanent"]).optional(),
      }),
      output: z.array(z.object({ failure: failureSchema.optional() })),
    },
    async ({ input: { paths, recursive, onlyEmpty, mode }, caller: { user }, vfs, signal }) => {
      const full = paths.map((path) => userPath(user, path));
      const outcomes = await vfs.removeAll(full, { signal, recursive, onlyEmpty, ...(mode && { mode }) });
      return outcomes.map(({ error }) => (error === undefined ? {} : { failure: failureRow(error, log) }));
    },
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/fs/link",
      summary: "A link to a file at its service, where that gives one that anybody can fetch",
      access: "guest",
      input: z.object({ path: z.string().min(1) }),
      output: z.object({ url: z.string(), expiresAt: z.number().optional() }),
    },
    async ({ input, caller: { user }, vfs, signal }) => {
      return vfs.link(userPath(user, input.path), { signal });
    },
  );

  /** True where it was not there before. */
  async function make(vfs: Vfs, path: string, parents: boolean, signal: AbortSignal): Promise<boolean> {
    try {
      await vfs.makeDirectory(path, { signal });
      return true;
    } catch (error) {
      if (kindOf(error) === "already-exists") {
        if ((await vfs.stat(path, { signal })).kind === "directory") return false;
        throw new StorageError("already-exists", "it is a file", { path });
      }
      const missing = parents && kindOf(error) === "not-found" && vfs.storages.at(path) && parentOf(path) !== path;
      if (!missing) throw error;
      await make(vfs, parentOf(path), true, signal);
      return make(vfs, path, false, signal);
    }
  }
}
