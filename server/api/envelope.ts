/** AList's envelope (alist-api.md §2): HTTP 200, and the code inside. */
import type { ErrorKind, Reason } from "#drivers/contract/errors.ts";

export interface Envelope {
  readonly code: number;
  readonly message: string;
  readonly data: unknown;
  /** Ours: what went wrong, of the closed list, where a storage or the filesystem said it. */
  readonly kind?: ErrorKind;
  readonly reason?: Reason;
}

/** Every answer's type (alist-api.md §2). */
export const JSON_TYPE = "application/json; charset=utf-8";

/** A refusal that a route decides by itself, in AList's codes (alist-api.md §3). */
export class ApiError extends Error {
  readonly code: number;
  /** What `data` holds; null for most. */
  readonly data: unknown;

  constructor(code: number, message: string, data: unknown = null) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.data = data;
  }
}

/** A success. */
export function success(data: unknown): Envelope {
  return { code: 200, message: "success", data };
}

/** An envelope as a reply. Statuses other than 200 are the router's own (alist-api.md §2). */
export function toResponse(envelope: Envelope, headers: Readonly<Record<string, string>> = {}, status = 200): Response {
  return new Response(JSON.stringify(envelope), { status, headers: { "Content-Type": JSON_TYPE, ...headers } });
}
