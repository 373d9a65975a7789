/** The simulator on loopback sockets: one port for each host, HTTP or HTTPS, and the sockets of the QR login. */
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { send } from "./send.ts";
import { createSjtuPan, type SjtuPan, type SjtuPanOptions } from "./sjtu-pan.ts";
import { HOSTS, Query, type Role, type SimRequest } from "./wire.ts";

export interface StartOptions extends SjtuPanOptions {
  /** Serves this one instead of a new one. */
  readonly simulator?: SjtuPan;
  /** Where to listen. Default: 127.0.0.1. */
  readonly address?: string;
  /** HTTPS at one port for all hosts, told apart by the `Host` header. Default: HTTP, a free port for each host. */
  readonly https?: { readonly port: number; readonly key: string; readonly cert: string };
  /** First of the four ports; 0: any that are free. */
  readonly port?: number;
}

export interface RunningSjtuPan extends SjtuPan {
  /** `http://127.0.0.1:…` of each role; with HTTPS all are the same. */
  readonly origins: Readonly<Record<Role, string>>;
  /** Real host → origin: what `DriverEnv.upstreams` takes. */
  readonly upstreams: Readonly<Record<string, string>>;
  /** Stops listening and cuts what is open. */
  close(): Promise<void>;
}

const ROLES: readonly Role[] = ["pan", "jaccount", "my", "store"];

/** Starts the simulator and resolves when it listens. */
export async function startSjtuPan(options: StartOptions = {}): Promise<RunningSjtuPan> {
  const simulator = options.simulator ?? createSjtuPan(options);
  const address = options.address ?? "127.0.0.1";
  const secure = options.https;
  const listeners = secure
    ? [await listen(simulator, undefined, address, secure.port, secure)]
    : await inOrder(ROLES, (role, i) => listen(simulator, role, address, options.port ? options.port + i : 0));
  const origins = Object.fromEntries(
    ROLES.map((role, i) => {
      const { port } = (listeners[i] ?? listeners[0])!.server.address() as AddressInfo;
      return [role, `${secure ? "https" : "http"}://${address}:${port}`];
    }),
  ) as Record<Role, string>;
  const upstreams = {
    ...Object.fromEntries(ROLES.map((role) => [HOSTS[role], origins[role]])),
    [simulator.world.storeHost]: origins.store,
    "*.jcloud.sjtu.edu.cn": origins.store,
  };
  return Object.assign(simulator, {
    origins,
    upstreams,
    async close() {
      simulator.qr.end();
      await Promise.all(listeners.map((listener) => listener.close()));
    },
  });
}

interface Listener {
  readonly server: http.Server;
  close(): Promise<void>;
}

async function listen(
  simulator: SjtuPan,
  role: Role | undefined,
  address: string,
  port: number,
  secure?: { readonly key: string; readonly cert: string },
): Promise<Listener> {
  const answer = (req: http.IncomingMessage, res: http.ServerResponse) => {
    const request = requestOf(req, simulator, role);
    if (!request) {
      req.resume();
      res.writeHead(421).end("no such host here");
      return;
    }
    void simulator
      .handle(request)
      .then((outcome) => send(outcome, req, res))
      .catch((error: unknown) => {
        process.stderr.write(`simulator: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
        res.destroy();
      });
  };
  const limits = { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 60_000 };
  const server = secure
    ? https.createServer({ ...limits, key: secure.key, cert: secure.cert }, answer)
    : http.createServer(limits, answer);
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (req, socket: Duplex, head) => upgrade(simulator, sockets, role, req, socket, head));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, resolve);
  });
  return {
    server,
    close: () =>
      new Promise((resolve) => {
        for (const client of sockets.clients) client.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function upgrade(
  simulator: SjtuPan,
  sockets: WebSocketServer,
  role: Role | undefined,
  req: http.IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const request = requestOf(req, simulator, role);
  const uuid = /^\/jaccount\/sub\/([^/]+)$/.exec(request?.rawPath ?? "")?.[1];
  const known = request?.role === "jaccount" ? uuid : undefined;
  const refusal = request ? simulator.handleUpgrade(request, known) : 421;
  if (refusal === "cut") {
    socket.destroy();
    return;
  }
  if (refusal !== undefined || known === undefined) {
    socket.end(
      `HTTP/1.1 ${refusal ?? 404} ${http.STATUS_CODES[refusal ?? 404]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
    return;
  }
  sockets.handleUpgrade(req, socket, head, (client) => {
    const line = simulator.qr.connect(known, {
      send: (text) => client.send(text),
      close: () => client.terminate(),
    });
    client.on("message", (data, isBinary) => {
      if (!isBinary) line.message(String(data));
    });
    client.on("close", () => line.closed());
    client.on("error", () => client.terminate());
  });
}

function requestOf(req: http.IncomingMessage, simulator: SjtuPan, role: Role | undefined): SimRequest | undefined {
  const host = req.headers.host ?? "";
  const of = roleOf(host, simulator.world.storeHost) ?? role;
  if (!of) return undefined;
  const [rawPath = "/", ...query] = (req.url ?? "/").split("?");
  return {
    method: req.method ?? "GET",
    role: of,
    host,
    rawPath,
    query: new Query(query.join("?")),
    headers: req.headers,
    body: req,
  };
}

/** Which host of the service a `Host` header means, with or without a port. */
function roleOf(host: string, storeHost: string): Role | undefined {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  if (host === storeHost || /^s3pan[a-z0-9-]*\.jcloud\.sjtu\.edu\.cn$/.test(name)) return "store";
  return ROLES.find((role) => HOSTS[role] === name);
}

async function inOrder<T, R>(all: readonly T[], run: (one: T, index: number) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (const [i, one] of all.entries()) done.push(await run(one, i));
  return done;
}
