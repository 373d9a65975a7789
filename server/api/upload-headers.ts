/** What the headers of an upload say (alist-api.md §7.1). */
import type { IncomingMessage } from "node:http";
import type { Hashes, HashName } from "#drivers/contract/mount.ts";
import type { User } from "../auth/users.ts";
import { ApiError } from "./envelope.ts";
import { userPath } from "./user-path.ts";

/** The client's digests by header, and how many hexadecimal digits each has. */
const DIGESTS: readonly (readonly [header: string, name: HashName, digits: number])[] = [
  ["x-file-md5", "md5", 32],
  ["x-file-sha1", "sha1", 40],
  ["x-file-sha256", "sha256", 64],
];

/** An upload as its headers announce it. */
export interface AnnouncedUpload {
  /** The full path. */
  readonly path: string;
  /** False: what is there stays, and the upload is refused. */
  readonly overwrite: boolean;
  /** Milliseconds since the epoch. */
  readonly modifiedAt?: number;
  /** `X-File-Size`: bytes. */
  readonly size?: number;
  readonly hashes: Hashes;
  /** `As-Task`: the answer need not wait for the storage. */
  readonly asTask: boolean;
}

/** Throws ApiError 400 on what cannot be read, PathError on a path that cannot be. */
export function announcedUpload({ headers }: Pick<IncomingMessage, "headers">, user: User): AnnouncedUpload {
  const text = (name: string) => {
    const value = headers[name];
    return (Array.isArray(value) ? value[0] : value) ?? "";
  };
  const filePath = text("file-path");
  if (filePath === "") throw new ApiError(500, "the header File-Path is missing: object not found");
  const modified = numberIn(text("last-modified"));
  const size = numberIn(text("x-file-size"));
  const hashes: Partial<Record<HashName, string>> = {};
  for (const [header, name, digits] of DIGESTS) {
    const value = text(header).trim().toLowerCase();
    if (value === "") continue;
    if (!new RegExp(`^[0-9a-f]{${digits}}$`).test(value)) throw new ApiError(400, `the header ${header} is no ${name}`);
    hashes[name] = value;
  }
  return {
    path: userPath(user, decoded(filePath)),
    overwrite: text("overwrite").toLowerCase() !== "false",
    ...(modified !== undefined && { modifiedAt: modified }),
    ...(size !== undefined && { size }),
    hashes,
    asTask: text("as-task").toLowerCase() === "true",
  };
}

function decoded(text: string): string {
  // What is no Latin-1 came as it is, byte by byte.
  const whole = /[\u0080-\u00ff]/.test(text) ? Buffer.from(text, "latin1").toString("utf8") : text;
  try {
    return decodeURIComponent(whole);
  } catch {
    throw new ApiError(400, "the header File-Path is not percent-encoded as it should be");
  }
}

/** A count in decimal; what is none, such as an HTTP date in the place of milliseconds, says nothing. */
function numberIn(text: string): number | undefined {
  return /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}
