/** Paths of requests. */
import { fullPath, visiblePath } from "../auth/permissions.ts";
import type { User } from "../auth/users.ts";

/** The full path of what a caller names; backslashes are slashes on this wire (alist-api.md §4.8). Throws PathError. */
export function userPath(user: User, path: string): string {
  return fullPath(user, path.replaceAll("\\", "/"));
}

/** What the caller calls a full path; the path itself where he sees none such. */
export function shownPath(user: User, path: string): string {
  return visiblePath(user, path) ?? path;
}
