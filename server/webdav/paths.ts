/** From what a client wrote to a path of the vfs and back; the judging itself is `drivers/contract/path.ts`. */
import type { IncomingMessage } from "node:http";
import { decodePath, encodePath, PathError } from "#drivers/contract/path.ts";
import { clientOf } from "#server/http/client.ts";
import { HttpError } from "#server/http/errors.ts";

/** The path that a request is about; undefined for `*`. Throws PathError, and HttpError 404 outside the prefix. */
export function requestPath(request: IncomingMessage, prefix: string): string | undefined {
  const target = request.url ?? "/";
  if (target === "*") return undefined;
  const inside = withoutPrefix(pathOf(target), prefix);
  if (inside === undefined) throw new HttpError(404, "there is nothing here");
  return decodePath(inside);
}

/** True for targets that are the prefix or lie below it: it continues with `/`, `?` or nothing. */
export function isBelow(target: string, prefix: string): boolean {
  if (target.startsWith(prefix)) {
    const next = target.charCodeAt(prefix.length);
    if (Number.isNaN(next) || next === SLASH || next === QUESTION_MARK || next === HASH) return true;
  }
  return ABSOLUTE.test(target) && isBelow(target.replace(ABSOLUTE, "") || "/", prefix);
}

/**
 * The path that a `Destination` header names: absolute, or a path alone. Throws HttpError 400 when it is missing, 502 when it is another
 * server's (RFC 4918 §9.8.5), and PathError.
 */
export function destinationPath(request: IncomingMessage, prefix: string, publicHosts: readonly string[]): string {
  const header = request.headers.destination;
  if (typeof header !== "string" || header === "") throw new HttpError(400, "the Destination header is missing");
  const absolute = ABSOLUTE.exec(header);
  if (absolute && !isOurHost(absolute[1] as string, request, publicHosts)) {
    throw new HttpError(502, "the Destination is on another server");
  }
  if (!absolute && !header.startsWith("/")) throw new HttpError(400, "the Destination is neither a URL nor a path");
  const inside = withoutPrefix(pathOf(header), prefix);
  if (inside === undefined) throw new HttpError(502, `the Destination is not below ${prefix}/`);
  return decodePath(inside);
}

/** The path that a resource of an `If` header names, whatever its host; undefined where it lies outside the front or is no path. */
export function taggedPath(tag: string, prefix: string): string | undefined {
  try {
    const inside = withoutPrefix(pathOf(tag), prefix);
    return inside === undefined ? undefined : decodePath(inside);
  } catch (error) {
    if (error instanceof PathError) return undefined;
    throw error;
  }
}

/** The absolute path of a resource as it stands in an `href`: never scheme and host, directories with a trailing slash (webdav.md §5). */
export function hrefOf(prefix: string, path: string, isDirectory: boolean): string {
  const encoded = path === "/" ? "" : encodePath(path);
  return isDirectory ? `${prefix}${encoded}/` : `${prefix}${encoded}`;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;
const SLASH = 0x2f;
const QUESTION_MARK = 0x3f;
const HASH = 0x23;

function pathOf(target: string): string {
  if (target.includes("#")) throw new PathError("encoding", "the request target holds a fragment");
  const path = target.startsWith("/") ? target : target.replace(ABSOLUTE, "");
  const query = path.indexOf("?");
  return query < 0 ? path : path.slice(0, query);
}

function withoutPrefix(path: string, prefix: string): string | undefined {
  if (path === prefix) return "/";
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;
}

function isOurHost(host: string, request: IncomingMessage, publicHosts: readonly string[]): boolean {
  const named = withoutDefaultPort(host);
  const ours = [request.headers.host, clientOf(request).host, ...publicHosts];
  return ours.some((own) => own !== undefined && withoutDefaultPort(own) === named);
}

function withoutDefaultPort(host: string): string {
  return host
    .trim()
    .toLowerCase()
    .replace(/^[^@]*@/, "")
    .replace(/:(?:80|443)$/, "");
}
