/** All fronts behind one HTTP server: raw handlers first, then Hono. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { ApiDeps, Bindings } from "../api/deps.ts";
import { PieceUploads } from "../api/piece-uploads.ts";
import type { RawHandler } from "../api/raw.ts";
import { createRawRoutes } from "../api/raw-routes.ts";
import { createApp } from "../app.ts";
import { createDownload, isDownload } from "../download/handler.ts";
import { createSharedDownload, isSharedDownload } from "../download/shared.ts";
import type { Folder } from "../frontend/folder.ts";
import { createFrontend } from "../frontend/handler.ts";
import { createHttpServer, type HttpServer, type TlsPair } from "../http/server.ts";
import type { Logger } from "../log.ts";
import { createMetricsHandler, METRICS_PATH } from "../metrics/handler.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { WebdavHandler, WebdavOptions } from "../webdav/handler.ts";
import { isWebdavRequest } from "../webdav/requests.ts";
import { createGate } from "./gate.ts";
import { logRequests } from "./request-log.ts";

/** Who may come in: `owner` on the control socket, anybody who can prove himself elsewhere. */
export type Door = "owner" | "visitor";

export interface FrontsOptions {
  /** Before every path of visitors: `/pandav`; empty at the root. The control socket has none. */
  readonly basePath?: string;
  readonly metrics?: Metrics;
}

/** What one server has of its own. */
export interface DoorOptions {
  readonly tls?: TlsPair;
  /** A built front end; for visitors. */
  readonly frontend?: Folder;
}

/** Addresses of files in AList's (alist-api.md §8.1, §14): a download program that asks for one that is not there gets no page. */
const FILE_ADDRESSES = ["dav", "d", "p", "ad", "ap", "ae", "sd", "sad", "sp"];

/** A maker of servers, not listening yet, whose fronts are shared. */
export function createFronts(
  deps: ApiDeps,
  log: Logger,
  o: FrontsOptions = {},
): (door: Door, own?: DoorOptions) => HttpServer {
  const { vfs, auth } = deps;
  const pieces = new PieceUploads();
  const app = createApp(deps, pieces);
  const rawRoutes = createRawRoutes(deps, pieces);
  const download = createDownload({ vfs, signatures: auth.signatures, log });
  const { shares, users, permissions, signatures } = auth;
  const sharedDownload = createSharedDownload({ vfs, shares, users, permissions, signatures, log });
  const metrics = o.metrics && createMetricsHandler(o.metrics, auth.authenticator);
  const taken = new Set([
    ...app.routes.map(({ path }) => path.split("/")[1] ?? "").filter((segment) => segment !== ""),
    ...[METRICS_PATH.slice(1), ...FILE_ADDRESSES],
  ]);
  return (door, { tls, frontend } = {}) => {
    const owner = door === "owner";
    const basePath = owner ? "" : (o.basePath ?? "");
    const prefix = `${basePath}/dav`;
    const gate = createGate(deps.settings, { basePath, isWebdav: (request) => isWebdavRequest(request, prefix) });
    const raw = (path: string, handle: RawHandler, methods?: readonly string[]) => ({
      matches: ({ url = "", method = "" }: IncomingMessage) =>
        (url === path || url.startsWith(`${path}?`)) &&
        (!methods || methods.includes(method === "HEAD" ? "GET" : method)),
      handle: (request: IncomingMessage, response: ServerResponse) => handle(request, response, { owner }),
    });
    const webdav = lazyWebdav({
      vfs,
      log,
      tasks: deps.tasks,
      prefix,
      permissions: auth.permissions,
      get publicHosts() {
        return gate.publicHosts();
      },
      authenticate: (header, address) =>
        owner ? auth.authenticator.owner() : auth.authenticator.basic(header, address),
    });
    const hooks = logRequests(log);
    const server = createHttpServer({
      prepare: gate.enter,
      handlers: [
        { matches: (request) => isWebdavRequest(request, prefix), handle: webdav },
        ...(metrics ? [raw(METRICS_PATH, metrics)] : []),
        ...rawRoutes
          .filter(({ ownerOnly }) => owner || !ownerOnly)
          .map(({ path, handle, methods }) => raw(path, handle, methods)),
        { matches: isDownload, handle: download },
        { matches: isSharedDownload, handle: sharedDownload },
        ...(frontend ? [createFrontend({ folder: frontend, settings: deps.settings, basePath, taken })] : []),
      ],
      fallback: getRequestListener(
        (request, env) =>
          app.fetch(request, { incoming: env.incoming, owner, ...(basePath && { basePath }) } as Bindings),
        { overrideGlobalObjects: false },
      ),
      ...(tls && { tls }),
      ...hooks,
      onResponse(request, response, outcome) {
        hooks.onResponse(request, response, outcome);
        o.metrics?.request(request.method, outcome);
      },
    });
    o.metrics?.watch(server);
    return server;
  };
}

/** The WebDAV front, loaded for its first request: a command that serves only itself does without. */
function lazyWebdav(o: WebdavOptions): WebdavHandler {
  let loading: Promise<WebdavHandler> | undefined;
  return async (request, response) => {
    loading ??= import("../webdav/handler.ts").then(({ createWebdav }) => createWebdav(o));
    return (await loading)(request, response);
  };
}
