/** The index of names as AList administers it (alist-api.md §12.6). */
import { z } from "@hono/zod-openapi";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ApiError } from "../envelope.ts";
import { toTime } from "../objects.ts";
import { nothing } from "../schemas.ts";
import { userPath } from "../user-path.ts";
import { wireInt } from "../wire-fields.ts";

/** `max_depth` below 0: as deep as the setting says. AList sends more fields, which say nothing here. */
const scopeInput = z.object({
  paths: z.array(z.string()).max(1000).nullish(),
  max_depth: wireInt(),
});

const progressOutput = z.object({
  obj_count: z.int(),
  is_done: z.boolean(),
  last_done_time: z.string().nullable(),
  error: z.string(),
});

/** Adds `/api/admin/index/*`. */
export function indexRoutes(app: ApiApp, deps: ApiDeps): void {
  const { settings, crawler, vfs } = deps;
  /** Throws where there is no search. */
  const index = () => {
    if (settings.get("search_index") === "none" || !vfs.nameIndex) throw new ApiError(404, "search not available");
    return vfs.nameIndex;
  };
  const add = (name: string, summary: string, input: typeof scopeInput | typeof nothing, act: Act) =>
    declare(
      app,
      deps,
      { method: "post", path: `/api/admin/index/${name}`, summary, access: "admin", input, output: z.null() },
      async ({ input: sent, caller: { user } }) => {
        const found = index();
        await act(found, sent as z.output<typeof scopeInput>, user);
        return null;
      },
    );
  const refuseRunning = async () => {
    if ((await crawler.progress()).isRunning) throw new ApiError(400, "index is running");
  };

  add(
    "build",
    "List what is not known yet; what is found already goes on being found",
    scopeInput,
    async (names, { max_depth = -1 }, user) => {
      await refuseRunning();
      await names.fill();
      // AList builds the whole, whatever paths it is sent.
      await crawler.begin(["/"], user, { ...(max_depth >= 0 && { maxDepth: max_depth }) });
    },
  );
  add("update", "List the directories below some paths once more", scopeInput, async (_, sent, user) => {
    await refuseRunning();
    const paths = (sent.paths ?? []).map((path) => userPath(user, path));
    if (paths.length === 0) throw new ApiError(400, "paths is empty: name at least one");
    const { max_depth = -1 } = sent;
    await crawler.begin(paths, user, { anew: true, ...(max_depth >= 0 && { maxDepth: max_depth }) });
  });
  add("stop", "Stop listing; what was listed stays, and how far it came", nothing, async () => {
    if ((await crawler.stop()) === 0) throw new ApiError(400, "index is not running");
  });
  add("clear", "Empty the index; it stays empty until it is built", nothing, async (names) => {
    await refuseRunning();
    await names.clear();
    await crawler.forget();
  });

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/index/progress",
      summary: "How many names the index holds, and whether directories are being listed for it",
      access: "admin",
      input: nothing,
      output: progressOutput,
    },
    async () => {
      const [status, progress] = await Promise.all([index().status(), crawler.progress()]);
      return {
        obj_count: status.names,
        is_done: !progress.isRunning && status.state !== "building",
        last_done_time: progress.doneAt === undefined ? null : toTime(progress.doneAt),
        error: progress.error ?? "",
      };
    },
  );
}

type Index = NonNullable<ApiDeps["vfs"]["nameIndex"]>;
type Act = (
  index: Index,
  input: z.output<typeof scopeInput>,
  user: Parameters<ApiDeps["crawler"]["begin"]>[1],
) => Promise<void>;
