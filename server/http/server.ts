/** The one HTTP server: raw handlers by path before a fallback listener, idle timeouts of its own, and an end that waits for what runs. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import { type ClientState, watchIdle } from "./idle.ts";
import { SecuredResponse } from "./security-headers.ts";

export type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A handler that is asked before the fallback. It takes the raw request: bodies stay Node streams, HEAD stays HEAD. */
export interface RawHandler {
  matches(request: IncomingMessage): boolean;
  handle: Listener;
}

/** How one request ended. */
export interface Outcome {
  /** Milliseconds from the first byte of the head to the last of the reply. */
  readonly durationMs: number;
  readonly status: number;
  /** False when the connection ended before the reply did. */
  readonly finished: boolean;
}

export interface HttpServerOptions {
  readonly handlers: readonly RawHandler[];
  readonly fallback: Listener;
  /** Wraps the handling of a request (a context for the log); must call `run` exactly once, at once. */
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse, run: () => void) => void;
  readonly onResponse?: (request: IncomingMessage, response: ServerResponse, outcome: Outcome) => void;
  /** Told about what a handler threw; the reply is a bare 500, or a closed connection when it had begun. */
  readonly onError: (error: unknown, request: IncomingMessage) => void;
  /** Looks at every request before its handler is chosen, may set headers and change `request.url`; true when it has answered. */
  readonly prepare?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Speaks TLS with these, in PEM; HTTP/1.1 alone, for file clients are not tested with more (webdav.md §5). */
  readonly tls?: TlsPair;
  /** Milliseconds that a client may leave us waiting for its bytes, or leave ours unread. Default 120 s. */
  readonly idleTimeoutMs?: number;
}

/** A certificate with its chain, and its key; both in PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

export interface HttpServer {
  readonly server: Server;
  /** Resolves with where it listens. Throws Node's own error (`EADDRINUSE`, `EACCES`, …). */
  listen(
    where: { readonly port: number; readonly host: string } | { readonly path: string },
  ): Promise<AddressInfo | string>;
  /** Stops accepting, ends idle connections, waits for running requests until the signal aborts, then cuts what is left. */
  close(signal: AbortSignal): Promise<void>;
  /** Connections that are open now. */
  connections(): number;
  /** New connections get this certificate; those that are open keep theirs. Only where the server speaks TLS. */
  renewTls(pair: TlsPair): void;
}

/** Largest head in bytes: percent-encoded Chinese paths triple, and Destination and If repeat them (webdav.md §5). */
const MAX_HEADER_BYTES = 64 * 1024;
const HEADERS_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 72_000;
const IDLE_TIMEOUT_MS = 120_000;
/** A client that does not finish its TLS handshake in this time is cut. */
const HANDSHAKE_MS = 20_000;

/** A server that is not listening yet. */
export function createHttpServer(o: HttpServerOptions): HttpServer {
  const running = new Map<Socket, ClientState>();
  const sockets = new Set<Socket>();
  /** In their TLS handshake, by peer. */
  const shaking = new Map<string, Socket>();
  let closing = false;

  const dispatch: Listener = (request, response) => {
    const { socket } = request;
    const startedAt = performance.now();
    running.set(socket, { request, response });
    if (closing) response.shouldKeepAlive = false;
    // It closes once: `once` would wrap the listener, with every request.
    response.on("close", () => {
      if (running.get(socket)?.response === response) running.delete(socket);
      if (closing && !running.has(socket)) socket.destroySoon();
      o.onResponse?.(request, response, {
        durationMs: performance.now() - startedAt,
        status: response.statusCode,
        finished: response.writableFinished,
      });
    });
    // Without a listener an error of a reply whose client is gone would end the process.
    response.on("error", ignore);
    request.on("error", ignore);
    const run = () => void handle(request, response);
    if (o.onRequest) o.onRequest(request, response, run);
    else run();
  };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      if (o.prepare?.(request, response)) return;
      const raw = o.handlers.find((handler) => handler.matches(request));
      if (!raw && expectsOnFallback(request)) response.writeContinue();
      await (raw ? raw.handle(request, response) : o.fallback(request, response));
    } catch (error) {
      o.onError(error, request);
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { Connection: "close", "Content-Length": "0" }).end();
    }
  };

  const settings = {
    // Node's own limit would answer 408 in the middle of a long upload.
    requestTimeout: 0,
    headersTimeout: HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
    ServerResponse: SecuredResponse,
  };
  const server: Server | TlsServer = o.tls
    ? createTlsServer({ ...settings, ...o.tls, handshakeTimeout: HANDSHAKE_MS, minVersion: "TLSv1.2" }, dispatch)
    : createServer(settings, dispatch);
  server.on("checkContinue", dispatch);
  server.on(o.tls ? "secureConnection" : "connection", (socket: Socket) => {
    shaking.delete(peerOf(socket));
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  if (o.tls) {
    // The socket that was accepted is another than that of its requests: known until the handshake is done.
    server.on("connection", (socket: Socket) => {
      const peer = peerOf(socket);
      shaking.set(peer, socket);
      socket.once("close", () => {
        if (shaking.get(peer) === socket) shaking.delete(peer);
      });
    });
  }
  watchIdle(server, running, o.idleTimeoutMs ?? IDLE_TIMEOUT_MS);

  return {
    server,
    listen: (where) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(where, () => {
          server.off("error", reject);
          resolve(server.address() as AddressInfo | string);
        });
      }),
    close: async (signal) => {
      if (!server.listening) return;
      closing = true;
      // Node's own close would cut replies that have ended but are not yet taken by a slow client, for they look idle to it.
      const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
      for (const socket of sockets) if (!running.has(socket)) socket.destroy();
      for (const socket of shaking.values()) socket.destroy();
      for (const { response } of running.values()) response.shouldKeepAlive = false;
      const cut = () => {
        for (const socket of [...sockets, ...shaking.values()]) socket.destroy();
      };
      signal.addEventListener("abort", cut, { once: true });
      if (signal.aborted) cut();
      await closed;
      signal.removeEventListener("abort", cut);
      // It has closed already; this ends Node's interval that looks for slow heads.
      server.close(ignore);
    },
    connections: () => sockets.size,
    renewTls: (pair) => (server as TlsServer).setSecureContext({ ...pair, minVersion: "TLSv1.2" }),
  };
}

function expectsOnFallback(request: IncomingMessage): boolean {
  return request.headers.expect !== undefined && request.httpVersionMinor > 0;
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function ignore(): void {}
