/** `GET /api/pandav/fs/read`: a file's bytes for the command line, on the raw Node request, since bytes never pass through Hono. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "@hono/zod-openapi";
import { StorageError } from "#drivers/contract/errors.ts";
import { demand } from "../auth/permissions.ts";
import { contentTypeOf, isActiveContent } from "../http/content-type.ts";
import { isAbort } from "../http/errors.ts";
import { closeSignal, sendStream } from "../http/send.ts";
import { onChangedAgain } from "../vfs/reading.ts";
import type { ApiApp, ApiDeps } from "./deps.ts";
import { ApiError, JSON_TYPE } from "./envelope.ts";
import { toFailure } from "./failures.ts";
import { userPath } from "./user-path.ts";

/** Where the raw handler listens. */
export const READ_PATH = "/api/pandav/fs/read";

const query = z.object({
  path: z.string().min(1),
  offset: z.coerce.number().int().min(0).default(0),
  length: z.coerce.number().int().min(0).optional(),
});

export type RawHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  o: { readonly owner: boolean },
) => Promise<void>;

/**
 * Answers `?path=&offset=&length=` with the bytes, status 200; without `length` to the end. Refusals have a real status and AList's envelope.
 * Never rejects: a body that breaks off destroys the connection.
 */
export function createReadHandler({ vfs, auth, log }: Pick<ApiDeps, "vfs" | "auth" | "log">): RawHandler {
  return async (request, response, { owner }) => {
    const signal = closeSignal(response);
    try {
      if (request.method !== "GET" && request.method !== "HEAD")
        throw new ApiError(405, "only GET and HEAD are answered here");
      const { authenticator } = auth;
      const { user } = owner ? await authenticator.owner() : await authenticator.token(request.headers.authorization);
      const asked = readQuery(request.url ?? "");
      const path = userPath(user, asked.path);
      demand(user, "read", path);
      await onChangedAgain(() => send(path, asked, request.method === "HEAD", response, signal));
    } catch (error) {
      refuse(error, response);
    }
  };

  async function send(
    path: string,
    asked: z.output<typeof query>,
    headOnly: boolean,
    response: ServerResponse,
    signal: AbortSignal,
  ) {
    const file = await vfs.open(path, { signal });
    const { size, sizeIs } = file.resource;
    const known = size !== undefined && sizeIs !== "about";
    if (known && asked.offset > size) throw new StorageError("range-not-satisfiable", `${path} has only ${size} bytes`);
    const rest = known ? size - asked.offset : undefined;
    const length = rest === undefined ? asked.length : Math.min(rest, asked.length ?? rest);
    const type = contentTypeOf(file.resource.name);
    const headers = [
      "Content-Type",
      isActiveContent(type) ? "text/plain; charset=utf-8" : type,
      "X-Content-Type-Options",
      "nosniff",
    ];
    if (headOnly || length === 0) {
      response.writeHead(200, [...headers, ...(known ? ["Content-Length", String(length)] : [])] as never).end();
      return;
    }
    const whole = asked.offset === 0 && asked.length === undefined;
    const body = await file.read(whole ? undefined : { offset: asked.offset, ...(length !== undefined && { length }) });
    await sendStream(
      response,
      { status: 200, headers, ...(known && length !== undefined && { length }) },
      body,
      signal,
    );
  }

  function refuse(error: unknown, response: ServerResponse): void {
    const { envelope, status, retryAfter, level } = toFailure(error, { phrases: false });
    if (level === "error" || (level === "warn" && !isAbort(error))) log.warn({ err: error }, "a read failed");
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const data = envelope.kind ? { kind: envelope.kind } : null;
    const headers = {
      "Content-Type": JSON_TYPE,
      ...(retryAfter !== undefined && { "Retry-After": String(retryAfter) }),
    };
    response.writeHead(status, headers).end(JSON.stringify({ ...envelope, data }));
  }
}

/** Names the route in the documentation; it is dispatched before Hono. */
export function describeRead(app: ApiApp): void {
  app.openAPIRegistry.registerPath({
    method: "get",
    path: READ_PATH,
    summary: "The bytes of a file, or of a part of it",
    security: [{ token: [] }],
    request: { query },
    responses: {
      200: { description: "the bytes", content: { "application/octet-stream": { schema: z.string() } } },
      default: { description: "AList's envelope, with the status that it means" },
    },
  });
}

function readQuery(url: string): z.output<typeof query> {
  const { searchParams } = new URL(url, "http://localhost");
  const parsed = query.safeParse(Object.fromEntries(searchParams));
  if (parsed.success) return parsed.data;
  throw new ApiError(400, z.prettifyError(parsed.error).replaceAll("\n", " "));
}
