/** `DriverEnv.webSocket`: a client socket with the account's proxy and rerouting. */
import https from "node:https";
import type { WebSocket } from "ws";
import { loadWebSocket } from "./load.ts";
import { routeOf, type Upstreams } from "./routes.ts";

/** Longest handshake in milliseconds, and largest message taken in bytes. */
const HANDSHAKE_MS = 30_000;
const MAX_MESSAGE_BYTES = 4 * 2 ** 20;

/** Opens a socket to `url`, or to what stands in for its host, which then still sees the real `Host`. */
export function openWebSocket(
  url: string,
  headers: Readonly<Record<string, string>>,
  { upstreams, proxy }: { readonly upstreams: Upstreams; readonly proxy?: string },
): WebSocket {
  const Socket = loadWebSocket();
  const limits = { handshakeTimeout: HANDSHAKE_MS, maxPayload: MAX_MESSAGE_BYTES };
  const real = new URL(url);
  const to = routeOf(real.host, upstreams);
  if (!to) {
    const agent = proxy === undefined ? {} : { agent: new https.Agent({ proxyEnv: { HTTPS_PROXY: proxy } }) };
    return new Socket(url, { ...limits, headers: { ...headers }, ...agent });
  }
  const standIn = new URL(real.pathname + real.search, to.origin.replace(/^http/, "ws"));
  return new Socket(standIn, { ...limits, headers: { ...headers, host: real.host } });
}
