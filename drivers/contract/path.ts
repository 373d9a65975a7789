/** The only place that judges `/`, `..`, NUL and percent-encoding. Paths are absolute, `/` alone is the root, and no path ends in `/`. */
import { StorageError } from "./errors.ts";

/** Path segments below a mount's root, as the upstream has them; `[]` is the root. */
export type MountPath = readonly string[];

/** Longest segment of a path in bytes of UTF-8. Services have limits of their own below it; a listing may hold names of 255 Chinese characters. */
export const MAX_SEGMENT_BYTES = 1024;

/** Longest path in UTF-16 units. */
export const MAX_PATH_LENGTH = 8192;

const SLASH = 0x2f;

/** What is wrong with a path: `encoding` → 400, `traversal` → 403, `too-long` → 414. */
export type PathProblem = "encoding" | "traversal" | "too-long";

/** A path or name that cannot be; kind `invalid-name`. */
export class PathError extends StorageError {
  readonly problem: PathProblem;

  constructor(problem: PathProblem, message: string) {
    super("invalid-name", message);
    this.name = "PathError";
    this.problem = problem;
  }
}

/**
 * The normalised absolute path of a text that a person or client wrote, not percent-encoded: leading slash added, repeated and trailing slashes dropped.
 * Throws PathError on NUL, on `.` and `..` segments, and on names that are too long.
 */
export function parsePath(text: string): string {
  return toPath(text.split("/"));
}

/**
 * The normalised absolute path of a percent-encoded one (RFC 3986 §2.1), each segment decoded once.
 * Throws PathError `encoding` on bad escapes, invalid UTF-8, NUL and encoded slashes.
 */
export function decodePath(encoded: string): string {
  if (!encoded.includes("%")) return parsePath(encoded);
  return toPath(
    encoded.split("/").map((segment) => {
      const name = decodeSegment(segment);
      if (name.includes("/")) throw new PathError("encoding", "a name holds an encoded slash");
      return name;
    }),
  );
}

/** The percent-encoded form of a path, safe in an href. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeName).join("/");
}

/** The percent-encoded form of one name; lone surrogates, which no URL can carry, become U+FFFD. */
export function encodeName(name: string): string {
  return encodeURIComponent(name.isWellFormed() ? name : name.toWellFormed());
}

/** The path's segments; `[]` for the root. */
export function splitPath(path: string): readonly string[] {
  return path === "/" ? [] : path.slice(1).split("/");
}

export function joinPath(parent: string, name: string): string {
  return parent === "/" ? `/${name}` : `${parent}/${name}`;
}

/** The parent's path; the root is its own parent. */
export function parentOf(path: string): string {
  const cut = path.lastIndexOf("/");
  return cut <= 0 ? "/" : path.slice(0, cut);
}

/** The last segment; `""` for the root. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** True for the path itself and everything below it. */
export function isWithin(path: string, ancestor: string): boolean {
  if (ancestor === "/" || path === ancestor) return true;
  // Asked some twenty times in a request: without making the text with the slash.
  return path.charCodeAt(ancestor.length) === SLASH && path.startsWith(ancestor);
}

/** Throws PathError unless the text is one legal path segment. */
export function checkName(name: string): void {
  if (name === "") throw new PathError("encoding", "a name is empty");
  if (name === "." || name === "..") throw new PathError("traversal", `${name} is not a name`);
  if (name.includes("/")) throw new PathError("traversal", "a name holds a slash");
  if (name.includes("\0")) throw new PathError("encoding", "a name holds NUL");
  // The longest UTF-8 form of a UTF-16 unit is three bytes, so most names need no count.
  if (name.length * 3 > MAX_SEGMENT_BYTES && Buffer.byteLength(name) > MAX_SEGMENT_BYTES) {
    throw new PathError("too-long", `a name is longer than ${MAX_SEGMENT_BYTES} bytes`);
  }
}

function toPath(segments: readonly string[]): string {
  let path = "";
  for (const segment of segments) {
    if (segment === "") continue;
    checkName(segment);
    path += `/${segment}`;
  }
  if (path.length > MAX_PATH_LENGTH) throw new PathError("too-long", `the path is longer than ${MAX_PATH_LENGTH}`);
  return path === "" ? "/" : path;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new PathError("encoding", "the path is not percent-encoded UTF-8");
  }
}
