/** Changes as AList's routes make them: its words where something is in the way (alist-api.md §3, §6). */
import { type ErrorKind, kindOf } from "#drivers/contract/errors.ts";
import { checkName, nameOf, parentOf } from "#drivers/contract/path.ts";
import type { Vfs } from "../vfs/api.ts";
import { ApiError } from "./envelope.ts";

/** Makes a directory and its parents; one that exists is a success. Throws ApiError 500 where a file is in the way. */
export async function makeDirectories(vfs: Vfs, path: string, signal: AbortSignal): Promise<void> {
  try {
    await vfs.makeDirectory(path, { signal });
  } catch (error) {
    if (kindOf(error) === "already-exists") {
      const existing = await vfs.stat(path, { signal });
      if (existing.kind === "directory") return;
      throw new ApiError(500, "file exists");
    }
    refuseNowhere(vfs, path, error, "permission-denied");
    if (kindOf(error) !== "not-found" || parentOf(path) === path) throw error;
    await makeDirectories(vfs, parentOf(path), signal);
    await vfs.makeDirectory(path, { signal });
  }
}

/** Moves or copies one entry. Throws ApiError 403 where something is at the target and may not be overwritten (alist-api.md §6). */
export async function transfer(
  vfs: Vfs,
  how: "move" | "copy",
  from: string,
  to: string,
  overwrite: boolean,
  signal: AbortSignal,
) {
  try {
    await vfs[how](from, to, { conflict: overwrite ? "replace" : "fail", signal });
  } catch (error) {
    refuseNowhere(vfs, to, error);
    if (!overwrite && kindOf(error) === "precondition-failed") throw new ApiError(403, `file [${nameOf(to)}] exists`);
    throw error;
  }
}

/** Clients tell a missing storage from a missing file (alist-api.md §3). */
function refuseNowhere(vfs: Vfs, path: string, error: unknown, orKind?: ErrorKind): void {
  const kind = kindOf(error);
  if (vfs.storages.at(path) || (kind !== "not-found" && (kind === undefined || kind !== orKind))) return;
  throw new ApiError(500, "storage not found: nothing is mounted there");
}

/** Names of one request. Throws ApiError 400 on none, and as `legalName`. */
export function legalNames(names: readonly string[]): readonly string[] {
  if (names.length === 0) throw new ApiError(400, "Empty file names");
  return names.map(legalName);
}

/** One component (alist-api.md §4.8); `a..b.txt` is legal, whatever AList says. Throws ApiError 400. */
export function legalName(name: string): string {
  try {
    checkName(name);
  } catch {
    throw new ApiError(400, `invalid file name: ${JSON.stringify(name)}`);
  }
  if (name.includes("\\")) throw new ApiError(400, `invalid file name: ${JSON.stringify(name)}`);
  return name;
}

/** Makes the directory that a path lies in, and its parents, where it is missing. */
export async function ensureParent(vfs: Vfs, path: string, signal: AbortSignal): Promise<void> {
  const parent = parentOf(path);
  const known = await vfs.stat(parent, { signal }).catch((error: unknown) => {
    if (kindOf(error) === "not-found") return undefined;
    throw error;
  });
  if (!known) await makeDirectories(vfs, parent, signal);
}
