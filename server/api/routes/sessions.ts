/** Logins that have not ended, as newer front ends show them (alist-api.md §11, §12.8). */
import { z } from "@hono/zod-openapi";
import type { SessionInfo } from "../../auth/sessions.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ApiError } from "../envelope.ts";
import { nothing } from "../schemas.ts";

const own = z.object({
  session_id: z.string(),
  /** Unix seconds. */
  last_active: z.int(),
  /** 0: active. */
  status: z.int(),
  ua: z.string(),
  /** Always empty: addresses are in the record alone. */
  ip: z.string(),
});
const anybodys = own.extend({ user_id: z.int() });
const evictInput = z.object({ session_id: z.string().min(1) });

/** Adds `/api/me/sessions` and `/api/admin/session/*`. */
export function sessionRoutes(app: ApiApp, deps: ApiDeps): void {
  const { sessions } = deps.auth;

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/me/sessions",
      summary: "The caller's logins that have not ended",
      access: "person",
      input: nothing,
      output: z.array(own),
    },
    async ({ caller: { user } }) => (await sessions.list(user.id)).map(toOwn),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/me/sessions/evict",
      summary: "End one of the caller's logins",
      access: "person",
      source: "json",
      input: evictInput,
      output: z.null(),
    },
    async ({ input: { session_id }, caller: { user } }) => {
      const found = (await sessions.list(user.id)).some(({ id }) => id === session_id);
      if (!found) throw new ApiError(400, "there is no such session of yours: record not found");
      await sessions.end(session_id);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/session/list",
      summary: "Everybody's logins that have not ended",
      access: "admin",
      input: nothing,
      output: z.array(anybodys),
    },
    async () => (await sessions.list()).map((one) => ({ ...toOwn(one), user_id: one.userId })),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/session/evict",
      summary: "End somebody's login; one that has ended is a success",
      access: "admin",
      source: "json",
      input: evictInput,
      output: z.null(),
    },
    async ({ input: { session_id } }) => {
      await sessions.end(session_id);
      return null;
    },
  );
}

function toOwn({ id, lastUsedAt, userAgent }: SessionInfo): z.input<typeof own> {
  return { session_id: id, last_active: Math.floor(lastUsedAt / 1000), status: 0, ua: userAgent, ip: "" };
}
