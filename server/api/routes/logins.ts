/** Logins under way: shown step by step, answered, cancelled. */
import { z } from "@hono/zod-openapi";
import type { Json } from "#drivers/contract/mount.ts";
import type { LoginState } from "../../accounts/api.ts";
import { mountFor } from "../account-mount.ts";
import { loginSchema, mountWish, toLogin } from "../account-wire.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";

const byId = z.object({ id: z.string() });

/** Adds `/api/pandav/logins*`. */
export function loginRoutes(app: ApiApp, deps: ApiDeps): void {
  const { accounts, logins } = deps;
  const shown = async (state: LoginState) =>
    toLogin(state, state.result ? await accounts.mountsOf(state.result.account.id) : []);

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/logins",
      summary: "Begin a login; it ends by itself after five minutes",
      access: "admin",
      source: "json",
      input: z.object({
        kind: z.string(),
        flow: z.string(),
        input: z.record(z.string(), z.unknown()).default({}),
        accountId: z.int().optional(),
        mount: mountWish.optional(),
      }),
      output: loginSchema,
    },
    async ({ input: { kind, flow, input, accountId, mount } }) => {
      const state = await logins.start({
        kind,
        flow,
        input,
        ...(accountId !== undefined && { accountId }),
        finish: (account, o) => mountFor(account, mount, deps, o),
      });
      return shown(state);
    },
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/logins/{id}",
      summary: "A login's state, once it changed after the sequence number `after`, or after `waitMs`",
      access: "admin",
      input: z.object({
        ...byId.shape,
        after: z.coerce.number().pipe(z.int()).default(-1),
        waitMs: z.coerce.number().pipe(z.int().min(0)).default(0),
      }),
      output: loginSchema,
    },
    async ({ input: { id, after, waitMs }, signal }) => shown(await logins.state(id, after, waitMs, signal)),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/logins/{id}/answer",
      summary: "Answer what a login asks",
      access: "admin",
      source: "json",
      input: z.object({
        ...byId.shape,
        code: z.string().optional(),
        fields: z.record(z.string(), z.unknown()).optional(),
      }),
      output: loginSchema,
    },
    async ({ input: { id, code, fields } }) =>
      shown(logins.answer(id, code === undefined ? { fields: (fields ?? {}) as Json } : { code })),
  );

  declare(
    app,
    deps,
    {
      method: "delete",
      path: "/api/pandav/logins/{id}",
      summary: "Cancel a login",
      access: "admin",
      input: byId,
      output: z.null(),
    },
    async ({ input }) => {
      logins.cancel(input.id);
      return null;
    },
  );
}
