/** Every route that answers in lines: one line here for each. */
import type { ApiApp, ApiDeps } from "./deps.ts";
import type { RawHandler } from "./raw.ts";
import { transferRoute } from "./routes/transfer.ts";
import { trashRoute } from "./routes/trash.ts";
import { totalsRoute, walkRoute } from "./routes/walk.ts";
import { createStreamHandler, describeStream } from "./stream.ts";

/** The handlers, for dispatch before Hono. */
export function createStreams(deps: ApiDeps): readonly { readonly path: string; readonly handle: RawHandler }[] {
  return [
    createStreamHandler(walkRoute(deps), deps),
    createStreamHandler(totalsRoute(deps), deps),
    createStreamHandler(transferRoute(deps), deps),
    createStreamHandler(trashRoute(deps), deps),
  ];
}

/** Names the routes in the documentation. */
export function describeStreams(app: ApiApp, deps: ApiDeps): void {
  describeStream(app, walkRoute(deps));
  describeStream(app, totalsRoute(deps));
  describeStream(app, transferRoute(deps));
  describeStream(app, trashRoute(deps));
}
