/** Which web pages may use this server from a browser (webdav.md §5; alist-api.md §2). */
import type { IncomingMessage, ServerResponse } from "node:http";

/** How one front is shared. */
export interface CorsRule {
  /** Origins (`https://panel.example.com`) that may, with credentials. */
  readonly origins: ReadonlySet<string>;
  /** Any other page may too, but with no more than what it knows itself: browsers send it no credentials of theirs. */
  readonly anybody: boolean;
}

/** Seconds that a browser may remember an answer (alist-api.md §2). */
const MAX_AGE = 12 * 3600;

const METHODS = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, PROPFIND, PROPPATCH, MKCOL, COPY, MOVE, LOCK, UNLOCK";

/** What scripts may send (webdav.md §5), beside what a preflight names. */
const REQUEST_HEADERS =
  "authorization, content-type, depth, destination, overwrite, if, if-match, if-none-match, lock-token, timeout, range, x-oc-mtime, oc-checksum, translate";

/** What scripts may read (webdav.md §5). */
const EXPOSED =
  "ETag, DAV, Lock-Token, Content-Length, Content-Range, Last-Modified, Location, Pandav-Stale, Retry-After";

/** Longest list of header names that is echoed. */
const MAX_ECHO = 2_000;

/**
 * Sets the headers that a page of another origin needs, and answers its preflight, before anybody is asked who he is: browsers send no credentials with it.
 * True when it has answered. The origin is echoed, and `*` never stands with credentials.
 */
export function shareWith(request: IncomingMessage, response: ServerResponse, rule: CorsRule): boolean {
  const { origin } = request.headers;
  if (rule.origins.size > 0) response.setHeader("Vary", "Origin");
  if (origin === undefined) return false;
  const isListed = rule.origins.has(origin.toLowerCase());
  if (!isListed && !rule.anybody) return false;
  response.setHeader("Access-Control-Allow-Origin", isListed ? origin : "*");
  if (isListed) response.setHeader("Access-Control-Allow-Credentials", "true");
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) {
    response.setHeader("Access-Control-Expose-Headers", EXPOSED);
    return false;
  }
  response.setHeader("Access-Control-Allow-Methods", METHODS);
  response.setHeader("Access-Control-Allow-Headers", allowedHeaders(request));
  response.setHeader("Access-Control-Max-Age", String(MAX_AGE));
  response.writeHead(204).end();
  return true;
}

/** `*` would not cover Authorization (alist-api.md §2), so names are echoed. */
function allowedHeaders(request: IncomingMessage): string {
  const asked = String(request.headers["access-control-request-headers"] ?? "");
  return asked !== "" && asked.length <= MAX_ECHO && /^[\w\-, ]+$/.test(asked) ? asked : REQUEST_HEADERS;
}
