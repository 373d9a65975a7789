/** Joins the fronts that run on Hono. No logic. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { mountApi } from "./api/api.ts";
import type { ApiDeps, ApiEnv } from "./api/deps.ts";
import { PieceUploads } from "./api/piece-uploads.ts";

/**
 * The app: call it with `app.fetch(request, { incoming, owner })`; `owner: true` marks the control socket.
 * `pieces`: what it shares with the raw routes. Those (`/dav`, `/api/pandav/fs/read`, …) are dispatched before it.
 */
export function createApp(deps: ApiDeps, pieces = new PieceUploads()): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>();
  mountApi(app, deps, pieces);
  return app;
}
