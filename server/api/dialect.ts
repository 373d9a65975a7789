/** AList's two forms of a role, decided per request (alist-api.md §1). */
import type { IncomingMessage } from "node:http";
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { User } from "../auth/users.ts";
import type { Settings } from "../store/settings.ts";

/** `classic`: a role is a number and listings come whole; `roles`: it is an array, and listings come in pages of at most 500. */
export type Dialect = "classic" | "roles";

/** AList's role numbers (alist-api.md §1). */
export const ROLE_NUMBER: Readonly<Record<User["role"], number>> = { general: 0, guest: 1, admin: 2 };

/** The dialect of a request: the setting `api_dialect`, else by its `Client-Id`, which only newer front ends send. */
export function dialectOf(c: Context, settings: Settings): Dialect {
  return dialectFor(settings, c.req.header("Client-Id") !== undefined || c.req.query("client_id") !== undefined);
}

/** The same, of a raw request. */
export function dialectOfRequest({ headers }: Pick<IncomingMessage, "headers">, settings: Settings): Dialect {
  return dialectFor(settings, headers["client-id"] !== undefined);
}

function dialectFor(settings: Settings, isNewer: boolean): Dialect {
  const setting = settings.get("api_dialect");
  if (setting !== "auto") return setting;
  return isNewer ? "roles" : "classic";
}

/** A user's role on the wire. */
export function roleOf(user: User, dialect: Dialect): number | number[] {
  return dialect === "roles" ? [ROLE_NUMBER[user.role]] : ROLE_NUMBER[user.role];
}

/** A role as either dialect sends it: a number, or an array of them (alist-api.md §1). */
export const wireRole = z.union([z.int(), z.array(z.int()), z.null()]);

/** The role that a client means; undefined where it names none, or several. Roles of AList 3.46 that we do not have are general ones. */
export function roleMeant(value: z.output<typeof wireRole> | undefined): User["role"] | undefined {
  const [number, ...more] = Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
  if (number === undefined || more.length > 0) return undefined;
  return number === ROLE_NUMBER.guest ? "guest" : number === ROLE_NUMBER.admin ? "admin" : "general";
}
