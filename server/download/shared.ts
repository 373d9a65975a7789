/** `/sd`: files of a share, for whoever shows its code, or our signature in its place (alist-api.md §14). */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { decodePath, nameOf, splitPath } from "#drivers/contract/path.ts";
import type { Signatures } from "../auth/link-signature.ts";
import { type ShareProof, sharedLinkText } from "../auth/shares.ts";
import { addressOf } from "../http/client.ts";
import { contentDisposition } from "../http/content-disposition.ts";
import { sendFile } from "../http/send-file.ts";
import { openShared, type SharedFilesParts } from "../vfs/shared-files.ts";
import { type LinkHandler, linkHandler } from "./link-handler.ts";

const SHARED = /^\/sd(\/[^?#]*)/;

export interface SharedDownloadParts extends SharedFilesParts {
  readonly signatures: Signatures;
  readonly log: Log;
}

/** True for the requests that this front answers. */
export function isSharedDownload({ url = "" }: IncomingMessage): boolean {
  return SHARED.test(url);
}

/** A handler of shared files; they always come through us, for what the owner's links are good for is his alone. */
export function createSharedDownload(parts: SharedDownloadParts): LinkHandler {
  return linkHandler(parts.log, (request, response, signal) => answer(parts, request, response, signal));
}

async function answer(
  parts: SharedDownloadParts,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const url = request.url ?? "";
  const [id = "", ...names] = splitPath(decodePath(SHARED.exec(url)?.[1] ?? "/"));
  const query = new URLSearchParams(/\?([^#]*)/.exec(url)?.[1] ?? "");
  const inside = `/${names.join("/")}`;
  const sign = query.get("sign");
  const proof: ShareProof =
    sign === null
      ? { code: query.get("pwd") ?? "" }
      : { demand: (share) => parts.signatures.check(sharedLinkText(share, inside), sign, "share") };
  const asked = { id, proof, inside, address: addressOf(request) };
  const { vfs, path } = await openShared(parts, asked, signal);
  if (path === undefined)
    throw new StorageError("is-a-directory", "the share is no single file: name one of its files");
  const file = await vfs.open(path, { signal });
  const how = query.get("type") === "preview" ? "inline" : "attachment";
  await sendFile(request, response, file, {
    signal,
    headers: ["Content-Disposition", contentDisposition(how, nameOf(path))],
  });
}
