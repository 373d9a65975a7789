/** Paths of requests. */
import { isWithin } from "#drivers/contract/path.ts";
import { fullPath, visiblePath } from "../auth/permissions.ts";
import type { User } from "../auth/users.ts";

/** The full path of what a caller names; backslashes are slashes on this wire (alist-api.md §4.8). Throws PathError. */
export function userPath(user: User, path: string): string {
  return fullPath(user, path.replaceAll("\\", "/"));
}

/** What the caller calls a full path; the path itself where he sees none such. */
export function shownPath(user: Pick<User, "basePath">, path: string): string {
  return visiblePath(user, path) ?? path;
}

/** What the caller calls a mount; the one around his base path is his root. Undefined for one that he does not see. */
export function visibleMount(user: User, mountPath: string): string | undefined {
  return isWithin(user.basePath, mountPath) ? "/" : visiblePath(user, mountPath);
}

/** The folder password in a `Password` header, percent-encoded or not (alist-api.md §7.1); undefined without. */
export function folderPasswordIn(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (!text) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
