/** `/d` and `/p`: files by signed links, for players and download programs that know no login (alist-api.md §8). */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "#drivers/contract/driver.ts";
import { decodePath } from "#drivers/contract/path.ts";
import { AuthError } from "../auth/auth-error.ts";
import type { Signatures } from "../auth/link-signature.ts";
import { endReply } from "../http/body.ts";
import { addressOf } from "../http/client.ts";
import { isConditional } from "../http/conditional.ts";
import { contentDisposition } from "../http/content-disposition.ts";
import { HttpError } from "../http/errors.ts";
import { isAnsweredByCondition, sendFile } from "../http/send-file.ts";
import type { Vfs } from "../vfs/api.ts";
import { type LinkHandler, linkHandler } from "./link-handler.ts";

export interface DownloadOptions {
  readonly vfs: Vfs;
  readonly signatures: Signatures;
  readonly log: Log;
}

/** `d`: redirected to where the bytes are, or through us; `p`: always through us. */
const LINK = /^\/([dp])(\/[^?#]*)/;

/** True for the requests that this front answers. */
export function isDownload({ url = "" }: IncomingMessage): boolean {
  return LINK.test(url);
}

/** A handler of signed links. */
export function createDownload(o: DownloadOptions): LinkHandler {
  return linkHandler(o.log, (request, response, signal) => answer(o, request, response, signal));
}

async function answer(
  { vfs, signatures }: DownloadOptions,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const url = request.url ?? "";
  const [, way, encoded = ""] = LINK.exec(url) ?? [];
  const path = decodePath(encoded);
  const query = new URLSearchParams(/\?([^#]*)/.exec(url)?.[1] ?? "");
  // The signature is all that this door asks for: who made it may read the file (alist-api.md §8.1).
  if (signatures.isNeeded(path)) signatures.check(path, query.get("sign") ?? "");
  if (!vfs.storages.at(path)) throw new HttpError(404, "storage not found: nothing is mounted there");
  const method = request.method === "HEAD" ? "HEAD" : "GET";
  if (way === "p" && vfs.storages.at(path)?.delivery === "redirect") throw new AuthError(403, "proxy not allowed");
  // Before a link is made, which may cost an upstream call.
  if (isConditional(request.headers)) {
    const known = await vfs.stat(path, { signal });
    if (isAnsweredByCondition(request, response, known, dispositionOf(known.name, query))) return;
  }
  const userAgent = request.headers["user-agent"];
  const client = { address: addressOf(request), ...(userAgent !== undefined && { userAgent }) };
  const delivery =
    way === "d"
      ? await vfs.deliver(path, { signal, client, method })
      : { ...(await vfs.open(path, { signal })), kind: "proxy" as const };
  if (delivery.kind === "redirect") {
    return endReply(request, response, 302, ["Location", delivery.url, "Cache-Control", UNCACHED]);
  }
  await sendFile(request, response, delivery, { signal, headers: dispositionOf(delivery.resource.name, query) });
}

/** A redirect is for this client and this moment (alist-api.md §8.1). */
const UNCACHED = "max-age=0, no-cache, no-store, must-revalidate";

function dispositionOf(name: string, query: URLSearchParams): string[] {
  return ["Content-Disposition", contentDisposition(query.get("type") === "preview" ? "inline" : "attachment", name)];
}
