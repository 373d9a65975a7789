/** Changing files and directories (alist-api.md §6). */
import { z } from "@hono/zod-openapi";
import { kindOf } from "#drivers/contract/errors.ts";
import { joinPath, parentOf } from "#drivers/contract/path.ts";
import type { Rights } from "../../auth/permissions.ts";
import type { Vfs } from "../../vfs/api.ts";
import { legalName, legalNames, makeDirectories, transfer } from "../changing.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { userPath } from "../user-path.ts";
import { wireBool } from "../wire-fields.ts";

const transferInput = z.object({
  src_dir: z.string(),
  dst_dir: z.string(),
  names: z.array(z.string()),
  overwrite: wireBool(),
  skip_existing: wireBool(),
});

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

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/move",
      summary: "Move entries of one directory into another",
      access: "guest",
      input: transferInput,
      output: z.null(),
    },
    async ({ input, caller: { user }, rights, vfs, signal }) => {
      const { from, to, names } = transferPaths(input);
      demandAll(rights, "move", names, from(user), to(user));
      for (const name of names) {
        await transfer(vfs, "move", joinPath(from(user), name), joinPath(to(user), name), input.overwrite, signal);
      }
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/copy",
      summary: "Copy entries of one directory into another",
      access: "guest",
      input: transferInput,
      output: z.object({ tasks: z.array(z.record(z.string(), z.unknown())) }),
    },
    async ({ input, caller: { user }, rights, vfs, signal }) => {
      const { from, to, names } = transferPaths(input);
      demandAll(rights, "copy", names, from(user), to(user));
      for (const name of names) {
        const source = joinPath(from(user), name);
        const target = joinPath(to(user), name);
        if (input.skip_existing && (await isSameSize(vfs, source, target, signal))) continue;
        await transfer(vfs, "copy", source, target, input.overwrite, signal);
      }
      return { tasks: [] };
    },
  );

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

  /** AList's rule for `skip_existing`: same name and size (alist-api.md §6). */
  async function isSameSize(vfs: Vfs, from: string, to: string, signal: AbortSignal): Promise<boolean> {
    try {
      const target = await vfs.stat(to, { signal });
      const source = await vfs.stat(from, { signal });
      return source.kind === "file" && target.kind === "file" && source.size === target.size;
    } catch (error) {
      if (kindOf(error) === "not-found") return false;
      throw error;
    }
  }
}

function transferPaths(input: z.output<typeof transferInput>) {
  return {
    names: legalNames(input.names),
    from: (user: Parameters<typeof userPath>[0]) => userPath(user, input.src_dir),
    to: (user: Parameters<typeof userPath>[0]) => userPath(user, input.dst_dir),
  };
}

/** Before the first is touched: what is refused is refused whole. */
function demandAll(rights: Rights, how: "move" | "copy", names: readonly string[], from: string, to: string): void {
  for (const name of names) rights.demandTransfer(how, joinPath(from, name), joinPath(to, name));
}
