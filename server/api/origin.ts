/** Under which address clients reach this server. */
import type { Context } from "hono";
import type { Settings } from "../store/settings.ts";

/** `site_url` where it is one, else what the request says, proxies included (alist-api.md §2); no trailing slash. */
export function publicOrigin(c: Context, settings: Settings): string {
  const site = settings.get("site_url");
  if (site.startsWith("http")) return site.replace(/\/+$/, "");
  const url = new URL(c.req.url);
  const scheme = c.req.header("X-Forwarded-Proto") === "https" ? "https" : url.protocol.slice(0, -1);
  return `${scheme}://${c.req.header("X-Forwarded-Host") ?? url.host}`;
}
