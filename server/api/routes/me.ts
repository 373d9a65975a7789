/** The caller's own account (alist-api.md §11). */
import { z } from "@hono/zod-openapi";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { dialectOf, roleOf } from "../dialect.ts";
import { meSchema, nothing } from "../schemas.ts";

/** Adds `/api/me` and `/api/me/update`. */
export function meRoutes(app: ApiApp, deps: ApiDeps): void {
  declare(
    app,
    deps,
    { method: "get", path: "/api/me", summary: "Who the caller is", access: "guest", input: nothing, output: meSchema },
    async ({ caller: { user, by }, c }) => ({
      id: user.id,
      username: user.name,
      password: "",
      base_path: user.basePath,
      role: roleOf(user, dialectOf(c, deps.settings)),
      disabled: user.disabled,
      permission: user.permission,
      sso_id: "",
      otp: user.hasTotp === true,
      allow_ldap: false,
      // Both null for the static token, as AList has it (alist-api.md §11).
      role_names: by === "token" ? null : [user.role],
      permissions: by === "token" ? null : [{ path: user.basePath, permission: user.permission }],
    }),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/me/update",
      summary: "Change one's own name or password; an empty password stays as it is, a new one ends every session",
      access: "person",
      guestMessage: "Guest user can not update profile",
      source: "json",
      input: z.object({ username: z.string().default(""), password: z.string().default("") }),
      output: z.null(),
    },
    async ({ input: { username, password }, caller: { user } }) => {
      const { users } = deps.auth;
      // As the account is, not as a token shows it.
      const own = (await users.get(user.id)) ?? user;
      const name = username || own.name;
      if (name === own.name && password === "") return null;
      await users.update(own.id, { ...own, name }, password === "" ? undefined : password);
      return null;
    },
  );
}
