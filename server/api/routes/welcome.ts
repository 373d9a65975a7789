/** What a browser sees at the server's root until the panel lives there: that the server runs, and where its files are. */
import { z } from "@hono/zod-openapi";
import type { ApiApp } from "../deps.ts";

const page = (base: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Pandav</title>
<h1>Pandav</h1>
<p>The server runs. Your files are at <a href="${base}/dav/">${base}/dav/</a>, for WebDAV clients and for this browser; the documentation of the API is at
<a href="${base}/api/openapi.json">${base}/api/openapi.json</a>.</p>
<p lang="zh-CN">服务器正在运行。文件位于 <a href="${base}/dav/">${base}/dav/</a>，可用 WebDAV 客户端或浏览器打开；API 文档位于
<a href="${base}/api/openapi.json">${base}/api/openapi.json</a>。</p>
</html>
`;

/** Adds `GET /`. It needs no login and tells nothing that does. */
export function welcomeRoute(app: ApiApp): void {
  app.openAPIRegistry.registerPath({
    method: "get",
    path: "/",
    summary: "A page that says that the server runs",
    responses: { 200: { description: "the page", content: { "text/html": { schema: z.string() } } } },
  });
  app.get("/", (c) => {
    c.header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    c.header("X-Content-Type-Options", "nosniff");
    return c.html(page(c.env?.basePath ?? ""));
  });
}
