/** What the owner does to accounts. */
import { z } from "@hono/zod-openapi";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";

/** Adds `/api/pandav/user/password`. */
export function userRoutes(app: ApiApp, deps: ApiDeps): void {
  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/user/password",
      summary: "Set a user's password and end all of his sessions",
      access: "admin",
      source: "json",
      input: z.object({ name: z.string().min(1), password: z.string().min(1) }),
      output: z.null(),
    },
    async ({ input }) => {
      await deps.auth.users.setPassword(input.name, input.password);
      return null;
    },
  );
}
