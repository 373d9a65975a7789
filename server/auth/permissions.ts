/** The one place that decides what a user may do and where. */
import { isWithin, joinPath, parsePath, splitPath } from "#drivers/contract/path.ts";
import { AuthError } from "./auth-error.ts";
import type { User } from "./users.ts";

/** What a caller wants. The `webdav-` ones are for that front: AList asks two bits there (alist-api.md §4.7). */
export type Action =
  | "read"
  | "refresh"
  | "write"
  | "rename"
  | "move"
  | "copy"
  | "remove"
  | "webdav-read"
  | "webdav-properties"
  | "webdav-write"
  | "webdav-move"
  | "webdav-copy"
  | "webdav-remove";

const WRITE = 1 << 3;
const RENAME = 1 << 4;
const MOVE = 1 << 5;
const COPY = 1 << 6;
const REMOVE = 1 << 7;
const WEBDAV_READ = 1 << 8;
const WEBDAV_WRITE = 1 << 9;

/** Any one set of bits is enough; all bits of the set are needed (alist-api.md §4.7). */
const NEEDED: Readonly<Record<Action, readonly number[]>> = {
  read: [0],
  refresh: [WRITE],
  write: [WRITE],
  rename: [RENAME],
  move: [MOVE],
  copy: [COPY],
  remove: [REMOVE],
  "webdav-read": [WEBDAV_READ],
  "webdav-properties": [WEBDAV_WRITE],
  "webdav-write": [WEBDAV_WRITE | WRITE],
  "webdav-move": [WEBDAV_WRITE | MOVE, WEBDAV_WRITE | RENAME],
  "webdav-copy": [WEBDAV_WRITE | COPY],
  "webdav-remove": [WEBDAV_WRITE | REMOVE],
};

/** Whether the user may do it at a full path. Administrators may do all; a disabled user nothing. */
export function may(user: User, action: Action, path: string): boolean {
  if (user.disabled || !isWithin(path, user.basePath)) return false;
  return user.role === "admin" || NEEDED[action].some((bits) => (user.permission & bits) === bits);
}

/** Throws AuthError 403 `permission denied` unless the user may do it at a full path. */
export function demand(user: User, action: Action, path: string): void {
  if (!may(user, action, path)) throw new AuthError(403, "permission denied");
}

/** Throws AuthError 403 unless the user administers this server. */
export function demandAdmin(user: User): void {
  if (user.disabled || user.role !== "admin") throw new AuthError(403, "You are not an admin");
}

/**
 * The full path of what a user calls `path` (not percent-encoded): his base path with it (alist-api.md §4.8).
 * Throws PathError on `..` and other paths that cannot be.
 */
export function fullPath(user: User, path: string): string {
  return splitPath(parsePath(path)).reduce(joinPath, user.basePath);
}

/** What the user calls a full path inside his base path; undefined for one that he does not see. */
export function visiblePath(user: User, path: string): string | undefined {
  if (!isWithin(path, user.basePath)) return undefined;
  if (user.basePath === "/") return path;
  return path.slice(user.basePath.length) || "/";
}
