/** Administering users (alist-api.md §12.4). */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { StorageError } from "#drivers/contract/errors.ts";
import type { User } from "../../auth/users.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { dialectOf, roleMeant, roleOf, wireRole } from "../dialect.ts";
import { ApiError } from "../envelope.ts";
import { pageInput, pageOf, toPage } from "../page.ts";
import { wireBool, wireInt } from "../wire-fields.ts";

const userSchema = z
  .object({
    id: z.int(),
    username: z.string(),
    password: z.string(),
    base_path: z.string(),
    role: z.union([z.int(), z.array(z.int())]),
    disabled: z.boolean(),
    permission: z.int(),
    sso_id: z.string(),
    /** Ours: whether a login asks for a code. */
    otp: z.boolean(),
    allow_ldap: z.boolean(),
  })
  .openapi("User");

/** Keys that we do not know are let pass: AList's form sends more than it needs. */
const userInput = z.object({
  username: z.string().min(1),
  password: z.string().default(""),
  base_path: z.string().default("/"),
  role: wireRole.optional(),
  disabled: wireBool(),
  permission: z.int().default(0),
});

const byId = z.object({ id: wireInt().pipe(z.int()) });

/** Adds `/api/admin/user/*`. */
export function userRoutes(app: ApiApp, deps: ApiDeps): void {
  const { users } = deps.auth;

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/user/list",
      summary: "The users of this server",
      access: "admin",
      input: pageInput,
      output: pageOf(userSchema),
    },
    async ({ input, c }) =>
      toPage(
        (await users.list()).map((user) => shown(user, c)),
        input,
      ),
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/user/get",
      summary: "One user",
      access: "admin",
      input: byId,
      output: userSchema,
    },
    async ({ input, c }) => shown(await required(input.id), c),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/user/create",
      summary: "Make a user",
      access: "admin",
      source: "json",
      input: userInput,
      output: z.null(),
    },
    async ({ input }) => {
      const role = roleMeant(input.role) ?? "general";
      if (role !== "general") throw new ApiError(400, "admin or guest user can not be created");
      await users.create(fromWire(input), input.password);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/user/update",
      summary: "Change a user; an empty password stays as it is, a new one ends his sessions",
      access: "admin",
      source: "json",
      input: userInput.extend({ id: z.int() }),
      output: z.null(),
    },
    async ({ input }) => {
      const old = await required(input.id);
      const role = input.role === undefined ? old.role : roleMeant(input.role);
      if (role !== old.role) throw new ApiError(403, `cannot change role of ${old.role} user`);
      const isNewPassword = input.password !== "" && old.role !== "guest";
      await users.update(input.id, fromWire(input), isNewPassword ? input.password : undefined);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/user/delete",
      summary: "Remove a user with his sessions and tokens",
      access: "admin",
      source: "query",
      input: byId,
      output: z.null(),
    },
    async ({ input }) => {
      await users.remove(input.id);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/user/cancel_2fa",
      summary: "Ask no code of a user any more",
      access: "admin",
      source: "query",
      input: byId,
      output: z.null(),
    },
    async ({ input }) => {
      await users.setTotp(input.id, undefined);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/user/del_cache",
      summary: "Nothing is kept of a user that could be old: a success for each who is there",
      access: "admin",
      source: "query",
      input: z.object({ username: z.string().min(1) }),
      output: z.null(),
    },
    async ({ input: { username } }) => {
      if (await users.find(username)) return null;
      throw new StorageError("not-found", `there is no user "${username}"`);
    },
  );

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
      await users.setPassword(input.name, input.password);
      return null;
    },
  );

  async function required(id: number): Promise<User> {
    const found = await users.get(id);
    if (!found) throw new StorageError("not-found", `there is no user with the id ${id}`);
    return found;
  }

  function shown(user: User, c: Context): z.input<typeof userSchema> {
    return {
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
    };
  }
}

function fromWire({ username, base_path, permission, disabled }: z.output<typeof userInput>) {
  return { name: username, basePath: base_path, permission, disabled };
}
