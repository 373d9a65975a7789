/** GET and HEAD (RFC 9110 §9.3.1, §9.3.2). */
import { kindOf } from "#drivers/contract/errors.ts";
import { addressOf } from "#server/http/client.ts";
import { isConditional } from "#server/http/conditional.ts";
import { redirectCacheControl } from "#server/http/redirect.ts";
import { exactSizeOf, fileHeaders, isAnsweredByCondition, sendFile } from "#server/http/send-file.ts";
import { onChangedAgain } from "#server/vfs/reading.ts";
import { sendIndex } from "../directory-index.ts";
import type { DavContext, DavMethod } from "../frame.ts";
import { sendEmpty } from "../reply.ts";

/** A file whole or in one range, redirected or through us; an index page for a directory. HEAD is answered from what is known. */
export function getMethod(): DavMethod {
  return {
    action: "webdav-read",
    statuses: { "not-a-directory": 404 },
    async handle(context) {
      if (context.request.method === "HEAD") return await head(context);
      try {
        await onChangedAgain(() => file(context));
      } catch (error) {
        if (kindOf(error) !== "is-a-directory" || context.response.headersSent) throw error;
        await sendIndex(context);
      }
    },
  };
}

async function head(context: DavContext): Promise<void> {
  const { vfs, path, signal, request, response } = context;
  const resource = await vfs.stat(path, { signal });
  if (resource.kind === "directory") return sendEmpty(response, 200, ["Content-Type", "text/html; charset=utf-8"]);
  if (isAnsweredByCondition(request, response, resource)) return;
  const length = exactSizeOf(resource);
  response.writeHead(200, [
    ...fileHeaders(resource),
    ...(length === undefined ? [] : ["Content-Length", String(length)]),
  ] as never);
  response.end();
}

async function file(context: DavContext): Promise<void> {
  const { vfs, path, signal, request, response } = context;
  // Conditions are answered before a link is made, which may cost an upstream call.
  if (isConditional(request.headers) && isAnsweredByCondition(request, response, await vfs.stat(path, { signal }))) {
    return;
  }
  const userAgent = request.headers["user-agent"];
  const client = { address: addressOf(request), ...(userAgent !== undefined && { userAgent }) };
  const delivery = await vfs.deliver(path, { signal, client, method: "GET" });
  if (delivery.kind === "redirect") {
    const cacheControl = redirectCacheControl(userAgent, delivery.expiresAt);
    return sendEmpty(response, 302, ["Location", delivery.url, "Cache-Control", cacheControl]);
  }
  await sendFile(request, response, delivery, { signal });
}
