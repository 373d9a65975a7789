/** How a link that cannot be served is answered. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "#drivers/contract/driver.ts";
import { AuthError } from "../auth/auth-error.ts";
import { endReply } from "../http/body.ts";
import { errorReply, HttpError } from "../http/errors.ts";

/** Sends the status that the failure means, with AList's envelope, or cuts the connection when the reply has begun. */
export function answerFailure(request: IncomingMessage, response: ServerResponse, error: unknown, log: Log): void {
  const reply =
    error instanceof AuthError
      ? { status: error.code, message: error.message, level: "debug" as const, retryAfter: undefined }
      : errorReply(error);
  if (reply.level === "error" || reply.level === "warn") {
    log.warn({ err: error, method: request.method }, "a download failed");
  }
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const headers = [
    ...["Content-Type", "application/json; charset=utf-8", "Cache-Control", "no-store"],
    ...(reply.retryAfter === undefined ? [] : ["Retry-After", String(reply.retryAfter)]),
    ...(error instanceof HttpError ? error.headers : []),
  ];
  const body = JSON.stringify({ code: reply.status, message: reply.message, data: null });
  endReply(request, response, reply.status, headers, body);
}
