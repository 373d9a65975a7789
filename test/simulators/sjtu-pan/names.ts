/** Paths and names as the service judges them (sjtu-pan.md §7). */
import { ServiceError } from "./errors.ts";

/** Longest segment in characters, and most segments. */
const MAX_NAME = 255;
const MAX_LEVELS = 100;

/** Splits a decoded path; empty segments are dropped. */
export function splitPath(path: string): string[] {
  return path.split("/").filter((segment) => segment !== "");
}

/** Throws where a new file or directory may not be called so. */
export function checkNewPath(path: readonly string[], kind: "file" | "directory", lenient: boolean): void {
  if (path.length > MAX_LEVELS) throw new ServiceError("DirectoryLevelExceed");
  for (const [i, name] of path.entries()) {
    const isFileName = kind === "file" && i === path.length - 1;
    if ([...name].length > MAX_NAME) {
      throw new ServiceError(isFileName ? "FileNameLengthExceed" : "DirectoryNameLengthExceed");
    }
    if (!name.isWellFormed()) throw new ServiceError("ParamInvalid");
    if (name === "." || name === ".." || name.includes("\0")) throw new ServiceError("DirectoryNameNotAvailable");
    if (!lenient && /[\u0000-\u001f\u007f\\:*?"<>|]/.test(name)) throw new ServiceError("DirectoryNameNotAvailable");
  }
}

/** Orders by code point, not by UTF-16 unit. */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const isAstral = (unit: number) => unit >= 0xd800 && unit < 0xe000;
    if (isAstral(x) !== isAstral(y)) return isAstral(x) ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}
