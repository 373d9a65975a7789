/** GET and HEAD (RFC 9110 §9.3.1, §9.3.2). */
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import { endReply } from "#server/http/body.ts";
import { addressOf } from "#server/http/client.ts";
import { evaluateConditions, isConditional, rangeApplies } from "#server/http/conditional.ts";
import { contentTypeOf } from "#server/http/content-type.ts";
import { formatHttpDate } from "#server/http/http-date.ts";
import { contentRange, parseRange, unsatisfiedRange } from "#server/http/range.ts";
import { redirectCacheControl } from "#server/http/redirect.ts";
import { contentPolicyOf } from "#server/http/security-headers.ts";
import { sendStream } from "#server/http/send.ts";
import { onChangedAgain } from "#server/vfs/reading.ts";
import type { OpenFile, Resource } from "#server/vfs/resource.ts";
import { sendIndex } from "../directory-index.ts";
import type { DavContext, DavMethod } from "../frame.ts";
import { sendEmpty } from "../reply.ts";

/** A file whole or in one range, redirected or through us; an index page for a directory. HEAD is answered from what is known. */
export function getMethod(): DavMethod {
  return {
    action: "webdav-read",
    statuses: { "not-a-directory": 404 },
    async handle(context) {
      if (context.request.method === "HEAD") return await head(context);
      try {
        await onChangedAgain(() => file(context));
      } catch (error) {
        if (kindOf(error) !== "is-a-directory" || context.response.headersSent) throw error;
        await sendIndex(context);
      }
    },
  };
}

async function head(context: DavContext): Promise<void> {
  const { vfs, path, signal, response } = context;
  const resource = await vfs.stat(path, { signal });
  if (resource.kind === "directory") return sendEmpty(response, 200, ["Content-Type", "text/html; charset=utf-8"]);
  if (answered(context, resource)) return;
  const length = exactSize(resource);
  response.writeHead(200, [
    ...headersOf(resource),
    ...(length === undefined ? [] : ["Content-Length", String(length)]),
  ] as never);
  response.end();
}

async function file(context: DavContext): Promise<void> {
  const { vfs, path, signal, request } = context;
  // Conditions are answered before a link is made, which may cost an upstream call.
  if (isConditional(request.headers) && answered(context, await vfs.stat(path, { signal }))) return;
  const userAgent = request.headers["user-agent"];
  const client = { address: addressOf(request), ...(userAgent !== undefined && { userAgent }) };
  const delivery = await vfs.deliver(path, { signal, client, method: "GET" });
  if (delivery.kind === "redirect") {
    const cacheControl = redirectCacheControl(userAgent, delivery.expiresAt);
    return sendEmpty(context.response, 302, ["Location", delivery.url, "Cache-Control", cacheControl]);
  }
  await send(context, delivery);
}

async function send(context: DavContext, { resource, read }: OpenFile): Promise<void> {
  const { request, response, signal } = context;
  // The file may have changed since the first look.
  if (answered(context, resource)) return;
  const size = exactSize(resource);
  const headers = headersOf(resource);
  if (size === undefined) return await sendStream(response, { status: 200, headers }, await read(), signal);
  const range = rangeApplies(request.headers["if-range"] as string | undefined, resource)
    ? parseRange(request.headers.range, size)
    : parseRange(undefined, size);
  if (range.kind === "unsatisfiable") {
    return endReply(request, response, 416, ["Content-Range", unsatisfiedRange(size), ...headers.slice(2)]);
  }
  if (range.kind === "whole") {
    return await sendStream(response, { status: 200, headers, length: size }, await read(), signal);
  }
  const { offset, length } = range;
  headers.push("Content-Range", contentRange(offset, length, size));
  await sendStream(response, { status: 206, headers, length }, await read({ offset, length }), signal);
}

/** True when the request's conditions settle it: 304 sent, or `precondition-failed` thrown. */
function answered({ request, response }: DavContext, resource: Resource): boolean {
  if (resource.kind === "directory") return false;
  const outcome = evaluateConditions(request.headers, request.method ?? "", resource);
  if (outcome === "failed") throw new StorageError("precondition-failed", "the file is not the one that was asked for");
  if (outcome === "proceed") return false;
  sendEmpty(response, 304, validatorsOf(resource));
  return true;
}

/** Content-Type comes first: 416 leaves it out. */
function headersOf(resource: Resource): string[] {
  const type = contentTypeOf(resource.name);
  const headers = ["Content-Type", type, ...validatorsOf(resource)];
  headers.push("Accept-Ranges", exactSize(resource) === undefined ? "none" : "bytes");
  headers.push("X-Content-Type-Options", "nosniff", "Content-Security-Policy", contentPolicyOf(type));
  return headers;
}

function validatorsOf({ etag, modifiedAt }: Resource): string[] {
  const headers: string[] = [];
  if (etag !== undefined) headers.push("ETag", etag);
  if (modifiedAt !== undefined) headers.push("Last-Modified", formatHttpDate(modifiedAt));
  return headers;
}

function exactSize({ size, sizeIs }: Resource): number | undefined {
  return sizeIs === "about" ? undefined : size;
}
