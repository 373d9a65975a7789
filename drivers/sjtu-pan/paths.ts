/** Between a mount's ids and the paths that the service takes (sjtu-pan.md §7). */
import { StorageError } from "../contract/errors.ts";
import { checkName, type MountPath, parsePath, splitPath } from "../contract/path.ts";

/** Printable characters that clients have seen refused in names (sjtu-pan.md §7). */
export const FORBIDDEN_CHARACTERS = '\\:*?"<>|';

/** Longest name in characters (sjtu-pan.md §7); counted in UTF-16 units, the stricter of the two readings. */
export const MAX_NAME_CHARACTERS = 255;

/** The id of a child: ids are paths below the mount's root. */
export function childId(parentId: string, name: string): string {
  return parentId === "" ? name : `${parentId}/${name}`;
}

/** The parent's id and the name of an id; the root has no name. */
export function splitId(id: string): { parentId: string; name: string } {
  const cut = id.lastIndexOf("/");
  return { parentId: cut < 0 ? "" : id.slice(0, cut), name: id.slice(cut + 1) };
}

/** Throws `invalid-name` unless a new entry may have that name. */
export function checkNewName(name: string): void {
  checkName(name);
  if (!name.isWellFormed()) throw new StorageError("invalid-name", "the name is not valid Unicode");
  if (name.length > MAX_NAME_CHARACTERS) {
    throw new StorageError("invalid-name", `the name is longer than ${MAX_NAME_CHARACTERS} characters`);
  }
  const forbidden = [...FORBIDDEN_CHARACTERS].find((character) => name.includes(character));
  if (forbidden) throw new StorageError("invalid-name", `SJTU Pan allows no "${forbidden}" in names`);
}

/** Paths as the service takes them, of ids below one folder of the drive. */
export interface Paths {
  /** Percent-encoded, for an address; `""` for the root of the drive. */
  encoded(id: string): string;
  /** Decoded, without a leading slash, for a request's body. */
  plain(id: string): string;
  /** The id of an entry by its full path on the drive, as replies give it. Undefined outside the mount. */
  idOf(path: MountPath): string | undefined;
}

/** Paths below the folder that the setting names. Throws `invalid-name`, because addresses with `.` and `..` would lead elsewhere. */
export function createPaths(root: string): Paths {
  const base = splitPath(parsePath(root));
  const full = (id: string): MountPath => (id === "" ? base : [...base, ...id.split("/")]);
  const checked = (id: string): MountPath => {
    const path = full(id);
    for (const name of path) {
      checkName(name);
      if (!name.isWellFormed()) throw new StorageError("not-found", "there is no entry of a name that is not Unicode");
    }
    return path;
  };
  return {
    encoded: (id) => checked(id).map(encodeURIComponent).join("/"),
    plain: (id) => checked(id).join("/"),
    idOf(path) {
      const names = path.filter((name) => name !== "");
      const isInside = names.length >= base.length && base.every((name, i) => names[i] === name);
      return isInside ? names.slice(base.length).join("/") : undefined;
    },
  };
}
