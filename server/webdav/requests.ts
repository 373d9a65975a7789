/** Which requests are the front's. It is asked of every request, and stands apart so that a command that serves only itself loads no WebDAV. */
import type { IncomingMessage } from "node:http";
import { isBelow } from "./paths.ts";

/** Whether a request is for the front: its path is the prefix or lies below it, or it is `OPTIONS *`, or OPTIONS or PROPFIND of `/`. */
export function isWebdavRequest(request: IncomingMessage, prefix = "/dav"): boolean {
  const target = request.url ?? "";
  if (target === "*") return request.method === "OPTIONS";
  return isBelow(target, prefix) || isHostRoot(request, prefix);
}

/** True for a PROPFIND or OPTIONS of `/`, or of another directory that leads to the front; other methods there are not WebDAV's. */
export function isHostRoot({ url = "", method }: IncomingMessage, prefix: string): boolean {
  if (method !== "PROPFIND" && method !== "OPTIONS") return false;
  const directory = url.endsWith("/") ? url : `${url}/`;
  return url !== "" && directory.length <= prefix.length && prefix.startsWith(directory);
}
