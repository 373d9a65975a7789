/** Tokens that people make for their programs. */
import { z } from "@hono/zod-openapi";
import { StorageError } from "#drivers/contract/errors.ts";
import { type ApiToken, TOKEN_SCOPES } from "../../auth/api-tokens.ts";
import type { Caller } from "../../auth/authenticator.ts";
import { demandAdmin } from "../../auth/permissions.ts";
import type { User } from "../../auth/users.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { wireBool, wireInt } from "../wire-fields.ts";

const tokenSchema = z
  .object({
    id: z.int(),
    user: z.string(),
    name: z.string(),
    scope: z.enum(TOKEN_SCOPES),
    /** What its holder sees as `/`, inside the user's base path. */
    path: z.string(),
    createdAt: z.number(),
    /** Absent: never. */
    expiresAt: z.number().optional(),
    lastUsedAt: z.number().optional(),
  })
  .openapi("ApiToken");

/** Adds `/api/pandav/tokens`. */
export function tokenRoutes(app: ApiApp, deps: ApiDeps): void {
  const { tokens, users } = deps.auth;

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/tokens",
      summary: "One's own tokens; of everybody for administrators who ask for them",
      access: "person",
      input: z.object({ all: wireBool(), user: z.string().optional() }),
      output: z.array(tokenSchema),
    },
    async ({ input, caller }) => {
      if (input.all) demandAdmin(caller.user);
      const owner = input.all ? undefined : await ownerOf(caller, input.user);
      return (await tokens.list(owner?.id)).map(shown);
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/tokens",
      summary: "Make a token; its text is in this answer and nowhere else",
      access: "person",
      source: "json",
      input: z.object({
        name: z.string(),
        scope: z.enum(TOKEN_SCOPES).default("read"),
        path: z.string().default("/"),
        /** Milliseconds since the epoch. */
        expiresAt: z.number().optional(),
        /** Another user's, for administrators. */
        user: z.string().optional(),
      }),
      output: tokenSchema.extend({ token: z.string() }),
    },
    async ({ input: { user, name, scope, path, expiresAt }, caller }) => {
      const owner = await ownerOf(caller, user);
      const made = await tokens.create(owner, { name, scope, path, ...(expiresAt !== undefined && { expiresAt }) });
      return { ...shown(made.info), token: made.token };
    },
  );

  declare(
    app,
    deps,
    {
      method: "delete",
      path: "/api/pandav/tokens/{id}",
      summary: "Revoke a token, at once and for good",
      access: "person",
      input: z.object({ id: wireInt().pipe(z.int()) }),
      output: z.null(),
    },
    async ({ input, caller: { user } }) => {
      await tokens.revoke(input.id, user.role === "admin" ? undefined : user.id);
      return null;
    },
  );

  /** The caller himself, as his account is; another only for administrators. */
  async function ownerOf({ user: caller }: Caller, name: string | undefined): Promise<User> {
    if (name !== undefined && name !== caller.name) demandAdmin(caller);
    const found = await users.find(name ?? caller.name);
    if (!found) throw new StorageError("not-found", `there is no user "${name}"`);
    if (found.role === "guest") throw new StorageError("invalid-config", "the guest has no tokens: he needs none");
    return found;
  }
}

function shown({ userName, userId: _, ...token }: ApiToken): z.input<typeof tokenSchema> {
  return { ...token, user: userName };
}
