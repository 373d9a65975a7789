/** Routes whose answer is long: one JSON object per line, on the raw Node request, in memory that one batch bounds. */
import { setImmediate } from "node:timers/promises";
import type { z } from "@hono/zod-openapi";
import type { Rights } from "../auth/permissions.ts";
import type { User } from "../auth/users.ts";
import { readBody } from "../http/body.ts";
import { drained } from "../http/send.ts";
import type { Vfs } from "../vfs/api.ts";
import type { ApiApp, ApiDeps } from "./deps.ts";
import { parsed, parseJson } from "./input.ts";
import { loggedFailure, type RawCall, type RawHandler, rawHandler, readQuery } from "./raw.ts";

/** Longest request body, in bytes. */
const MAX_BODY = 1024 * 1024;

export interface StreamCall<I> {
  readonly input: I;
  readonly user: User;
  readonly rights: Rights;
  /** The filesystem as the caller may use it. */
  readonly vfs: Vfs;
  readonly signal: AbortSignal;
}

export interface StreamRoute<I> {
  /** GET has its input in the query, POST in a JSON body. */
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly summary: string;
  readonly input: z.ZodType<I>;
  /** What a line holds. The last line is `{"end":true}`, or `{"error":{"kind":…,"message":…}}` where the rest failed. */
  readonly row: z.ZodType;
  /** Batches of rows. What it throws before the first batch is answered with a status. */
  rows(call: StreamCall<I>): AsyncIterable<readonly object[]>;
}

/** Answers requests for a route; a reader that leaves stops the work. */
export function createStreamHandler<I>(
  route: StreamRoute<I>,
  deps: Pick<ApiDeps, "auth" | "vfs" | "log">,
): { readonly path: string; readonly methods: readonly string[]; readonly handle: RawHandler } {
  const handle = rawHandler(deps, {
    [route.method]: async (call) => {
      const { user, rights, vfs, signal } = call;
      const input = route.method === "GET" ? readQuery(call.request, route.input) : await readJson(call, route.input);
      await sendRows(route.rows({ input, user, rights, vfs, signal }), call, deps.log);
    },
  });
  return { path: route.path, methods: [route.method], handle };
}

/** Names the route in the documentation; it is dispatched before Hono. */
export function describeStream<I>(app: ApiApp, { method, path, summary, input, row }: StreamRoute<I>): void {
  const schema = input as unknown as z.ZodObject;
  app.openAPIRegistry.registerPath({
    method: method === "GET" ? "get" : "post",
    path,
    summary,
    security: [{ token: [] }],
    request:
      method === "GET" ? { query: schema } : { body: { required: true, content: { "application/json": { schema } } } },
    responses: {
      200: {
        description: 'one JSON object per line; the last is {"end":true}, or {"error":{…}} where the rest failed',
        content: { "application/x-ndjson": { schema: row } },
      },
      default: { description: "AList's envelope, with the status that it means" },
    },
  });
}

/** Answers with batches of rows. What is thrown before the first is thrown on. */
export async function sendRows(
  batches: AsyncIterable<readonly object[]>,
  { request, response, signal }: RawCall,
  log: ApiDeps["log"],
): Promise<void> {
  const begin = () => {
    if (!response.headersSent) response.writeHead(200, { "Content-Type": "application/x-ndjson; charset=utf-8" });
  };
  try {
    for await (const batch of batches) {
      signal.throwIfAborted();
      begin();
      response.write(batch.map((row) => `${JSON.stringify(row)}\n`).join(""));
      await drained(response);
      // What the tree knows comes without waiting: others have their turn in between.
      await setImmediate();
    }
  } catch (error) {
    if (!response.headersSent || signal.aborted) throw error;
    const { kind, message } = loggedFailure(error, request, log).envelope;
    response.end(`${JSON.stringify({ error: { kind, message } })}\n`);
    return;
  }
  signal.throwIfAborted();
  begin();
  response.end('{"end":true}\n');
}

async function readJson<I>({ request, response, signal }: RawCall, schema: z.ZodType<I>): Promise<I> {
  const body = await readBody(request, response, MAX_BODY, signal);
  return parsed(schema, parseJson(body.toString("utf8")));
}
