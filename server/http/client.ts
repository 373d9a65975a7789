/** Who asks, and under which address: what the socket says, or the proxies that the owner trusts. */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { unmapped } from "../store/networks.ts";

/** The far end of a request. */
export interface Client {
  /** An IP address; empty on a socket that has none. */
  readonly address: string;
  /** What the client spoke to the first proxy, or to us. */
  readonly scheme: "http" | "https";
  /** Host and port that the client asked for. */
  readonly host: string | undefined;
}

/** Only requests through trusted proxies are here: nothing is computed for the others. */
const behindProxies = new WeakMap<IncomingMessage, Client>();

/** The client of a request. */
export function clientOf(request: IncomingMessage): Client {
  return behindProxies.get(request) ?? fromSocket(request);
}

/** The client's IP address. */
export function addressOf(request: IncomingMessage): string {
  return behindProxies.get(request)?.address ?? request.socket.remoteAddress ?? "";
}

/**
 * Takes `X-Forwarded-For`, `-Proto` and `-Host` at their word where a trusted proxy sent the request, and only as far as trusted proxies wrote them:
 * the client is the last address that none of them has. From anybody else they are ignored, for anybody can write them.
 */
export function identifyClient(request: IncomingMessage, isTrusted: (address: string) => boolean): void {
  const socket = fromSocket(request);
  if (!isTrusted(socket.address)) return;
  const proto = lastOf(request.headers["x-forwarded-proto"])?.toLowerCase();
  behindProxies.set(request, {
    address: forwardedFor(request, socket.address, isTrusted),
    scheme: proto === "https" || proto === "http" ? proto : socket.scheme,
    host: lastOf(request.headers["x-forwarded-host"]) ?? socket.host,
  });
}

function fromSocket({ socket, headers }: IncomingMessage): Client {
  const isSecure = (socket as Partial<TLSSocket>).encrypted === true;
  return { address: socket.remoteAddress ?? "", scheme: isSecure ? "https" : "http", host: headers.host };
}

function forwardedFor(request: IncomingMessage, peer: string, isTrusted: (address: string) => boolean): string {
  let client = peer;
  for (const item of listOf(request.headers["x-forwarded-for"]).reverse()) {
    const address = withoutPort(item);
    if (isIP(address) === 0) break;
    client = address;
    if (!isTrusted(address)) break;
  }
  return client;
}

/** What the nearest proxy wrote stands last; what came before may be the client's own. */
function lastOf(header: string | string[] | undefined): string | undefined {
  return listOf(header).at(-1);
}

function listOf(header: string | string[] | undefined): string[] {
  return String(header ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function withoutPort(item: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(item)?.[1];
  return unmapped(bracketed ?? (/^\d+\.\d+\.\d+\.\d+:\d+$/.test(item) ? item.slice(0, item.indexOf(":")) : item));
}
