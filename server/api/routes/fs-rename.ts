/** Giving many names at once (alist-api.md §6). */
import { z } from "@hono/zod-openapi";
import { joinPath } from "#drivers/contract/path.ts";
import { legalName, transfer } from "../changing.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { namesByPattern } from "../rename-pattern.ts";
import { userPath } from "../user-path.ts";
import { wireText } from "../wire-fields.ts";

/** Most names of one request. */
const MOST_NAMES = 10_000;

/** Adds `/api/fs/batch_rename` and `/api/fs/regex_rename`. */
export function fsRenameRoutes(app: ApiApp, deps: ApiDeps): void {
  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/batch_rename",
      summary: "Give entries of a directory other names; stops at the first that fails, blank pairs are passed over",
      access: "guest",
      input: z.object({
        src_dir: wireText(),
        rename_objects: z
          .array(z.object({ src_name: wireText(), new_name: wireText() }))
          .max(MOST_NAMES)
          .nullish(),
      }),
      output: z.null(),
    },
    async ({ input, caller: { user }, rights, vfs, signal }) => {
      const directory = userPath(user, input.src_dir);
      rights.demandVerb("rename", directory);
      const pairs = (input.rename_objects ?? []).filter(({ src_name, new_name }) => src_name !== "" && new_name !== "");
      const changes = pairs.map(({ src_name, new_name }) => [legalName(src_name), legalName(new_name)] as const);
      for (const [from, to] of changes) {
        if (from === to) continue;
        await transfer(vfs, "move", joinPath(directory, from), joinPath(directory, to), false, signal);
      }
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/regex_rename",
      summary: "Give entries of a directory whose names fit a pattern other names; $1 is the pattern's first group",
      access: "guest",
      input: z.object({ src_dir: wireText(), src_name_regex: wireText(), new_name_regex: wireText() }),
      output: z.null(),
    },
    async ({ input, caller: { user }, rights, vfs, signal }) => {
      const directory = userPath(user, input.src_dir);
      rights.demandVerb("rename", directory);
      const names: string[] = [];
      for await (const page of (await vfs.list(directory, { signal })).pages()) {
        for (const { name, isMountPoint } of page) if (!isMountPoint) names.push(name);
      }
      const changes = namesByPattern(names, input.src_name_regex, input.new_name_regex);
      for (const { to } of changes) legalName(to);
      for (const { from, to } of changes) {
        await transfer(vfs, "move", joinPath(directory, from), joinPath(directory, to), false, signal);
      }
      return null;
    },
  );
}
