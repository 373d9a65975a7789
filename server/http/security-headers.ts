/** What keeps a browser from running what it was only to show. The panel lives in the same origin as everybody's files. */
import { type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from "node:http";
import { isActiveContent } from "./content-type.ts";

/** Of replies that are no files: nothing is loaded by them, and nobody frames them. */
const POLICY = "default-src 'none'; frame-ancestors 'none'";

/** Of files that a browser only shows: the viewer that it puts around a picture or a film may load the file itself. */
const CONTENT_POLICY =
  "default-src 'none'; img-src 'self' data:; media-src 'self'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'";

/** Of files that a browser would run (HTML, SVG, XML): no script, no origin, no form; their own styles only. */
const ACTIVE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** What every reply has unless its handler says otherwise. */
const ALWAYS = [
  ["X-Content-Type-Options", "nosniff"],
  ["Referrer-Policy", "no-referrer"],
  ["Content-Security-Policy", POLICY],
] as const;

/**
 * A reply that has them. They join the head when it is written: headers that are set before it would cost each reply that names its own in
 * one list, as most do, a merging of both (some microseconds of a listing that takes a hundred).
 */
export class SecuredResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  override writeHead(status: number, reason?: string, headers?: OutgoingHttpHeaders | OutgoingHttpHeader[]): this;
  override writeHead(status: number, headers?: OutgoingHttpHeaders | OutgoingHttpHeader[]): this;
  override writeHead(
    status: number,
    reason?: string | OutgoingHttpHeaders | OutgoingHttpHeader[],
    headers?: OutgoingHttpHeaders | OutgoingHttpHeader[],
  ): this {
    const given = (typeof reason === "string" ? headers : reason) ?? [];
    const all = Array.isArray(given) ? this.#joined(given) : { ...this.#missingIn(given), ...given };
    return typeof reason === "string" ? super.writeHead(status, reason, all) : super.writeHead(status, all);
  }

  /** A flat list of names and values in turn. */
  #joined(given: readonly OutgoingHttpHeader[]): OutgoingHttpHeader[] {
    const all = [...given];
    for (const [name, value] of ALWAYS) if (!isIn(given, name) && !this.hasHeader(name)) all.push(name, value);
    return all;
  }

  #missingIn(given: OutgoingHttpHeaders): OutgoingHttpHeaders {
    const names = Object.keys(given).flatMap((name) => [name, ""]);
    return Object.fromEntries(ALWAYS.filter(([name]) => !isIn(names, name) && !this.hasHeader(name)));
  }
}

function isIn(list: readonly OutgoingHttpHeader[], name: string): boolean {
  for (let i = 0; i < list.length; i += 2) {
    const one = String(list[i]);
    if (one.length === name.length && one.toLowerCase() === name.toLowerCase()) return true;
  }
  return false;
}

/** The policy of a user's file of this media type. */
export function contentPolicyOf(type: string): string {
  return isActiveContent(type) ? ACTIVE_POLICY : CONTENT_POLICY;
}
