/** Replies without content, and errors: a small `D:error` whose message file clients show (rclone and ownCloud's read `s:message`). */
import type { IncomingMessage, ServerResponse } from "node:http";
import { AuthError } from "#server/auth/auth-error.ts";
import { endReply } from "#server/http/body.ts";
import { type ErrorReply, errorReply, HttpError } from "#server/http/errors.ts";
import type { DavMethod } from "./frame.ts";
import { ConditionError } from "./lock-refusals.ts";
import { escapeXml } from "./xml.ts";

/** What the front speaks. */
export const ALLOW = "OPTIONS, PROPFIND, PROPPATCH, GET, HEAD, PUT, DELETE, MKCOL, COPY, MOVE, LOCK, UNLOCK";
/** Compliance classes (RFC 4918 §18). */
export const DAV_CLASSES = "1, 2, 3";

/** Where the front's failures are written. */
export interface DavLog {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Sends a status without content. */
export function sendEmpty(response: ServerResponse, status: number, headers: readonly string[] = []): void {
  if (response.destroyed) return;
  const length = status === 204 || status === 304 ? [] : ["Content-Length", "0"];
  response.writeHead(status, [...headers, ...length] as never);
  response.end();
}

/** Answers what a method threw, or cuts the connection when its reply had begun. */
export function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  { method, realm, log }: { method?: DavMethod | undefined; realm: string; log: DavLog },
): void {
  const reply = error instanceof AuthError ? authReply(error) : errorReply(error);
  const status = (reply.kind && method?.statuses[reply.kind]) ?? reply.status;
  log[reply.level]({ status, kind: reply.kind, ...(reply.level !== "debug" && { err: error }) }, reply.message);
  if (response.destroyed) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const headers = ["Content-Type", "application/xml; charset=utf-8"];
  if (reply.retryAfter !== undefined) headers.push("Retry-After", String(reply.retryAfter));
  if (status === 401) headers.push("WWW-Authenticate", `Basic realm="${realm}", charset="UTF-8"`);
  if (status === 405) headers.push("Allow", allowWithout(request.method ?? ""), "DAV", DAV_CLASSES);
  if (error instanceof HttpError) headers.push(...error.headers);
  const condition = conditionOf(error);
  endReply(request, response, status, headers, body(reply.kind ?? String(status), reply.message, condition));
}

function conditionOf(error: unknown): string {
  if (error instanceof ConditionError) return error.element;
  return error instanceof HttpError && error.condition ? `<D:${error.condition}/>` : "";
}

function authReply(error: AuthError): ErrorReply {
  return {
    status: error.code,
    alist: error.code,
    exit: 3,
    level: "debug",
    message: error.message,
    ...(error.retryAfterMs !== undefined && { retryAfter: Math.ceil(error.retryAfterMs / 1000) }),
  };
}

/** A 405 about this method at this place must not name it as allowed. */
function allowWithout(method: string): string {
  return ALLOW.split(", ")
    .filter((allowed) => allowed !== method)
    .join(", ");
}

function body(exception: string, message: string, condition: string): string {
  return (
    '<?xml version="1.0" encoding="utf-8"?><D:error xmlns:D="DAV:" xmlns:s="http://sabredav.org/ns">' +
    `${condition}<s:exception>${exception}</s:exception><s:message>${escapeXml(message)}</s:message></D:error>`
  );
}
