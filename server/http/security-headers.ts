/** What keeps a browser from running what it was only to show. The panel lives in the same origin as everybody's files. */
import type { ServerResponse } from "node:http";
import { isActiveContent } from "./content-type.ts";

/** Of replies that are no files: nothing is loaded by them, and nobody frames them. */
const POLICY = "default-src 'none'; frame-ancestors 'none'";

/** Of files that a browser only shows: the viewer that it puts around a picture or a film may load the file itself. */
const CONTENT_POLICY =
  "default-src 'none'; img-src 'self' data:; media-src 'self'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'";

/** Of files that a browser would run (HTML, SVG, XML): no script, no origin, no form; their own styles only. */
const ACTIVE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** Sets what every reply has unless its handler says otherwise. */
export function setSecurityHeaders(response: ServerResponse): void {
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Referrer-Policy", "no-referrer");
  response.setHeader("Content-Security-Policy", POLICY);
}

/** The policy of a user's file of this media type. */
export function contentPolicyOf(type: string): string {
  return isActiveContent(type) ? ACTIVE_POLICY : CONTENT_POLICY;
}
