/** Where a download goes on the local disk, and what is there already. */
import { link, lstat, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Codes of file systems that have no hard links. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/** What a path is. */
export type Found = "nothing" | "file" | "directory" | "other";

/** Links count as what they lead to only where that is a directory: a download takes a link's place. */
export async function findLocal(path: string): Promise<{ readonly kind: Found; readonly mode?: number }> {
  try {
    const found = await lstat(path);
    const kind = found.isDirectory() ? "directory" : found.isFile() || found.isSymbolicLink() ? "file" : "other";
    return { kind, ...(found.isFile() && { mode: found.mode & 0o777 }) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { kind: "nothing" };
    throw error;
  }
}

/** The `n`th other path: `report (1).txt`. */
export function numberedPath(path: string, n: number): string {
  const name = basename(path);
  const dot = name.lastIndexOf(".");
  const other = dot > 0 ? `${name.slice(0, dot)} (${n})${name.slice(dot)}` : `${name} (${n})`;
  return join(dirname(path), other);
}

/** Gives a file its name. Without `replace` it fails `EEXIST` where the name is taken. */
export async function placeLocal(from: string, to: string, replace: boolean): Promise<void> {
  if (replace) return rename(from, to);
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    if ((await findLocal(to)).kind !== "nothing") throw Object.assign(new Error(`${to} exists`), { code: "EEXIST" });
    return rename(from, to);
  }
  await unlink(from);
}
