/** `/api/pandav/fs/content`: a file's bytes by GET with ranges and conditions, and a new file by PUT. */
import { z } from "@hono/zod-openapi";
import { openBody } from "../http/body.ts";
import { sendFile } from "../http/send-file.ts";
import { onChangedAgain } from "../vfs/reading.ts";
import type { ApiApp, ApiDeps } from "./deps.ts";
import { ApiError, JSON_TYPE, success } from "./envelope.ts";
import { type RawCall, type RawHandler, rawHandler, readQuery } from "./raw.ts";
import { conflictSchema, storedSchema, toStored } from "./stored.ts";
import { userPath } from "./user-path.ts";

/** Where the raw handler listens. */
export const CONTENT_PATH = "/api/pandav/fs/content";

const readInput = z.object({ path: z.string().min(1) });
const writeInput = readInput.extend({
  conflict: conflictSchema,
  /** Milliseconds since the epoch. */
  modifiedAt: z.coerce.number().optional(),
});

/** Answers GET and HEAD with the bytes (`Range`, `If-Match`, … as RFC 9110 has them), PUT with what was stored once it is verified. Never rejects. */
export function createContentHandler(deps: Pick<ApiDeps, "vfs" | "auth" | "log">): RawHandler {
  async function read(call: RawCall): Promise<void> {
    const path = userPath(call.user, readQuery(call.request, readInput).path);
    const { request, response, vfs, signal } = call;
    // No browser is meant to show it, whatever its name says.
    const type = "application/octet-stream";
    await onChangedAgain(async () => sendFile(request, response, await vfs.open(path, { signal }), { signal, type }));
  }

  async function write({ request, response, user, rights, vfs, signal }: RawCall): Promise<void> {
    const input = readQuery(request, writeInput);
    const path = userPath(user, input.path);
    // Before the body is asked for.
    rights.demandVerb("write", path);
    if (request.headers["content-range"] !== undefined) throw new ApiError(501, "a part of a file cannot be stored");
    const size = request.headers["content-length"];
    const stored = await vfs.write(
      path,
      {
        stream: openBody(request, response),
        ...(size !== undefined && { size: Number(size) }),
        ...(input.modifiedAt !== undefined && { modifiedAt: input.modifiedAt }),
      },
      { signal, conflict: input.conflict },
    );
    const body = JSON.stringify(success(toStored(user, stored)));
    response.writeHead(200, { "Content-Type": JSON_TYPE, "Content-Length": Buffer.byteLength(body) }).end(body);
  }

  return rawHandler(deps, { GET: read, HEAD: read, PUT: write });
}

/** Names the routes in the documentation; they are dispatched before Hono. */
export function describeContent(app: ApiApp): void {
  const failure = { description: "AList's envelope, with the status that it means" };
  const bytes = { "application/octet-stream": { schema: z.string() } };
  app.openAPIRegistry.registerPath({
    method: "get",
    path: CONTENT_PATH,
    summary: "The bytes of a file, or of a range of it",
    security: [{ token: [] }],
    request: { query: readInput },
    responses: {
      200: { description: "the bytes", content: bytes },
      206: { description: "the bytes of the range", content: bytes },
      default: failure,
    },
  });
  app.openAPIRegistry.registerPath({
    method: "put",
    path: CONTENT_PATH,
    summary: "Store a file; answered when it is stored and verified",
    security: [{ token: [] }],
    request: { query: writeInput, body: { content: bytes } },
    responses: {
      200: {
        description: "the file as it was stored",
        content: {
          "application/json": { schema: z.object({ code: z.int(), message: z.string(), data: storedSchema }) },
        },
      },
      default: failure,
    },
  });
}
