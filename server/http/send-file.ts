/** A file as every front sends it: conditions, one range or all of it, and headers that let no browser run it (RFC 9110 §13, §14). */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange } from "#drivers/contract/mount.ts";
import { endReply } from "./body.ts";
import { evaluateConditions, isConditional, rangeApplies } from "./conditional.ts";
import { contentTypeOf } from "./content-type.ts";
import { formatHttpDate } from "./http-date.ts";
import { contentRange, parseRange, unsatisfiedRange } from "./range.ts";
import { contentPolicyOf } from "./security-headers.ts";
import { sendStream } from "./send.ts";

/** What is known of a file. */
export interface FileFacts {
  readonly name: string;
  readonly kind: "file" | "directory";
  readonly size?: number | undefined;
  /** `about`: no range and no length may be derived from `size`. */
  readonly sizeIs?: "exact" | "about" | undefined;
  /** Milliseconds since the epoch. */
  readonly modifiedAt?: number | undefined;
  readonly etag?: string | undefined;
}

/** A file ready to be read. */
export interface FileToSend {
  readonly resource: FileFacts;
  read(range?: ByteRange): Promise<Readable>;
}

export interface SendFileOptions {
  readonly signal: AbortSignal;
  /** Headers beside the file's own, name and value in turn. */
  readonly headers?: readonly string[];
  /** In place of the media type that the name says. */
  readonly type?: string;
}

/**
 * Answers GET and HEAD of a file. Throws `precondition-failed`, and what reading throws before the headers are out; after that a failure
 * destroys the connection and is thrown.
 */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  { resource, read }: FileToSend,
  o: SendFileOptions,
): Promise<void> {
  const more = o.headers ?? [];
  // The file may have changed since somebody first looked.
  if (isAnsweredByCondition(request, response, resource, more)) return;
  const size = exactSizeOf(resource);
  const headers = [...fileHeaders(resource, o.type), ...more];
  if (request.method === "HEAD") {
    if (size !== undefined) headers.push("Content-Length", String(size));
    return void response.writeHead(200, headers as never).end();
  }
  if (size === undefined) return await sendStream(response, { status: 200, headers }, await read(), o.signal);
  const range = rangeApplies(request.headers["if-range"] as string | undefined, resource)
    ? parseRange(request.headers.range, size)
    : parseRange(undefined, size);
  if (range.kind === "unsatisfiable") {
    return endReply(request, response, 416, ["Content-Range", unsatisfiedRange(size), ...headers.slice(2)]);
  }
  if (range.kind === "whole") {
    return await sendStream(response, { status: 200, headers, length: size }, await read(), o.signal);
  }
  const { offset, length } = range;
  headers.push("Content-Range", contentRange(offset, length, size));
  await sendStream(response, { status: 206, headers, length }, await read({ offset, length }), o.signal);
}

/** True when the request's conditions settle it: 304 sent, or `precondition-failed` thrown. */
export function isAnsweredByCondition(
  request: IncomingMessage,
  response: ServerResponse,
  resource: FileFacts,
  headers: readonly string[] = [],
): boolean {
  if (resource.kind === "directory" || !isConditional(request.headers)) return false;
  const outcome = evaluateConditions(request.headers, request.method ?? "", resource);
  if (outcome === "failed") throw new StorageError("precondition-failed", "the file is not the one that was asked for");
  if (outcome === "proceed") return false;
  response.writeHead(304, [...validatorsOf(resource), ...headers] as never).end();
  return true;
}

/** The headers of a file's bytes. Content-Type comes first: 416 leaves it out. */
export function fileHeaders(resource: FileFacts, type = contentTypeOf(resource.name)): string[] {
  const headers = ["Content-Type", type, ...validatorsOf(resource)];
  headers.push("Accept-Ranges", exactSizeOf(resource) === undefined ? "none" : "bytes");
  headers.push("X-Content-Type-Options", "nosniff", "Content-Security-Policy", contentPolicyOf(type));
  return headers;
}

/** Bytes; undefined where they are not known exactly. */
export function exactSizeOf({ size, sizeIs }: FileFacts): number | undefined {
  return sizeIs === "about" ? undefined : size;
}

function validatorsOf({ etag, modifiedAt }: FileFacts): string[] {
  const headers: string[] = [];
  if (etag !== undefined) headers.push("ETag", etag);
  if (modifiedAt !== undefined) headers.push("Last-Modified", formatHttpDate(modifiedAt));
  return headers;
}
