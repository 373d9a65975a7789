/** Conditional requests (RFC 9110 §13). */
import type { IncomingHttpHeaders } from "node:http";
import { parseHttpDate } from "./http-date.ts";

/** What a condition is compared with: the representation as it is now. */
export interface Validators {
  /** Quoted, strong. */
  readonly etag?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly modifiedAt?: number | undefined;
}

/** `not-modified` is 304, `failed` is 412. */
export type ConditionOutcome = "proceed" | "not-modified" | "failed";

/** True when the request carries any condition, so that most requests need no look at the resource. */
export function isConditional(headers: IncomingHttpHeaders): boolean {
  return (
    headers["if-none-match"] !== undefined ||
    headers["if-match"] !== undefined ||
    headers["if-modified-since"] !== undefined ||
    headers["if-unmodified-since"] !== undefined
  );
}

/**
 * What the request's conditions say about the current representation (undefined: none), in the order of RFC 9110 §13.2.2.
 * A value that is no quoted entity tag matches nothing: Joplin sends `If-None-Match: JoplinIgnore-123` with every write (webdav.md §5).
 */
export function evaluateConditions(
  headers: IncomingHttpHeaders,
  method: string,
  current: Validators | undefined,
): ConditionOutcome {
  const reads = method === "GET" || method === "HEAD";
  const ifMatch = headers["if-match"];
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, current, "strong")) return "failed";
  } else {
    const since = dateOf(headers["if-unmodified-since"]);
    if (since !== undefined && current?.modifiedAt !== undefined && toSeconds(current.modifiedAt) > toSeconds(since)) {
      return "failed";
    }
  }
  const ifNoneMatch = headers["if-none-match"];
  if (ifNoneMatch !== undefined) {
    if (matches(ifNoneMatch, current, "weak")) return reads ? "not-modified" : "failed";
  } else if (reads) {
    const since = dateOf(headers["if-modified-since"]);
    if (since !== undefined && current?.modifiedAt !== undefined && toSeconds(current.modifiedAt) <= toSeconds(since)) {
      return "not-modified";
    }
  }
  return "proceed";
}

/** Whether a Range is to be obeyed: If-Range is absent, or names the current entity tag (strongly) or exactly the current date (RFC 9110 §13.1.5). */
export function rangeApplies(ifRange: string | undefined, current: Validators): boolean {
  if (ifRange === undefined) return true;
  const text = ifRange.trim();
  if (text.startsWith('"')) return text === current.etag;
  const date = parseHttpDate(text);
  return date !== undefined && current.modifiedAt !== undefined && toSeconds(date) === toSeconds(current.modifiedAt);
}

function matches(header: string, current: Validators | undefined, comparison: "strong" | "weak"): boolean {
  if (current === undefined) return false;
  if (header.trim() === "*") return true;
  const { etag } = current;
  if (etag === undefined) return false;
  for (const [, weak, tag] of header.matchAll(/(?:^|,)\s*(W\/)?("[^"]*")/g)) {
    if (tag === etag && (weak === undefined || comparison === "weak")) return true;
  }
  return false;
}

function dateOf(header: string | undefined): number | undefined {
  return header === undefined ? undefined : parseHttpDate(header.trim());
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}
