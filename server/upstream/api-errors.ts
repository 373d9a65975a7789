/** What got's errors mean. */
import { StorageError, type StorageErrorDetails } from "#drivers/contract/errors.ts";

interface GotLike {
  readonly name?: string;
  readonly code?: string;
  readonly cause?: unknown;
  readonly response?: { readonly statusCode: number; readonly headers: Readonly<Record<string, unknown>> };
}

/**
 * A failed API call as a StorageError whose `cause` is got's error, or the signal's reason when it aborted. Says nothing that holds an address.
 * A status is translated only roughly: what a service means by it, only its driver knows.
 */
export function toApiError(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof StorageError) return error;
  const { name, code, cause, response } = error as GotLike;
  // Got wraps what a hook throws, the pacer's refusals among it.
  if (cause instanceof StorageError) return cause;
  const status = response?.statusCode;
  const details = { cause: error, ...(status !== undefined && { upstream: { status } }) };
  if (name === "HTTPError" && response) return ofStatus(response, details);
  if (name === "ParseError") return ofText(response, details);
  if (name === "TimeoutError" || code === "ETIMEDOUT") {
    return new StorageError("timeout", "the service did not answer in time", { ...details, retryable: true });
  }
  if (
    typeof code === "string" &&
    /^(E[A-Z]+|ERR_(HTTP|STREAM|SSL|TLS|BODY)_\w+|EAI_AGAIN|HPE_\w+|CERT_\w+|\w*_CERT\w*)$/.test(code)
  ) {
    return new StorageError("unavailable", `the service cannot be reached (${code})`, { ...details, retryable: true });
  }
  return error;
}

function ofStatus(response: NonNullable<GotLike["response"]>, details: StorageErrorDetails): StorageError {
  const status = response.statusCode;
  const after = String(response.headers["retry-after"] ?? "");
  const retry = { retryable: true, ...(/^\d+$/.test(after) && { retryAfterMs: Number(after) * 1000 }) };
  if (status === 401) return new StorageError("unauthenticated", "the service does not accept the login", details);
  if (status === 403) return new StorageError("permission-denied", "the service refused the request", details);
  if (status === 429) return new StorageError("rate-limited", "too many requests", { ...details, ...retry });
  if (status >= 500) {
    return new StorageError("unavailable", `the service failed with status ${status}`, { ...details, ...retry });
  }
  return new StorageError("upstream", `the service answered with status ${status}`, details);
}

function ofText(response: GotLike["response"], details: StorageErrorDetails): StorageError {
  const isHtml = /^text\/html\b/i.test(String(response?.headers["content-type"] ?? ""));
  return isHtml
    ? new StorageError("blocked", "the service answered with a web page instead of data", details)
    : new StorageError("upstream", "the service's answer is not what it should be", details);
}
