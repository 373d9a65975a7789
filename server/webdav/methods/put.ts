/** PUT (RFC 9110 §9.3.4, RFC 4918 §9.7). */
import type { IncomingMessage } from "node:http";
import { StorageError } from "#drivers/contract/errors.ts";
import type { HashName } from "#drivers/contract/mount.ts";
import { openBody } from "#server/http/body.ts";
import { HttpError } from "#server/http/errors.ts";
import { formatHttpDate } from "#server/http/http-date.ts";
import type { StreamSource } from "#server/vfs/resource.ts";
import type { DavMethod } from "../frame.ts";
import { demandConditions } from "../preconditions.ts";
import { sendEmpty } from "../reply.ts";
import { overwriteOf } from "./transfer.ts";

/** Programs that make a file empty and send its content afterwards, or write files of their own beside it (webdav.md §7): Explorer, Office, Finder, davfs2, gvfs. */
const MAKES_EMPTY_FIRST = /^(?:Microsoft-WebDAV-MiniRedir|Microsoft Office|WebDAVFS|WebDAVLib|davfs2|gvfs)\b/i;

/**
 * 201 or 204 once the content is stored and verified, with the ETag and Last-Modified that the next PROPFIND shows. 409 without the parent,
 * 400 when the content is not that of `OC-Checksum`, 405 on a directory, 412 when a condition fails (before the body, and again before the old content goes), 501 for a part of a file.
 */
export function putMethod(): DavMethod {
  return {
    action: "webdav-write",
    statuses: {
      "not-found": 409,
      "not-a-directory": 409,
      "is-a-directory": 405,
      "already-exists": 412,
      unsupported: 403,
    },
    async handle({ request, response, vfs, path, options }) {
      if (request.headers["content-range"] !== undefined) {
        throw new HttpError(501, "a part of a file cannot be stored (RFC 9110 §14.5)");
      }
      if (path === "/") throw new HttpError(405, "the root is a directory");
      const conflict = overwriteOf(request.headers.overwrite) ? "replace" : "fail";
      const source = sourceOf(request);
      const mayBeKept = MAKES_EMPTY_FIRST.test(request.headers["user-agent"] ?? "") ? "likely" : "possible";
      const { resource, created, modifiedAtStored } = await vfs
        .write(
          path,
          { ...source, stream: openBody(request, response) },
          { ...options, conflict, mayBeKept, check: (existing) => demandConditions(request, existing) },
        )
        .catch((error: unknown) => {
          throw isWrongChecksum(error) ? new HttpError(400, error.message) : error;
        });
      const headers: string[] = [];
      if (resource.etag !== undefined) headers.push("ETag", resource.etag);
      if (resource.modifiedAt !== undefined) headers.push("Last-Modified", formatHttpDate(resource.modifiedAt));
      if (source.modifiedAt !== undefined && modifiedAtStored) headers.push("X-OC-MTime", "accepted");
      sendEmpty(response, created ? 201 : 204, headers);
    },
  };
}

/** 412 would mean a condition on what is there; ownCloud's clients know 400. */
function isWrongChecksum(error: unknown): error is StorageError {
  return (
    error instanceof StorageError && error.kind === "precondition-failed" && error.reason === "verification-failed"
  );
}

/** What the headers say about the body. */
function sourceOf({ headers }: IncomingMessage): Omit<StreamSource, "stream"> {
  const size = sizeOf(headers["content-length"]) ?? sizeOf(single(headers["x-expected-entity-length"]));
  const modifiedAt = secondsOf(single(headers["x-oc-mtime"]));
  const hashes = checksumsOf(single(headers["oc-checksum"]));
  return {
    ...(size !== undefined && { size }),
    ...(modifiedAt !== undefined && { modifiedAt }),
    ...(hashes && { hashes }),
  };
}

/** Finder sends its body chunked and the length in `X-Expected-Entity-Length` (webdav.md §7). */
function sizeOf(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d+$/.test(header)) return undefined;
  const size = Number(header);
  if (!Number.isSafeInteger(size)) throw new HttpError(413, "no storage holds a file of that size");
  return size;
}

/** `X-OC-Mtime`: unix seconds, as ownCloud's clients and rclone send them; milliseconds come out. */
function secondsOf(header: string | undefined): number | undefined {
  if (header === undefined || !/^-?\d{1,12}(?:\.\d+)?$/.test(header)) return undefined;
  return Math.round(Number(header) * 1000);
}

const CHECKSUM_NAMES: Readonly<Record<string, HashName>> = { SHA1: "sha1", MD5: "md5", SHA256: "sha256" };
const CHECKSUM_DIGITS: Readonly<Record<string, number>> = { SHA1: 40, MD5: 32, SHA256: 64 };

/** `OC-Checksum: SHA1:hex`, or several with spaces between; kinds that we do not compute are left out. */
function checksumsOf(header: string | undefined): StreamSource["hashes"] | undefined {
  const hashes: Partial<Record<HashName, string>> = {};
  for (const [, kind, hex] of (header ?? "").matchAll(/(?:^|[\s,])([A-Za-z0-9]+):([0-9A-Fa-f]+)(?=$|[\s,])/g)) {
    const name = CHECKSUM_NAMES[kind!.toUpperCase()];
    if (name && hex!.length === CHECKSUM_DIGITS[kind!.toUpperCase()]) hashes[name] = hex!.toLowerCase();
  }
  return Object.keys(hashes).length > 0 ? hashes : undefined;
}

function single(header: string | string[] | undefined): string | undefined {
  return (Array.isArray(header) ? header[0] : header)?.trim();
}
