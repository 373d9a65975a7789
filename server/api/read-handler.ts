/** `GET /api/pandav/fs/read`: a file's bytes for the command line, on the raw Node request, since bytes never pass through Hono. */
import { z } from "@hono/zod-openapi";
import { StorageError } from "#drivers/contract/errors.ts";
import { contentTypeOf, isActiveContent } from "../http/content-type.ts";
import { contentPolicyOf } from "../http/security-headers.ts";
import { sendStream } from "../http/send.ts";
import { onChangedAgain } from "../vfs/reading.ts";
import type { ApiApp, ApiDeps } from "./deps.ts";
import { type RawCall, type RawHandler, rawHandler, readQuery } from "./raw.ts";
import { userPath } from "./user-path.ts";

/** Where the raw handler listens. */
export const READ_PATH = "/api/pandav/fs/read";

const query = z.object({
  path: z.string().min(1),
  offset: z.coerce.number().int().min(0).default(0),
  length: z.coerce.number().int().min(0).optional(),
});

/**
 * Answers `?path=&offset=&length=` with the bytes, status 200; without `length` to the end. Refusals have a real status and AList's envelope.
 * Never rejects: a body that breaks off destroys the connection.
 */
export function createReadHandler(deps: Pick<ApiDeps, "vfs" | "auth" | "log">): RawHandler {
  async function read(call: RawCall): Promise<void> {
    const asked = readQuery(call.request, query);
    const path = userPath(call.user, asked.path);
    await onChangedAgain(() => send(path, asked, call));
  }

  async function send(path: string, asked: z.output<typeof query>, { request, response, vfs, signal }: RawCall) {
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
      "Content-Security-Policy",
      contentPolicyOf(type),
    ];
    if (request.method === "HEAD" || length === 0) {
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

  return rawHandler(deps, { GET: read, HEAD: read });
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
