/** The folder of a built front end: its files by their paths, and nothing outside it. */
import { realpathSync, statSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { StorageError } from "#drivers/contract/errors.ts";
import { decodePath, splitPath } from "#drivers/contract/path.ts";

/** One file of it. */
export interface FolderFile {
  /** On this machine, links followed. */
  readonly path: string;
  readonly name: string;
  readonly kind: "file";
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  /** Quoted; of the file itself, not of a compressed form. */
  readonly etag: string;
}

export interface Folder {
  /** The file at a percent-encoded path; undefined where there is none, or one that is not for visitors: hidden, or outside the folder by a link. */
  find(encoded: string): Promise<FolderFile | undefined>;
}

/** The page that a front end begins with. */
export const INDEX = "/index.html";

/** The folder, looked into anew at each request: a newer front end may be put in its place. Throws `invalid-config` where it holds no page to begin with. */
export function openFolder(directory: string): Folder {
  try {
    if (!statSync(join(directory, INDEX)).isFile()) throw new Error("not a file");
  } catch {
    throw new StorageError(
      "invalid-config",
      `--frontend: ${directory} holds no index.html: name the folder of a built front end, often called dist`,
    );
  }
  const root = realpathSync(directory);
  return {
    async find(encoded) {
      const names = namesOf(encoded);
      if (!names || names.length === 0) return undefined;
      try {
        const path = await realpath(join(root, ...names));
        if (!path.startsWith(root + sep)) return undefined;
        const about = await stat(path);
        if (!about.isFile()) return undefined;
        const { size, mtimeMs } = about;
        const etag = `"${Math.trunc(mtimeMs).toString(16)}-${size.toString(16)}"`;
        return { path, name: names.at(-1) ?? "", kind: "file", size, modifiedAt: mtimeMs, etag };
      } catch {
        // What cannot be read is no file of the front end: a page of that address may still be one of its own.
        return undefined;
      }
    },
  };
}

function namesOf(encoded: string): string[] | undefined {
  try {
    const names = splitPath(decodePath(encoded));
    return names.some((name) => name.startsWith(".") || /[\\\0:]/.test(name)) ? undefined : [...names];
  } catch {
    return undefined;
  }
}
