/** The one table from what went wrong to what each front says about it. */
import { type ErrorKind, isLoginOver, StorageError } from "#drivers/contract/errors.ts";
import { PathError } from "#drivers/contract/path.ts";
import { withoutSecretValues } from "../upstream/redact.ts";

/** How loudly a failure is logged: what the visitor caused is `debug`, what the owner must know is `warn`, what is our fault is `error`. */
export type ErrorLevel = "debug" | "info" | "warn" | "error";

/** How the fronts show one kind of failure. */
export interface ErrorForm {
  /** HTTP status; WebDAV adds its exceptions per verb. Never 401: an expired upstream login is not the visitor's password. */
  readonly status: number;
  /** Code in AList's envelope (alist-api.md §3: whatever the storage failed with is 500). */
  readonly alist: number;
  /** Exit code of the command line: 0 ok, 1 failure, 2 wrong use, 3 login required, 4 not found. */
  readonly exit: 1 | 2 | 3 | 4;
  readonly level: ErrorLevel;
  /** Seconds for `Retry-After` where the error names none. */
  readonly retryAfter?: number;
}

/** Every kind of failure, once. */
export const ERROR_FORMS = {
  "not-found": { status: 404, alist: 500, exit: 4, level: "debug" },
  "already-exists": { status: 409, alist: 403, exit: 1, level: "debug" },
  "not-a-directory": { status: 409, alist: 500, exit: 1, level: "debug" },
  "is-a-directory": { status: 409, alist: 500, exit: 1, level: "debug" },
  "not-empty": { status: 409, alist: 500, exit: 1, level: "debug" },
  "invalid-name": { status: 403, alist: 400, exit: 2, level: "debug" },
  "invalid-config": { status: 400, alist: 400, exit: 2, level: "info" },
  unauthenticated: { status: 502, alist: 500, exit: 3, level: "warn" },
  "permission-denied": { status: 403, alist: 403, exit: 1, level: "debug" },
  unsupported: { status: 501, alist: 500, exit: 1, level: "debug" },
  "range-not-satisfiable": { status: 416, alist: 500, exit: 1, level: "debug" },
  "precondition-failed": { status: 412, alist: 500, exit: 1, level: "debug" },
  locked: { status: 423, alist: 423, exit: 1, level: "debug" },
  "quota-exceeded": { status: 507, alist: 500, exit: 1, level: "info" },
  "too-large": { status: 413, alist: 500, exit: 1, level: "info" },
  "rate-limited": { status: 503, alist: 500, exit: 1, level: "warn", retryAfter: 30 },
  blocked: { status: 503, alist: 500, exit: 1, level: "warn", retryAfter: 300 },
  unavailable: { status: 503, alist: 500, exit: 1, level: "warn", retryAfter: 30 },
  timeout: { status: 504, alist: 500, exit: 1, level: "warn", retryAfter: 10 },
  incomplete: { status: 502, alist: 500, exit: 1, level: "warn", retryAfter: 10 },
  upstream: { status: 502, alist: 500, exit: 1, level: "warn", retryAfter: 30 },
} as const satisfies Record<ErrorKind, ErrorForm>;

/** A refusal that a front decides by itself, with the status it means. */
export class HttpError extends Error {
  readonly status: number;
  /** Further response headers, name and value in turn. */
  readonly headers: readonly string[];
  /** A WebDAV precondition code (RFC 4918 §16), shown inside `D:error`. */
  readonly condition: string | undefined;

  constructor(status: number, message: string, more: { headers?: readonly string[]; condition?: string } = {}) {
    super(message);
    this.name = "HttpError";
    this.status = status;
    this.headers = more.headers ?? [];
    this.condition = more.condition;
  }
}

/** A failure as a front shows it; `message` is for people, one line, without secrets. */
export interface ErrorReply extends ErrorForm {
  readonly kind?: ErrorKind;
  readonly message: string;
  /** Seconds for the `Retry-After` header. */
  readonly retryAfter?: number;
}

/** How to show any thrown value. What is neither ours nor a storage's is a bug: 500 without details. */
export function errorReply(error: unknown): ErrorReply {
  if (error instanceof StorageError) {
    const form: ErrorForm = ERROR_FORMS[error.kind];
    const retryAfter = error.retryAfterMs === undefined ? form.retryAfter : Math.ceil(error.retryAfterMs / 1000);
    return {
      ...form,
      // Said once when it began, by the account.
      ...(isLoginOver(error) && { level: "debug" as const }),
      status: error instanceof PathError ? PATH_STATUS[error.problem] : form.status,
      kind: error.kind,
      message: cleanMessage(error.message),
      ...(retryAfter !== undefined && { retryAfter }),
    };
  }
  if (error instanceof HttpError) {
    return { status: error.status, alist: error.status, exit: 1, level: "debug", message: cleanMessage(error.message) };
  }
  if (isAbort(error)) {
    return { status: 503, alist: 500, exit: 1, level: "debug", message: "the request was cancelled", retryAfter: 5 };
  }
  return { status: 500, alist: 500, exit: 1, level: "error", message: "internal error" };
}

/** True for what an AbortSignal throws, and for a client that left in the middle of a body. */
function isAbort(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { name } = error;
  const code = "code" in error ? error.code : undefined;
  return (
    name === "AbortError" || code === "ABORT_ERR" || code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE"
  );
}

const PATH_STATUS = { encoding: 400, traversal: 403, "too-long": 414 } as const satisfies Record<
  PathError["problem"],
  number
>;

/** Longest message that leaves, in UTF-16 units. */
const MAX_MESSAGE = 500;

function cleanMessage(message: string): string {
  // Links carry their secrets in the query or before the host.
  const bare = message
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, "$1")
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/[^\s?#]*)[?#]\S*/gi, "$1");
  return withoutSecretValues(bare)
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ")
    .trim()
    .slice(0, MAX_MESSAGE)
    .toWellFormed();
}
