/** One way to make a route: what it takes and gives is declared, checked and shown in `/api/openapi.json`. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { AuthError } from "../auth/auth-error.ts";
import type { Caller } from "../auth/authenticator.ts";
import { demandAdmin, type Rights } from "../auth/permissions.ts";
import { addressOf } from "../http/client.ts";
import type { Vfs } from "../vfs/api.ts";
import { withOwnLocks } from "../vfs/locks/own-locks.ts";
import { permitted } from "../vfs/permitted.ts";
import { auditFormOf, subjectOf } from "./audited.ts";
import type { ApiApp, ApiDeps, ApiEnv } from "./deps.ts";
import { ApiError, success, toResponse } from "./envelope.ts";
import { parsed, parseJson, withoutNulls } from "./input.ts";
import { folderPasswordIn } from "./user-path.ts";

/** Who may call: `open` anybody, without being asked who; `guest` anybody, the guest included unless disabled; `user` everybody but the guest, with any token; `person` who has an account of his own, but no token of less than its rights; `admin`. */
export type Access = "open" | "guest" | "user" | "person" | "admin";

export interface Declaration<I extends z.ZodType, O extends z.ZodType, A extends Access> {
  /** `any`: GET with a query or POST with a body (alist-api.md §6). */
  readonly method: "get" | "post" | "delete" | "any";
  /** What stands in braces, as in `/accounts/{id}`, is a text field of the input. */
  readonly path: string;
  readonly summary: string;
  readonly access: A;
  readonly input: I;
  /** `data` of the envelope. */
  readonly output: O;
  /** Where a POST has its input; `query` for AList's `?id=` routes, `json` where AList reads nothing else (login). Default: by content type. */
  readonly source?: "query" | "json";
  /** The input's `password` is for the folder that is asked about (alist-api.md §6). Everywhere the header `Password` is (alist-api.md §7.1). */
  readonly takesFolderPassword?: true;
  /** What a guest is told; with `person`. */
  readonly guestMessage?: string;
}

export interface Call<I, A extends Access> {
  readonly input: I;
  readonly caller: A extends "open" ? undefined : Caller;
  /** What the caller may do, and the filesystem as he may use it: routes touch no other. */
  readonly rights: A extends "open" ? undefined : Rights;
  readonly vfs: A extends "open" ? undefined : Vfs;
  readonly signal: AbortSignal;
  readonly c: Context<ApiEnv>;
}

/** Fails a call without changing anything else about the envelope. */
export type Handler<I, O, A extends Access> = (call: Call<I, A>) => Promise<O | Response>;

/** Adds the route. The handler returns the envelope's `data`, or a whole response; what it throws is answered by the app's error handler. */
export function declare<I extends z.ZodType, O extends z.ZodType, A extends Access>(
  app: ApiApp,
  { auth, vfs }: ApiDeps,
  route: Declaration<I, O, A>,
  handler: Handler<z.output<I>, z.input<O>, A>,
): void {
  const methods = route.method === "any" ? (["get", "post"] as const) : ([route.method] as const);
  for (const method of methods) describe(app, route, method);
  const path = route.path.replace(/\{(\w+)\}/g, ":$1");
  app.on([...methods.map((method) => method.toUpperCase())], path, async (c) => {
    const caller = route.access === "open" ? undefined : await callerOf(c, { auth });
    if (caller) demandAccess(route, caller);
    // Who asks for nothing need send nothing.
    const sent = takesNothing(route.input) ? {} : await readInput(c, route.source);
    const input = parsed(route.input, withPathFields(sent, c.req.param()));
    const rights = caller && auth.permissions.of(caller.user, { front: "api", ...folderPasswordOf(c, route, input) });
    const call = {
      input,
      caller,
      rights,
      vfs: rights && withOwnLocks(permitted(vfs, rights), rights.user.id),
      signal: c.req.raw.signal,
      c,
    };
    const result = await handler(call as Call<z.output<I>, A>);
    const form = auditFormOf(c.req.method, route.path);
    if (form && caller) {
      const subject = subjectOf(form, input);
      auth.audit.record({ action: form.action, ok: true, user: caller.user.name, address: clientAddress(c), subject });
    }
    return result instanceof Response ? result : toResponse(success(result));
  });
}

/** Who sends a request. Throws AuthError 401. */
async function callerOf(c: Context<ApiEnv>, { auth }: Pick<ApiDeps, "auth">): Promise<Caller> {
  if (c.env?.owner) return auth.authenticator.owner();
  return auth.authenticator.token(c.req.header("Authorization"));
}

function demandAccess(
  route: Pick<Declaration<z.ZodType, z.ZodType, Access>, "access" | "guestMessage">,
  caller: Caller,
): void {
  if (route.access === "admin") demandAdmin(caller.user);
  if (route.access !== "person" && route.access !== "user") return;
  if (caller.user.role === "guest") throw new AuthError(403, route.guestMessage ?? "You are a guest");
  if (route.access === "user") return;
  if (caller.scope && caller.scope !== "admin") {
    throw new AuthError(403, "a token of this scope does not change accounts: log in");
  }
}

/** What the caller says for folders with a password, and where he says it from. */
function folderPasswordOf(
  c: Context<ApiEnv>,
  route: Pick<Declaration<z.ZodType, z.ZodType, Access>, "takesFolderPassword">,
  input: unknown,
): { folderPassword?: string; address: string } {
  const inBody = route.takesFolderPassword ? (input as { password?: string }).password : undefined;
  const folderPassword = inBody || folderPasswordIn(c.req.header("Password"));
  return { address: clientAddress(c), ...(folderPassword && { folderPassword }) };
}

/** The client's address, for counting wrong passwords. */
export function clientAddress(c: Context<ApiEnv>): string {
  return c.env?.incoming ? addressOf(c.env.incoming) : "";
}

/** What a body is called that is an array, beside what stands in the path (alist-api.md §13). */
const LIST = "list";

/** What the path says wins over a field of that name. */
function withPathFields(input: unknown, fields: Readonly<Record<string, string>>): unknown {
  if (Object.keys(fields).length === 0 || typeof input !== "object" || input === null) return input;
  if (Array.isArray(input)) return { ...fields, [LIST]: input };
  return { ...input, ...fields };
}

function takesNothing(input: z.ZodType): boolean {
  return input instanceof z.ZodObject && Object.keys(input.shape).length === 0;
}

/** What a request brings, wherever it has it. Throws ApiError 400. */
export async function readInput(c: Context<ApiEnv>, source: "query" | "json" | undefined): Promise<unknown> {
  if (c.req.method === "GET" || c.req.method === "DELETE" || source === "query") return c.req.query();
  const type = c.req.header("Content-Type") ?? "";
  if (source !== "json" && /^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(type)) {
    return c.req.parseBody();
  }
  const text = await c.req.text();
  if (text.trim() === "") throw new ApiError(400, "the request body is empty (EOF)");
  const value = parseJson(text);
  return c.req.path.startsWith("/api/pandav/") ? value : withoutNulls(value);
}

function describe<I extends z.ZodType, O extends z.ZodType, A extends Access>(
  app: ApiApp,
  route: Declaration<I, O, A>,
  method: "get" | "post" | "delete",
): void {
  const inQuery = method !== "post" || route.source === "query";
  const { shape = {} } = route.input as unknown as Partial<z.ZodObject>;
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  const pick = (isWanted: (name: string) => boolean) =>
    z.object(Object.fromEntries(Object.entries(shape).filter(([name]) => isWanted(name))) as z.ZodRawShape);
  const params = pick((name) => inPath.includes(name));
  const schema = inPath.length === 0 ? (route.input as unknown as z.ZodObject) : pick((name) => !inPath.includes(name));
  const hasInput = !takesNothing(schema);
  const body = (shape[LIST] as z.ZodType | undefined) ?? schema;
  app.openAPIRegistry.registerPath({
    method,
    path: route.path,
    summary: route.summary,
    ...(route.access !== "open" && { security: [{ token: [] }] }),
    request: {
      ...(inPath.length > 0 && { params }),
      ...(hasInput && inQuery && { query: schema }),
      ...(hasInput && !inQuery && { body: { required: true, content: { "application/json": { schema: body } } } }),
    },
    responses: {
      200: {
        description: "AList's envelope: `code` 200 with data, or another code with a message",
        content: {
          "application/json": {
            schema: z.object({ code: z.int(), message: z.string(), data: z.union([route.output, z.null()]) }),
          },
        },
      },
    },
  });
}
