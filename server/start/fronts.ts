/** All fronts behind one HTTP server: raw handlers first, then Hono. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { CONTENT_PATH, createContentHandler } from "../api/content-handler.ts";
import type { ApiDeps, Bindings } from "../api/deps.ts";
import type { RawHandler } from "../api/raw.ts";
import { createReadHandler, READ_PATH } from "../api/read-handler.ts";
import { uploadLocalRoute } from "../api/routes/upload-local.ts";
import { createStreamHandler } from "../api/stream.ts";
import { createStreams } from "../api/streams.ts";
import { createTaskEvents, TASK_EVENTS_PATH } from "../api/task-events.ts";
import { createApp } from "../app.ts";
import { createHttpServer, type HttpServer, type TlsPair } from "../http/server.ts";
import type { Logger } from "../log.ts";
import { createMetricsHandler, METRICS_PATH } from "../metrics/handler.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { createWebdav, isWebdavRequest } from "../webdav/handler.ts";
import { createGate } from "./gate.ts";
import { logRequests } from "./request-log.ts";

/** Who may come in: `owner` on the control socket, anybody who can prove himself elsewhere. */
export type Door = "owner" | "visitor";

export interface FrontsOptions {
  /** Before every path of visitors: `/pandav`; empty at the root. The control socket has none. */
  readonly basePath?: string;
  readonly metrics?: Metrics;
}

/** A maker of servers, not listening yet, whose fronts are shared. */
export function createFronts(
  deps: ApiDeps,
  log: Logger,
  o: FrontsOptions = {},
): (door: Door, tls?: TlsPair) => HttpServer {
  const { vfs, auth } = deps;
  const app = createApp(deps);
  const read = createReadHandler(deps);
  const content = createContentHandler(deps);
  const uploadLocal = createStreamHandler(uploadLocalRoute(), deps);
  const streams = createStreams(deps);
  const taskEvents = createTaskEvents(deps);
  const metrics = o.metrics && createMetricsHandler(o.metrics, auth.authenticator);
  return (door, tls) => {
    const owner = door === "owner";
    const basePath = owner ? "" : (o.basePath ?? "");
    const prefix = `${basePath}/dav`;
    const gate = createGate(deps.settings, { basePath, isWebdav: (request) => isWebdavRequest(request, prefix) });
    const raw = (path: string, handle: RawHandler) => ({
      matches: ({ url = "" }: IncomingMessage) => url === path || url.startsWith(`${path}?`),
      handle: (request: IncomingMessage, response: ServerResponse) => handle(request, response, { owner }),
    });
    const webdav = createWebdav({
      vfs,
      log,
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
        raw(READ_PATH, read),
        raw(CONTENT_PATH, content),
        raw(TASK_EVENTS_PATH, taskEvents),
        ...streams.map(({ path, handle }) => raw(path, handle)),
        // Whoever opens the control socket could read those files anyway.
        ...(owner ? [raw(uploadLocal.path, uploadLocal.handle)] : []),
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
