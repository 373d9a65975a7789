/** What happened, for administrators. */
import { z } from "@hono/zod-openapi";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";

const row = z
  .object({
    id: z.int(),
    /** Milliseconds since the epoch. */
    at: z.number(),
    action: z.string(),
    ok: z.boolean(),
    user: z.string(),
    address: z.string(),
    subject: z.string(),
  })
  .openapi("AuditRow");

/** Rows in one answer, at most. */
const MOST = 1_000;

/** Adds `/api/pandav/audit`. */
export function auditRoutes(app: ApiApp, deps: ApiDeps): void {
  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/audit",
      summary: "Logins, changes of rights and storages, and deletions, newest first",
      access: "admin",
      input: z.object({
        /** Rows older than the one with this id: the next page. */
        before: z.coerce.number().int().optional(),
        limit: z.coerce.number().int().min(1).max(MOST).default(100),
        /** `login`, or a group such as `user`. */
        action: z.string().optional(),
        user: z.string().optional(),
      }),
      output: z.array(row),
    },
    ({ input: { before, limit, action, user } }) =>
      deps.auth.audit.list({
        limit,
        ...(before !== undefined && { before }),
        ...(action !== undefined && { action }),
        ...(user !== undefined && { user }),
      }),
  );
}
