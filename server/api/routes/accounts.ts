/** Who is logged in where. No credential leaves. */
import { z } from "@hono/zod-openapi";
import { StorageError } from "#drivers/contract/errors.ts";
import type { AccountInfo } from "../../accounts/api.ts";
import { mountFor } from "../account-mount.ts";
import {
  accountKindSchema,
  accountSchema,
  loginResultSchema,
  mountWish,
  toAccount,
  toLoginResult,
} from "../account-wire.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { nothing } from "../schemas.ts";

const byId = z.object({ id: z.coerce.number().pipe(z.int()) });

/** Adds `/api/pandav/accounts*` and `/api/pandav/account-kinds`. */
export function accountRoutes(app: ApiApp, deps: ApiDeps): void {
  const { accounts, catalogue } = deps;
  const shown = async (info: AccountInfo) => toAccount(info, await accounts.mountsOf(info.id));

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/account-kinds",
      summary: "The kinds of accounts, and the ways to log in",
      access: "admin",
      input: nothing,
      output: z.array(accountKindSchema).readonly(),
    },
    () => catalogue.accountKinds(),
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/accounts",
      summary: "The accounts and how they are",
      access: "admin",
      input: nothing,
      output: z.array(accountSchema),
    },
    () => Promise.all(accounts.list().map(shown)),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/accounts",
      summary: "Log in with a pasted cookie or token, or with another client's session file",
      access: "admin",
      source: "json",
      input: z.object({ kind: z.string(), text: z.string().min(1), mount: mountWish.optional() }),
      output: loginResultSchema,
    },
    async ({ input: { kind, text, mount }, signal }) => {
      const account = await accounts.addText(kind, text, { signal });
      const result = await mountFor(account, mount, deps, { signal });
      return toLoginResult(result, await accounts.mountsOf(account.id));
    },
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/accounts/{id}",
      summary: "One account",
      access: "admin",
      input: byId,
      output: accountSchema,
    },
    async ({ input }) => {
      const info = accounts.get(input.id);
      if (info) return shown(info);
      throw new StorageError("not-found", `there is no account ${input.id}`);
    },
  );

  declare(
    app,
    deps,
    {
      method: "delete",
      path: "/api/pandav/accounts/{id}",
      summary: "Forget an account that no storage uses",
      access: "admin",
      input: byId,
      output: z.null(),
    },
    async ({ input }) => {
      await accounts.remove(input.id);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/accounts/{id}/check",
      summary: "Ask the service how the account is",
      access: "admin",
      source: "query",
      input: byId,
      output: accountSchema,
    },
    async ({ input, signal }) => shown(await accounts.check(input.id, { signal })),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/accounts/{id}/logout",
      summary: "Forget the credential; storages stay and say that a login is required",
      access: "admin",
      source: "query",
      input: byId,
      output: accountSchema,
    },
    async ({ input }) => shown(await accounts.logOut(input.id)),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/accounts/{id}/rate",
      summary: "Set how many requests a second the account may make; without a number the kind's own",
      access: "admin",
      source: "json",
      input: z.object({ ...byId.shape, perSecond: z.number().nullable() }),
      output: accountSchema,
    },
    async ({ input: { id, perSecond } }) => shown(await accounts.setRate(id, perSecond ?? undefined)),
  );
}
