import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "#server/frontend/folder.ts";
import { renderPage } from "#server/frontend/page.ts";
import { runPandav } from "#test/support/pandav.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

const INDEX = `<!doctype html><html><head><!-- customize head -->
<link href="/manifest.json" rel="manifest" >
<link rel="shortcut icon" type="image/ico" href="https://logo.example/logo.svg" >
<title>Loading...</title>
<script>window.CONFIG = { cdn: undefined, base_path: undefined, api: undefined, main_color: undefined }</script>
</head><body><div id="root"></div><!-- customize body --><SCRIPT type="module" src="/assets/a.js"></SCRIPT></body></html>`;

const BIG = "x = 1;\n".repeat(1000);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pandav-frontend-"));
  const dist = join(folder, "dist");
  mkdirSync(join(dist, "assets"), { recursive: true });
  mkdirSync(join(dist, "static"));
  writeFileSync(join(dist, "index.html"), INDEX);
  writeFileSync(join(dist, "assets", "a.js"), BIG);
  writeFileSync(join(dist, "static", "b.json"), "{}");
  writeFileSync(join(dist, ".hidden"), "hidden");
  writeFileSync(join(folder, "outside.txt"), "outside");
  symlinkSync(join(folder, "outside.txt"), join(dist, "static", "link.txt"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("pandav serve --frontend", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer({ args: ["--frontend", join(folder, "dist"), "--base-path", "/pan"] });
  });
  afterAll(() => server.stop());
  const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    fetch(`${server.url}${path}`, { method, headers, redirect: "manual" });
  const asBrowser = { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

  it("serves the page at the root and for every address a browser opens (alist-api.md §16)", async () => {
    for (const path of ["/", "/@manage/storages", "/@s/share/x", "/local/films/a.mkv", "/assets"]) {
      const reply = await get(path, asBrowser);
      expect([path, reply.status, reply.headers.get("content-type")]).toEqual([path, 200, "text/html; charset=utf-8"]);
      expect(reply.headers.get("cache-control")).toBe("no-store");
      const page = await reply.text();
      expect(page).toContain('cdn: "/pan", base_path: "/pan", api: undefined, main_color: "#1890ff"');
      expect(page).toContain("<title>Pandav</title>");
      expect(page).toContain('<link href="/pan/manifest.json" rel="manifest" >');
      expect(page).not.toContain("logo.example");
    }
  });

  it("lets only scripts run that bear the page's nonce, which is new each time (decision 0025)", async () => {
    const nonces = await Promise.all(
      [1, 2].map(async () => {
        const reply = await get("/", asBrowser);
        const [, nonce] = /'nonce-([^']+)'/.exec(reply.headers.get("content-security-policy") ?? "") ?? [];
        const page = await reply.text();
        expect(page.match(/<script\b[^>]*/gi)).toHaveLength(2);
        expect([...page.matchAll(/<script nonce="([^"]*)"/gi)].map((match) => match[1])).toEqual([nonce, nonce]);
        return nonce;
      }),
    );
    expect(new Set(nonces).size).toBe(2);
    const { headers } = await get("/", asBrowser);
    expect(headers.get("content-security-policy")).not.toMatch(/script-src[^;]*'unsafe-inline'/);
  });

  it("never stands before another front: what those do not have is 404, also for a browser", async () => {
    for (const path of ["/api/nope", "/api", "/ae/local/a.zip", "/ad/x", "/ap/x", "/sad/x"]) {
      expect([path, (await get(path, asBrowser)).status]).toEqual([path, 404]);
    }
    for (const path of ["/dav/", "/d/nope/x", "/p/nope/x"]) {
      expect([path, (await get(path, asBrowser)).status]).toEqual([path, 401]);
    }
    expect(await (await get("/ping")).text()).toBe("pong");
    expect((await get("/favicon.ico")).headers.get("location")).toBe("/pan/logo.svg");
    expect(await (await get("/manifest.json")).json()).toMatchObject({ name: "Pandav", start_url: "/pan/" });
    expect((await get("/local", asBrowser, "POST")).status).toBe(404);
    expect((await fetch(`${server.url.replace("/pan", "")}/`, { headers: asBrowser })).status).toBe(404);
  });

  it("serves files compressed, hashed ones for half a year, others to be asked for again (alist-api.md §2)", async () => {
    const script = await get("/assets/a.js", { "Accept-Encoding": "identity" });
    expect(script.headers.get("content-type")).toBe("text/javascript");
    expect(script.headers.get("cache-control")).toBe("public, max-age=15552000");
    expect(script.headers.get("vary")).toContain("Accept-Encoding");
    expect(await script.text()).toBe(BIG);
    const { request } = await import("node:http");
    const { port } = new URL(server.url);
    const packed = await new Promise<Buffer>((resolve, reject) => {
      request({ port, path: "/pan/assets/a.js", headers: { "Accept-Encoding": "gzip" } }, (reply) => {
        const chunks: Buffer[] = [];
        expect(reply.headers["content-encoding"]).toBe("gzip");
        reply.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => resolve(Buffer.concat(chunks)));
      })
        .on("error", reject)
        .end();
    });
    expect(packed.length).toBeLessThan(BIG.length / 5);
    expect(gunzipSync(packed).toString()).toBe(BIG);
    const other = await get("/static/b.json");
    expect(other.headers.get("cache-control")).toBe("no-cache");
    const again = await get("/static/b.json", { "If-None-Match": other.headers.get("etag") ?? "" });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const head = await get("/static/b.json", {}, "HEAD");
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "2"]);
  });

  it("a script or picture that is missing is 404, and no page", async () => {
    expect((await get("/assets/none.js", { Accept: "*/*" })).status).toBe(404);
  });

  it("shows nothing hidden and nothing outside the folder, however it is asked for", async () => {
    for (const path of ["/.hidden", "/static/link.txt", "/static/..%2f..%2foutside.txt"]) {
      const reply = await get(path);
      expect([path, reply.status]).toEqual([path, 404]);
      expect(await reply.text()).not.toMatch(/hidden$|outside$/);
    }
  });
});

it("a folder without index.html is refused in one line before anything is opened", async () => {
  const empty = join(folder, "empty");
  mkdirSync(empty);
  const { code, stderr } = await runPandav([
    "serve",
    "--port",
    "0",
    "--data",
    join(folder, "data"),
    "--frontend",
    empty,
  ]);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/^.*--frontend: .*empty holds no index\.html: name the folder/);
});

it("renders what administrators wrote where it is meant, and as text elsewhere", () => {
  const page = renderPage(INDEX, {
    basePath: "",
    title: "a <b>$& title",
    color: '</script><script>"',
    icon: '/favicon.ico"',
    head: "<script>mine()</script>",
    body: "<p>$' end</p>",
    nonce: "n",
  });
  expect(page).toContain("<title>a &lt;b&gt;$&amp; title</title>");
  expect(page).toContain(String.raw`main_color: "\u003c/script>\u003cscript>\"" }`);
  expect(page).toContain('<link rel="shortcut icon" href="/favicon.ico&quot;" >');
  expect(page).toContain('<html><head><script nonce="n">mine()</script>');
  expect(page).toContain("<p>$' end</p>");
});

it("finds a front end that was put in place of another", async () => {
  const dist = join(folder, "newer");
  mkdirSync(dist);
  writeFileSync(join(dist, "index.html"), INDEX);
  const opened = openFolder(dist);
  expect(await opened.find("/later.txt")).toBeUndefined();
  writeFileSync(join(dist, "later.txt"), "later");
  expect(await opened.find("/later.txt")).toMatchObject({ size: 5, kind: "file" });
});
