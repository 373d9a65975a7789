/** Under which address clients reach this server. */
import type { Context } from "hono";
import { clientOf } from "../http/client.ts";
import { parseUrls } from "../http/public-urls.ts";
import type { Settings } from "../store/settings.ts";
import type { ApiEnv } from "./deps.ts";

/** The first `site_url` where there is one, else what the request says, trusted proxies included (alist-api.md §2); with the base path, no trailing slash. */
export function publicOrigin(c: Context<ApiEnv>, settings: Settings): string {
  const [site] = parseUrls(settings.get("site_url"));
  const basePath = c.env?.basePath ?? "";
  if (site) {
    const path = site.pathname.replace(/\/+$/, "");
    return `${site.origin}${path === "" ? basePath : path}`;
  }
  const url = new URL(c.req.url);
  const client = c.env?.incoming && clientOf(c.env.incoming);
  return `${client?.scheme ?? url.protocol.slice(0, -1)}://${client?.host ?? url.host}${basePath}`;
}
