/** What a LOCK request asks for: its body (RFC 4918 §14.11), `Timeout` (§10.7), and the owner that is given back as it came. */
import { HttpError } from "#server/http/errors.ts";
import type { LockRequest, LockScope } from "#server/vfs/locks/lock.ts";
import { DAV } from "./props.ts";
import { decodeXml, parseXml, toXml, type XmlElement } from "./xml.ts";

/** Shortest and longest time that a lock is granted for without a refresh (webdav.md §5), and what is granted when the client names none. */
const MIN_TIMEOUT_MS = 60_000;
const MAX_TIMEOUT_MS = 24 * 3600_000;
const DEFAULT_TIMEOUT_MS = 3600_000;

/** Longest owner that is kept, in UTF-16 units as it is written back. */
const MAX_OWNER_LENGTH = 8 * 1024;

/** Scope and owner of a LOCK body. Throws HttpError 400 for what is no `lockinfo` of a write lock, 413 for an owner that is too long. */
export function parseLockInfo(body: Buffer): Pick<LockRequest, "scope" | "owner"> {
  const root = parseXml(decodeXml(body));
  if (root.namespace !== DAV || root.name !== "lockinfo") throw new HttpError(400, "the request body is no lockinfo");
  const type = childOf(root, "locktype");
  if (!type || !childOf(type, "write")) throw new HttpError(400, "the lockinfo asks for no write lock");
  const named = childOf(root, "owner");
  const owner = named ? toXml(named) : "";
  if (owner.length > MAX_OWNER_LENGTH) {
    throw new HttpError(413, `the owner of a lock takes up to ${MAX_OWNER_LENGTH} characters`);
  }
  return { scope: scopeIn(root), owner };
}

/** Milliseconds: the first value of a `Timeout` header that can be understood, within the limits. */
export function timeoutOf(header: string | readonly string[] | undefined): number {
  for (const part of String(header ?? "")
    .slice(0, 1000)
    .split(",")) {
    const value = part.trim().toLowerCase();
    if (value === "infinite") return MAX_TIMEOUT_MS;
    const seconds = /^second-(\d{1,20})$/.exec(value)?.[1];
    if (seconds !== undefined) return Math.min(MAX_TIMEOUT_MS, Math.max(MIN_TIMEOUT_MS, Number(seconds) * 1000));
  }
  return DEFAULT_TIMEOUT_MS;
}

function scopeIn(root: XmlElement): LockScope {
  const scope = childOf(root, "lockscope");
  if (scope && childOf(scope, "exclusive")) return "exclusive";
  if (scope && childOf(scope, "shared")) return "shared";
  throw new HttpError(400, "the lockinfo asks for neither an exclusive nor a shared lock");
}

function childOf(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child) => child.namespace === DAV && child.name === name);
}
