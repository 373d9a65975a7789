/** OPTIONS (RFC 9110 §9.3.7, RFC 4918 §10.1). */
import type { IncomingMessage, ServerResponse } from "node:http";
import { endReply } from "#server/http/body.ts";
import { ALLOW, DAV_CLASSES } from "../reply.ts";

/** Answers 200 for any path, without looking at it: some clients refuse a 204, and ask about what is not there yet (webdav.md §5). */
export function sendOptions(request: IncomingMessage, response: ServerResponse): void {
  endReply(request, response, 200, ["DAV", DAV_CLASSES, "MS-Author-Via", "DAV", "Allow", ALLOW]);
}
