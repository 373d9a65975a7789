/** `/` of the host, above the front: Windows walks down from there to what it was told to mount (webdav.md §5, §7). */
import type { IncomingMessage, ServerResponse } from "node:http";
import { decodePath, nameOf } from "#drivers/contract/path.ts";
import { hasBody, readBody } from "#server/http/body.ts";
import { HttpError } from "#server/http/errors.ts";
import { closeSignal } from "#server/http/send.ts";
import type { Resource } from "#server/vfs/resource.ts";
import { depthOf } from "./depth.ts";
import { parsePropertySet } from "./property-set.ts";
import { createPropfindWriter } from "./propfind-writer.ts";

/** Longest body, in bytes. */
const MAX_BODY = 64 * 1024;

/** Answers a PROPFIND above the front: a directory that holds the next one on the way to it, or the front alone. */
export async function propfindHostRoot(
  request: IncomingMessage,
  response: ServerResponse,
  prefix: string,
): Promise<void> {
  const signal = closeSignal(response);
  const depth = depthOf(request) ?? "1";
  if (depth === "infinity") {
    throw new HttpError(403, "a whole tree is not listed at once", { condition: "propfind-finite-depth" });
  }
  const body = hasBody(request) ? await readBody(request, response, MAX_BODY, signal) : Buffer.alloc(0);
  const above = (request.url ?? "/").replace(/\/$/, "");
  const next = prefix.slice(0, `${prefix}/`.indexOf("/", above.length + 1));
  const self = directory(above === "" ? "/" : decodePath(above));
  const entries = [directory(decodePath(next))];
  await createPropfindWriter().write({
    response,
    headers: [],
    gzip: false,
    set: parsePropertySet(body),
    href: `${above}/`,
    self,
    selfFacts: {},
    facts: {},
    ...(depth === "1" && {
      listing: {
        directory: self,
        entries,
        async *pages() {
          yield entries;
        },
      },
    }),
    signal,
  });
}

function directory(path: string): Resource {
  return { path, name: nameOf(path), kind: "directory", key: 0, isMountPoint: true, pending: false };
}
