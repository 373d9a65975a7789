/** The caller's own account (alist-api.md §11). */
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { dialectOf, roleOf } from "../dialect.ts";
import { meSchema, nothing } from "../schemas.ts";

/** Adds `/api/me`. */
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
      otp: false,
      // Both null for the static token, as AList has it (alist-api.md §11).
      role_names: by === "token" ? null : [user.role],
      permissions: by === "token" ? null : [{ path: user.basePath, permission: user.permission }],
    }),
  );
}
