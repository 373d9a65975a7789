/** Ids of entries: paths from the root, and what may never be part of one. */
import { sep } from "node:path";
import { StorageError } from "../contract/errors.ts";
import { checkName, type MountPath } from "../contract/path.ts";
import { notThere } from "./errors.ts";
import { isHidden } from "./temporary.ts";

/** The parent's id and the last name of an id that is not the root's. Throws `permission-denied` for the root, else as `checkId`. */
export function splitId(id: string): { readonly parent: string; readonly name: string } {
  if (id === "") throw new StorageError("permission-denied", "the storage's root cannot be moved, copied or removed");
  checkId(id);
  const cut = id.lastIndexOf("/");
  return { parent: cut < 0 ? "" : id.slice(0, cut), name: id.slice(cut + 1) };
}

/** The id of a name in the directory with that id. */
export function childId(parent: string, name: string): string {
  return parent === "" ? name : `${parent}/${name}`;
}

/** The id of a path. Throws as `checkId`. */
export function idOfPath(path: MountPath): string {
  for (const name of path) checkDiskName(name);
  const id = path.join("/");
  checkId(id);
  return id;
}

/** Throws PathError on names that no path may hold, `not-found` on names that no listing shows. */
export function checkId(id: string): void {
  if (id === "") return;
  for (const name of id.split("/")) {
    checkDiskName(name);
    if (isHidden(name)) throw notThere();
  }
}

/** Throws `invalid-name` unless the name can be one segment of a path of this system and is not reserved for the driver's temporary files. */
export function checkNewName(name: string): void {
  checkDiskName(name);
  if (isHidden(name)) throw new StorageError("invalid-name", `names that begin like ${name.slice(0, 15)} are reserved`);
}

function checkDiskName(name: string): void {
  checkName(name);
  // On Windows these are separators and streams: they would leave the folder.
  if (sep === "\\" && /[\\:]/.test(name)) throw new StorageError("invalid-name", "the disk cannot store this name");
}
