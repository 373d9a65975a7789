/** The three roles that there are, for front ends that ask for a list of them (alist-api.md §12.8). */
import { z } from "@hono/zod-openapi";
import { ALL_BITS } from "../../auth/permission-bits.ts";
import type { User } from "../../auth/users.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ROLE_NUMBER } from "../dialect.ts";
import { ApiError } from "../envelope.ts";
import { pageInput, pageOf, toPage } from "../page.ts";
import { wireInt } from "../wire-fields.ts";

const roleSchema = z
  .object({
    id: z.int(),
    name: z.string(),
    description: z.string(),
    default: z.boolean(),
    permission_scopes: z.array(z.object({ path: z.string(), permission: z.int() })),
  })
  .openapi("Role");

/** What each role may do by itself: a general user has bits of his own. */
const ROLES: Readonly<Record<User["role"], readonly [description: string, permission: number]>> = {
  general: ["What the user himself is given", 0],
  guest: ["Whoever does not log in", 0],
  admin: ["Administrator", ALL_BITS],
};

/** Adds `/api/admin/role/list` and `/get`. */
export function roleRoutes(app: ApiApp, deps: ApiDeps): void {
  const roles = (Object.keys(ROLES) as User["role"][])
    .map((name) => ({
      id: ROLE_NUMBER[name],
      name,
      description: ROLES[name][0],
      default: name === "general",
      permission_scopes: [{ path: "/", permission: ROLES[name][1] }],
    }))
    .sort((a, b) => a.id - b.id);

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/role/list",
      summary: "The roles",
      access: "admin",
      input: pageInput,
      output: pageOf(roleSchema),
    },
    async ({ input }) => toPage(roles, input),
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/role/get",
      summary: "One role",
      access: "admin",
      input: z.object({ id: wireInt().pipe(z.int()) }),
      output: roleSchema,
    },
    async ({ input: { id } }) => {
      const found = roles.find((role) => role.id === id);
      if (!found) throw new ApiError(500, `there is no role ${id}: record not found`);
      return found;
    },
  );
}
