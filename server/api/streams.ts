/** Every route that answers in lines: one line here for each. */
import type { ApiApp, ApiDeps } from "./deps.ts";
import { findRoute } from "./routes/find.ts";
import { transferRoute } from "./routes/transfer.ts";
import { trashRoute } from "./routes/trash.ts";
import { totalsRoute, walkRoute } from "./routes/walk.ts";
import { createStreamHandler, describeStream, type StreamRoute } from "./stream.ts";

/** The handlers, for dispatch before Hono. */
export function createStreams(deps: ApiDeps): readonly ReturnType<typeof createStreamHandler>[] {
  return routes(deps).map((route) => createStreamHandler(route, deps));
}

/** Names the routes in the documentation. */
export function describeStreams(app: ApiApp, deps: ApiDeps): void {
  for (const route of routes(deps)) describeStream(app, route);
}

function routes(deps: ApiDeps): readonly StreamRoute<unknown>[] {
  return [walkRoute(deps), findRoute(deps), totalsRoute(deps), transferRoute(), trashRoute()];
}
