/** Routes whose answer is long: one JSON object per line, on the raw Node request, in memory that one batch bounds. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import type { z } from "@hono/zod-openapi";
import type { User } from "../auth/users.ts";
import { drained } from "../http/send.ts";
import type { ApiApp, ApiDeps } from "./deps.ts";
import { ApiError } from "./envelope.ts";
import { toFailure } from "./failures.ts";
import { parsed, type RawHandler, rawHandler } from "./raw.ts";

/** Longest request body, in bytes. */
const MAX_BODY = 1024 * 1024;

export interface StreamCall<I> {
  readonly input: I;
  readonly user: User;
  readonly signal: AbortSignal;
}

export interface StreamRoute<I = never> {
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

/** A failure as rows and last lines tell it. */
export function failureRow(error: unknown): { readonly kind?: string; readonly message: string } {
  const { message, kind } = toFailure(error, { phrases: false }).envelope;
  return { ...(kind && { kind }), message };
}

/** Answers requests for a route; a reader that leaves stops the work. */
export function createStreamHandler<I>(
  route: StreamRoute<I>,
  deps: Pick<ApiDeps, "auth" | "log">,
): { readonly path: string; readonly handle: RawHandler } {
  const handle = rawHandler(deps, {
    [route.method]: async ({ request, response, user, signal }) => {
      const input = parsed(route.input, await readInput(request));
      await send(route.rows({ input, user, signal }), response, signal);
    },
  });
  return { path: route.path, handle };
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

async function send(
  batches: AsyncIterable<readonly object[]>,
  response: ServerResponse,
  signal: AbortSignal,
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
    response.end(`${JSON.stringify({ error: failureRow(error) })}\n`);
    return;
  }
  signal.throwIfAborted();
  begin();
  response.end('{"end":true}\n');
}

async function readInput(request: IncomingMessage): Promise<unknown> {
  if (request.method === "GET") {
    return Object.fromEntries(new URL(request.url ?? "", "http://localhost").searchParams);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new ApiError(413, `the request body is longer than ${MAX_BODY} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new ApiError(400, "the request body is not JSON");
  }
}
