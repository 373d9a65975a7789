/** Whole trees flattened and swept (alist-api.md §6). */
import { z } from "@hono/zod-openapi";
import { kindOf } from "#drivers/contract/errors.ts";
import { isWithin, joinPath, nameOf } from "#drivers/contract/path.ts";
import type { Vfs } from "../../vfs/api.ts";
import type { Resource } from "../../vfs/resource.ts";
import { transfer } from "../changing.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ApiError, success, toResponse } from "../envelope.ts";
import { userPath } from "../user-path.ts";
import { wireText } from "../wire-fields.ts";

/** Most entries of a tree that one request goes through: more is work for a task. */
const MOST_ENTRIES = 50_000;

/** Adds `/api/fs/recursive_move` and `/api/fs/remove_empty_directory`. */
export function fsTreeRoutes(app: ApiApp, deps: ApiDeps): void {
  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/recursive_move",
      summary: "Move every file of a tree into one directory; the tree's directories stay",
      access: "guest",
      input: z.object({
        src_dir: z.string().min(1),
        dst_dir: z.string().min(1),
        conflict_policy: z.enum(["cancel", "overwrite", "skip"]).default("cancel"),
      }),
      output: z.null(),
    },
    async ({ input, caller: { user }, rights, vfs, signal }) => {
      const from = userPath(user, input.src_dir);
      const to = userPath(user, input.dst_dir);
      rights.demandVerb("move", from);
      rights.demandWhole(from);
      rights.demandVerb("write", joinPath(to, nameOf(from) || "file"));
      const files: string[] = [];
      for await (const { kind, path } of everythingIn(vfs, from, signal, { except: to })) {
        if (kind === "file") files.push(path);
      }
      if ((await vfs.stat(to, { signal })).kind !== "directory")
        throw new ApiError(500, `${input.dst_dir} is not a folder`);
      const taken = new Set<string>();
      for await (const page of (await vfs.list(to, { signal })).pages()) for (const { name } of page) taken.add(name);
      if (input.conflict_policy === "cancel") refuseTaken(files, taken);
      // Overwriting means what is there: two files of the tree must not overwrite each other.
      if (input.conflict_policy === "overwrite") refuseTaken(files, new Set());
      let moved = 0;
      for (const path of files) {
        const name = nameOf(path);
        if (input.conflict_policy === "skip" && taken.has(name)) continue;
        await transfer(vfs, "move", path, joinPath(to, name), input.conflict_policy === "overwrite", signal);
        taken.add(name);
        moved++;
      }
      // The words are the wire's, which tells its number nowhere else.
      return toResponse({ ...success(null), message: `Successfully moved ${moved} ${moved === 1 ? "file" : "files"}` });
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/remove_empty_directory",
      summary: "Remove the directories of a tree that hold no file",
      access: "guest",
      input: z.object({ src_dir: wireText() }),
      output: z.null(),
    },
    async ({ input, caller: { user }, rights, vfs, signal }) => {
      const root = userPath(user, input.src_dir);
      rights.demandVerb("remove", root);
      const directories: string[] = [];
      for await (const { kind, path } of everythingIn(vfs, root, signal, {})) {
        if (kind === "directory") directories.push(path);
      }
      // What was found last lies deepest.
      for (const path of directories.reverse()) await removeIfEmpty(vfs, path, signal);
      return null;
    },
  );

  async function removeIfEmpty(vfs: Vfs, path: string, signal: AbortSignal): Promise<void> {
    try {
      await vfs.remove(path, { onlyEmpty: true, signal });
    } catch (error) {
      const kind = kindOf(error);
      if (kind !== "not-empty" && kind !== "not-found") throw error;
    }
  }
}

/** All below a directory, each after the one that it lies in; mounts inside are not entered, and neither is `except`. */
async function* everythingIn(
  vfs: Vfs,
  root: string,
  signal: AbortSignal,
  { except }: { readonly except?: string },
): AsyncIterable<Resource> {
  let seen = 0;
  const ahead = [root];
  for (let at = ahead.shift(); at !== undefined; at = ahead.shift()) {
    for await (const page of (await vfs.list(at, { signal })).pages()) {
      for (const one of page) {
        if (one.isMountPoint || (except !== undefined && isWithin(one.path, except))) continue;
        if (++seen > MOST_ENTRIES) throw new ApiError(400, `there are more than ${MOST_ENTRIES} entries in it`);
        if (one.kind === "directory") ahead.push(one.path);
        yield one;
      }
    }
  }
}

/** Before the first is moved: what is refused is refused whole. */
function refuseTaken(files: readonly string[], taken: ReadonlySet<string>): void {
  const seen = new Set(taken);
  for (const path of files) {
    const name = nameOf(path);
    if (seen.has(name)) throw new ApiError(403, `file [${name}] exists`);
    seen.add(name);
  }
}
