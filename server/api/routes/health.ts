/** Whether the server serves, for balancers and people. */
import { z } from "@hono/zod-openapi";
import type { ApiApp, ApiDeps } from "../deps.ts";

const health = z.object({
  status: z.literal("ok"),
  version: z.string(),
  mounts: z.array(z.object({ path: z.string(), state: z.enum(["starting", "working", "failed", "disabled"]) })),
});

/** Adds `/ping` (alist-api.md §2) and `/healthz`, which need no login and say nothing that does. A failed mount harms nobody else, so the status stays 200. */
export function healthRoutes(app: ApiApp, { vfs, version }: ApiDeps): void {
  app.openAPIRegistry.registerPath({
    method: "get",
    path: "/ping",
    summary: "Whether the server answers",
    responses: { 200: { description: "the text pong", content: { "text/plain": { schema: z.string() } } } },
  });
  app.get("/ping", (c) => c.text("pong"));

  app.openAPIRegistry.registerPath({
    method: "get",
    path: "/healthz",
    summary: "The server's state and that of every mount",
    responses: { 200: { description: "while serving", content: { "application/json": { schema: health } } } },
  });
  app.get("/healthz", (c) => {
    const mounts = vfs.storages.list().map(({ mountPath, state }) => ({ path: mountPath, state }));
    return c.json({ status: "ok", version, mounts } satisfies z.input<typeof health>);
  });
}
