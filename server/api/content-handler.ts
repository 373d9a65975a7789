/** `/api/pandav/fs/content`: a file's bytes by GET with ranges and conditions, and a new file by PUT. */
import { z } from "@hono/zod-openapi";
import { StorageError } from "#drivers/contract/errors.ts";
import { openBody } from "../http/body.ts";
import { evaluateConditions, isConditional, rangeApplies } from "../http/conditional.ts";
import { formatHttpDate } from "../http/http-date.ts";
import { contentRange, parseRange, unsatisfiedRange } from "../http/range.ts";
import { contentPolicyOf } from "../http/security-headers.ts";
import { sendStream } from "../http/send.ts";
import { onChangedAgain } from "../vfs/reading.ts";
import type { OpenFile, Resource } from "../vfs/resource.ts";
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
    await onChangedAgain(async () => send(call, await call.vfs.open(path, { signal: call.signal })));
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

async function send({ request, response, signal }: RawCall, file: OpenFile): Promise<void> {
  const { resource } = file;
  if (isConditional(request.headers)) {
    const outcome = evaluateConditions(request.headers, request.method ?? "", resource);
    if (outcome === "failed")
      throw new StorageError("precondition-failed", "the file is not the one that was asked for");
    if (outcome === "not-modified") return void response.writeHead(304, validatorsOf(resource) as never).end();
  }
  const size = resource.sizeIs === "about" ? undefined : resource.size;
  const headers = [
    "Content-Type",
    "application/octet-stream",
    "X-Content-Type-Options",
    "nosniff",
    "Content-Security-Policy",
    contentPolicyOf("application/octet-stream"),
    "Accept-Ranges",
    size === undefined ? "none" : "bytes",
    ...validatorsOf(resource),
  ];
  const range = rangeApplies(request.headers["if-range"] as string | undefined, resource)
    ? parseRange(request.headers.range, size ?? 0)
    : parseRange(undefined, 0);
  if (range.kind === "unsatisfiable") {
    const text = ["Content-Range", unsatisfiedRange(size ?? 0), "Content-Length", "0"];
    return void response.writeHead(416, [...validatorsOf(resource), ...text] as never).end();
  }
  const length = range.kind === "part" ? range.length : size;
  const status = range.kind === "part" ? 206 : 200;
  if (range.kind === "part") headers.push("Content-Range", contentRange(range.offset, range.length, size ?? 0));
  if (request.method === "HEAD") {
    if (length !== undefined) headers.push("Content-Length", String(length));
    return void response.writeHead(status, headers as never).end();
  }
  const body = await file.read(range.kind === "part" ? { offset: range.offset, length: range.length } : undefined);
  await sendStream(response, { status, headers, ...(length !== undefined && { length }) }, body, signal);
}

function validatorsOf({ etag, modifiedAt }: Resource): string[] {
  return [
    ...(etag === undefined ? [] : ["ETag", etag]),
    ...(modifiedAt === undefined ? [] : ["Last-Modified", formatHttpDate(modifiedAt)]),
  ];
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
