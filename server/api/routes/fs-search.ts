/** Searching names (alist-api.md §6). */
import { z } from "@hono/zod-openapi";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ApiError } from "../envelope.ts";
import { pageOf } from "../page.ts";
import { wireInt, wireText } from "../wire-fields.ts";

const hit = z.object({ parent: z.string(), name: z.string(), is_dir: z.boolean(), size: z.int(), type: z.int() });

/** Adds `/api/fs/search`. There is no index yet, and it says so. */
export function fsSearchRoutes(app: ApiApp, deps: ApiDeps): void {
  declare(
    app,
    deps,
    {
      method: "any",
      path: "/api/fs/search",
      summary: "Find names below a directory",
      access: "guest",
      input: z.object({
        parent: wireText(),
        keywords: wireText(),
        scope: wireInt(),
        page: wireInt(),
        per_page: wireInt(),
        password: wireText(),
      }),
      output: pageOf(hit),
    },
    async ({ input: { page = 0, per_page = 0 } }) => {
      if (page < 1 || per_page < 1) throw new ApiError(400, "page can't < 1");
      throw new ApiError(404, "search not available");
    },
  );
}
