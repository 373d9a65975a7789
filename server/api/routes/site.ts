/** What browsers and machines look for at fixed places: an icon, a picture, a word for search engines, and how to install an app (alist-api.md §8.1). */
import { z } from "@hono/zod-openapi";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { JSON_TYPE } from "../envelope.ts";

/** A square pan seen from above; our own drawing. */
const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#1890ff"/><circle cx="28" cy="32" r="16" fill="#fff"/><circle cx="28" cy="32" r="9" fill="#1890ff"/><rect x="42" y="28" width="16" height="8" rx="4" fill="#fff"/></svg>`;

/** Adds `/favicon.ico`, `/logo.svg`, `/manifest.json`, `/robots.txt` and `/i/{name}`. */
export function siteRoutes(app: ApiApp, { settings }: ApiDeps): void {
  describe(app, "/favicon.ico", "Where the icon is", 302, undefined);
  app.get("/favicon.ico", (c) => {
    const icon = settings.get("favicon");
    // Nothing but an address that a browser fetches may stand here.
    const address = /^(?:https?:\/\/|\/(?!\/))/.test(icon) ? icon : "/logo.svg";
    return c.redirect(within(c.env?.basePath, address).replace(/[^\x21-\x7e]/gu, encodeURIComponent), 302);
  });

  describe(app, "/logo.svg", "A picture of the server", 200, "image/svg+xml");
  app.get("/logo.svg", (c) => c.body(LOGO, 200, { "Content-Type": "image/svg+xml", "Cache-Control": "max-age=86400" }));

  describe(
    app,
    "/manifest.json",
    "What a browser needs to know to install a front end as an app",
    200,
    "application/json",
  );
  app.get("/manifest.json", (c) => {
    const base = c.env?.basePath ?? "";
    const icons = [{ src: `${base}/favicon.ico`, sizes: "any" }];
    const root = `${base}/`;
    const manifest = { display: "standalone", scope: root, start_url: root, name: settings.get("site_title"), icons };
    return c.json(manifest, 200, { "Cache-Control": "public, max-age=3600" });
  });

  describe(app, "/robots.txt", "What search engines are told", 200, "text/plain");
  app.get("/robots.txt", (c) => c.text(settings.get("robots_txt")));

  describe(app, "/i/{name}", "The manifest by which iOS installs an app", 200, "application/xml");
  app.get("/i/:name", (c) => {
    const manifest = toManifest(c.req.param("name"));
    if (manifest !== undefined) return c.body(manifest, 200, { "Content-Type": "application/xml;charset=utf-8" });
    const envelope = { code: 400, message: "the name is no address and title in base64", data: null };
    return c.body(JSON.stringify(envelope), 200, { "Content-Type": JSON_TYPE });
  });
}

function within(basePath = "", address: string): string {
  return address.startsWith("/") ? `${basePath}${address}` : address;
}

/** `<base64 of address/title>.plist` as a manifest; undefined where it is none. */
function toManifest(name: string): string | undefined {
  const encoded = /^([A-Za-z0-9_.-]+)\.plist$/.exec(name)?.[1];
  if (encoded === undefined) return undefined;
  const base64 = encoded.replaceAll("-", "+").replaceAll("_", "/").replaceAll(".", "=");
  const [address, title, ...more] = Buffer.from(base64, "base64").toString("utf8").split("/").map(decoded);
  if (address === undefined || title === undefined || more.length > 0 || !/^https?:\/\//.test(address))
    return undefined;
  const at = title.lastIndexOf("@");
  const [shown, bundle] =
    at > 0 ? [title.slice(0, at), title.slice(at + 1)] : [title, `ci.nn.${encodeURIComponent(title)}`];
  const entry = (key: string, value: string) => `<key>${key}</key><string>${escapeXml(value)}</string>`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict><key>items</key><array><dict>
<key>assets</key><array><dict>${entry("kind", "software-package")}${entry("url", address)}</dict></array>
<key>metadata</key><dict>${entry("bundle-identifier", bundle)}${entry("bundle-version", "1.0")}${entry("kind", "software")}${entry("title", shown)}</dict>
</dict></array></dict></plist>
`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function escapeXml(text: string): string {
  const marks: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
  return text.replace(/[&<>]/g, (mark) => marks[mark] ?? mark).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");
}

function describe(app: ApiApp, path: string, summary: string, status: 200 | 302, type: string | undefined): void {
  app.openAPIRegistry.registerPath({
    method: "get",
    path,
    summary,
    ...(path.includes("{") && { request: { params: z.object({ name: z.string() }) } }),
    responses: {
      [status]: { description: summary, ...(type && { content: { [type]: { schema: z.string() } } }) },
    },
  });
}
