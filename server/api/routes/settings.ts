/** The server's settings: what everybody may know of them, and administering them (alist-api.md §10, §12.3). */
import { z } from "@hono/zod-openapi";
import { newStaticToken } from "../../store/settings.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ApiError } from "../envelope.ts";
import { nothing } from "../schemas.ts";
import { changesIn, defaultItems, publicSettings, settingItemSchema, settingItems } from "../setting-items.ts";
import { wireInt, wireText } from "../wire-fields.ts";

/** What clients send of an item; the rest of it is ours to say. */
const sentItem = z.object({ key: z.string().min(1).max(100), value: z.string() });

/** Adds `/api/public/*` and `/api/admin/setting/*`, less what services need that are not here. */
export function settingRoutes(app: ApiApp, deps: ApiDeps): void {
  const { settings, version } = deps;
  const items = () => settingItems(settings, version);

  declare(
    app,
    deps,
    {
      method: "any",
      path: "/api/public/settings",
      summary: "The settings that front ends work by",
      access: "open",
      input: nothing,
      output: z.record(z.string(), z.string()),
    },
    async () => publicSettings(settings, version),
  );

  for (const [path, summary] of [
    ["/api/public/offline_download_tools", "What fetches files from elsewhere by itself: nothing yet"],
    ["/api/public/archive_extensions", "Which archives are looked into: none"],
  ] as const) {
    declare(
      app,
      deps,
      { method: "any", path, summary, access: "open", input: nothing, output: z.array(z.string()) },
      async () => [],
    );
  }

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/setting/list",
      summary: "The settings, of one group or several",
      access: "admin",
      input: z.object({ group: wireInt(), groups: wireText() }),
      output: z.array(settingItemSchema),
    },
    async ({ input: { group, groups } }) => {
      const wanted = group === undefined ? groups.split(",").filter(Boolean).map(Number) : [group];
      if (wanted.some(Number.isNaN)) throw new ApiError(400, "groups holds something that is no number");
      return wanted.length === 0 ? items() : items().filter((item) => wanted.includes(item.group));
    },
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/setting/get",
      summary: "One setting by its key, or several by their keys",
      access: "admin",
      input: z.object({ key: wireText(), keys: wireText() }),
      output: z.union([settingItemSchema, z.array(settingItemSchema)]),
    },
    async ({ input: { key, keys } }) => {
      if (key === "" && keys !== "") {
        const wanted = keys.split(",");
        return items().filter((item) => wanted.includes(item.key));
      }
      const found = items().find((item) => item.key === key);
      if (!found) throw new ApiError(400, `there is no setting "${key}": record not found`);
      return found;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/setting/save",
      summary: "Change settings, all or none; what this server does not know is kept, what it only shows stays",
      access: "admin",
      source: "json",
      input: z.array(sentItem).max(2000),
      output: z.null(),
    },
    async ({ input }) => {
      const { own, foreign } = changesIn(input, settings);
      await settings.setAll(own, foreign);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/setting/default",
      summary: "The settings of a group as they are before anybody changes them",
      access: "admin",
      source: "query",
      input: z.object({ group: wireInt().pipe(z.int("group is missing")) }),
      output: z.array(settingItemSchema),
    },
    async ({ input: { group } }) => defaultItems(group),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/setting/delete",
      summary: "Forget a setting that this server does not know",
      access: "admin",
      source: "query",
      input: z.object({ key: wireText() }),
      output: z.null(),
    },
    async ({ input: { key } }) => {
      if (!settings.foreign().has(key)) throw new ApiError(500, `setting [${key}] is not deprecated`);
      await settings.forget(key);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/setting/reset_token",
      summary: "A new static token; every link made so far ends. It is shown this once",
      access: "admin",
      source: "query",
      input: nothing,
      output: z.string(),
    },
    () => setToken(newStaticToken()),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/setting/set_token",
      summary: "Another static token; every link made so far ends",
      access: "admin",
      source: "json",
      input: z.object({ token: z.string().min(8) }),
      output: z.string(),
    },
    ({ input: { token } }) => setToken(token),
  );

  async function setToken(token: string): Promise<string> {
    await settings.set("token", token);
    return token;
  }
}
