/** The one place that turns anything thrown into AList's code and message (alist-api.md §3). */
import { z } from "@hono/zod-openapi";
import type { Log } from "#drivers/contract/driver.ts";
import { type ErrorKind, StorageError } from "#drivers/contract/errors.ts";
import { PathError } from "#drivers/contract/path.ts";
import { AuthError } from "../auth/auth-error.ts";
import { type ErrorLevel, errorReply } from "../http/errors.ts";
import { ApiError, type Envelope } from "./envelope.ts";

export interface Failure {
  readonly envelope: Envelope;
  /** Seconds for `Retry-After`. */
  readonly retryAfter?: number;
  readonly level: ErrorLevel;
  /** For routes that answer real statuses. */
  readonly status: number;
}

/** What clients look for in a message, at its end (alist-api.md §3). */
const PHRASES: Partial<Record<ErrorKind, string>> = {
  "not-found": "object not found",
  "not-a-directory": "not a folder",
  "already-exists": "file exists",
  unsupported: "not support",
};

/** How to answer it. `phrases: false` leaves out the words that AList's clients look for: on our own routes. */
export function toFailure(error: unknown, { phrases = true } = {}): Failure {
  if (error instanceof ApiError) {
    const { code, message, data } = error;
    return { envelope: { code, message, data }, level: "debug", status: code };
  }
  if (error instanceof AuthError) {
    return {
      envelope: { code: error.code, message: error.message, data: null },
      ...(error.retryAfterMs !== undefined && { retryAfter: Math.ceil(error.retryAfterMs / 1000) }),
      level: error.code === 429 ? "info" : "debug",
      status: error.code,
    };
  }
  const { alist, message, level, status, retryAfter, kind } = errorReply(error);
  const traversal = error instanceof PathError && error.problem === "traversal";
  return {
    envelope: {
      code: traversal ? 403 : alist,
      message: traversal ? "access using relative path is not allowed" : phrases ? withPhrase(message, kind) : message,
      data: null,
      ...(kind && { kind }),
      ...(error instanceof StorageError && error.reason && { reason: error.reason }),
    },
    ...(retryAfter !== undefined && { retryAfter }),
    level,
    status,
  };
}

/** The envelope as our own routes show it: with the kind inside `data`. */
export function withKindInside(envelope: Envelope): Envelope {
  return envelope.kind ? { ...envelope, data: { kind: envelope.kind } } : envelope;
}

/** A failure of one of several things. */
export const failureSchema = z.object({ kind: z.string().optional(), message: z.string() });

/** The failure as a row tells it. A bug's row tells nothing, so the log does. */
export function failureRow(error: unknown, log: Log): z.input<typeof failureSchema> {
  const { envelope, level } = toFailure(error, { phrases: false });
  const { kind, message } = envelope;
  if (level === "error") log.warn({ err: error }, "a part of a request failed");
  return { ...(kind && { kind }), message };
}

function withPhrase(message: string, kind: ErrorKind | undefined): string {
  const phrase = kind && PHRASES[kind];
  return !phrase || message.endsWith(phrase) ? message : `${message}: ${phrase}`;
}
