/** All fronts behind one HTTP server: raw handlers first, then Hono. */
import { getRequestListener } from "@hono/node-server";
import type { ApiDeps, Bindings } from "../api/deps.ts";
import { createReadHandler, READ_PATH } from "../api/read-handler.ts";
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
  const publicHost = hostOf(deps.settings.get("site_url"));
  return (door) => {
    const owner = door === "owner";
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
        {
          matches: ({ url = "" }) => url === READ_PATH || url.startsWith(`${READ_PATH}?`),
          handle: (request, response) => read(request, response, { owner }),
        },
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
