/** The recycle bins of storages. A bin is named by any path of its storage. */
import { z } from "@hono/zod-openapi";
import { visiblePath } from "../../auth/permissions.ts";
import type { User } from "../../auth/users.ts";
import type { TrashItem, TrashOutcome } from "../../vfs/trashing.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { failureRow, failureSchema } from "../failures.ts";
import type { StreamRoute } from "../stream.ts";
import { shownPath, userPath } from "../user-path.ts";

const item = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(["file", "directory"]),
    size: z.number().optional(),
    removedAt: z.number().optional(),
    originalPath: z.string().optional(),
  })
  .openapi("TrashItem");

const outcome = z
  .object({
    asked: z.string(),
    item: item.optional(),
    path: z.string().optional(),
    failure: failureSchema.optional(),
  })
  .openapi("TrashOutcome");

const chosen = z.object({ path: z.string().default("/"), items: z.array(z.string().min(1)).min(1).max(10_000) });

/** `GET /api/pandav/trash`. */
export function trashRoute(): StreamRoute<{ path: string }> {
  return {
    method: "GET",
    path: "/api/pandav/trash",
    summary: "What is in a storage's recycle bin",
    input: z.object({ path: z.string().default("/") }),
    row: item,
    async *rows({ input, user, vfs, signal }) {
      const path = userPath(user, input.path);
      for await (const page of vfs.trash.list(path, { signal })) yield page.map((one) => shown(one, user));
    },
  };
}

/** Adds `/api/pandav/trash/restore`, `purge` and `empty`. */
export function trashRoutes(app: ApiApp, deps: ApiDeps): void {
  const { log } = deps;
  const changes = [
    ["restore", "Put items of a recycle bin back, by id or name"],
    ["purge", "Delete items of a recycle bin for good, by id or name"],
  ] as const;
  for (const [how, summary] of changes) {
    declare(
      app,
      deps,
      {
        method: "post",
        path: `/api/pandav/trash/${how}`,
        summary,
        access: "guest",
        source: "json",
        input: chosen,
        output: z.array(outcome),
      },
      async ({ input, caller: { user }, vfs, signal }) => {
        const path = userPath(user, input.path);
        return (await vfs.trash[how](path, input.items, { signal })).map((one) => toOutcome(one, user, log));
      },
    );
  }
  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/trash/empty",
      summary: "Delete everything in a recycle bin for good",
      access: "guest",
      source: "json",
      input: z.object({ path: z.string().default("/") }),
      output: z.null(),
    },
    async ({ input, caller: { user }, vfs, signal }) => {
      const path = userPath(user, input.path);
      await vfs.trash.empty(path, { signal });
      return null;
    },
  );
}

function toOutcome(
  { asked, item: found, path, error }: TrashOutcome,
  user: User,
  log: ApiDeps["log"],
): z.input<typeof outcome> {
  return {
    asked,
    ...(found && { item: shown(found, user) }),
    ...(path !== undefined && { path: shownPath(user, path) }),
    ...(error !== undefined && { failure: failureRow(error, log) }),
  };
}

function shown({ originalPath, ...rest }: TrashItem, user: User): z.input<typeof item> {
  const path = originalPath === undefined ? undefined : visiblePath(user, originalPath);
  return { ...rest, ...(path !== undefined && { originalPath: path }) };
}
