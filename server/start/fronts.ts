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
import { createApp } from "../app.ts";
import { createHttpServer, type HttpServer } from "../http/server.ts";
import type { Logger } from "../log.ts";
import { createWebdav, isWebdavRequest } from "../webdav/handler.ts";
import { logRequests } from "./request-log.ts";

/** Who may come in: `owner` on the control socket, anybody who can prove himself elsewhere. */
export type Door = "owner" | "visitor";

/** A maker of servers, not listening yet, whose fronts are shared. */
export function createFronts(deps: ApiDeps, log: Logger): (door: Door) => HttpServer {
  const { vfs, auth } = deps;
  const app = createApp(deps);
  const read = createReadHandler(deps);
  const content = createContentHandler(deps);
  const uploadLocal = createStreamHandler(uploadLocalRoute(deps), deps);
  const streams = createStreams(deps);
  const publicHost = hostOf(deps.settings.get("site_url"));
  return (door) => {
    const owner = door === "owner";
    const raw = (path: string, handle: RawHandler) => ({
      matches: ({ url = "" }: IncomingMessage) => url === path || url.startsWith(`${path}?`),
      handle: (request: IncomingMessage, response: ServerResponse) => handle(request, response, { owner }),
    });
    const webdav = createWebdav({
      vfs,
      log,
      publicHosts: publicHost ? [publicHost] : [],
      authenticate: (header, address) =>
        owner ? auth.authenticator.owner() : auth.authenticator.basic(header, address),
    });
    return createHttpServer({
      handlers: [
        { matches: (request) => isWebdavRequest(request), handle: webdav },
        raw(READ_PATH, read),
        raw(CONTENT_PATH, content),
        ...streams.map(({ path, handle }) => raw(path, handle)),
        // Whoever opens the control socket could read those files anyway.
        ...(owner ? [raw(uploadLocal.path, uploadLocal.handle)] : []),
      ],
      fallback: getRequestListener(
        (request, env) => app.fetch(request, { incoming: env.incoming, owner } as Bindings),
        { overrideGlobalObjects: false },
      ),
      ...logRequests(log),
    });
  };
}

function hostOf(siteUrl: string): string | undefined {
  return URL.canParse(siteUrl) ? new URL(siteUrl).host : undefined;
}
