/** `--frontend DIR`: a built front end of AList's kind, served beside the fronts it speaks to (alist-api.md §16). */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { LRUCache } from "lru-cache";
import { endReply } from "../http/body.ts";
import { acceptsGzip, compress, isWorthCompressing, varyByCoding } from "../http/content-coding.ts";
import { contentTypeOf } from "../http/content-type.ts";
import { parseUrls } from "../http/public-urls.ts";
import { closeSignal, sendStream } from "../http/send.ts";
import { isAnsweredByCondition } from "../http/send-file.ts";
import type { Settings } from "../store/settings.ts";
import { type Folder, type FolderFile, INDEX } from "./folder.ts";
import { renderPage } from "./page.ts";
import { FILE_POLICY, pagePolicy } from "./policy.ts";

export interface FrontendOptions {
  readonly folder: Folder;
  readonly settings: Pick<Settings, "get">;
  /** Where the server is mounted; empty at the root. */
  readonly basePath: string;
  /** First segments of paths that other fronts answer, or refuse. */
  readonly taken: ReadonlySet<string>;
}

export interface FrontendHandler {
  matches(request: IncomingMessage): boolean;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** Files whose names change with their content (alist-api.md §2). */
const HASHED = /^\/assets\//;
const FOR_LONG = "public, max-age=15552000";

/** Compressed files that are kept: all that a visitor of OpenList's front end loads is a tenth of it. */
const KEPT_BYTES = 32 * 1024 * 1024;
/** Larger ones are sent as they are. */
const MAX_COMPRESSED = 8 * 1024 * 1024;
const TEXT = /^text\/|\b(?:javascript|json|wasm|xml)\b/;

/** Bytes of the nonce: more than anybody guesses. */
const NONCE_BYTES = 16;

/** A handler of every path that is no other front's: a file of the folder, else its page, which knows the rest. */
export function createFrontend(o: FrontendOptions): FrontendHandler {
  const compressed = new LRUCache<string, Buffer>({ maxSize: KEPT_BYTES, sizeCalculation: ({ length }) => length });
  return {
    matches: ({ method, url = "" }) =>
      (method === "GET" || method === "HEAD") && !o.taken.has(/^\/([^/?#]*)/.exec(url)?.[1]?.toLowerCase() ?? ""),
    async handle(request, response) {
      const path = (request.url ?? "/").replace(/[?#].*$/s, "");
      const file = path === "/" ? undefined : await o.folder.find(path);
      const isPage = file?.name.endsWith(".html") ?? isNavigation(request, path);
      if (isPage) return await sendPage(o, request, response, file);
      if (file) return await sendFolderFile(compressed, request, response, file, HASHED.test(path));
      endReply(request, response, 404, ["Content-Type", "text/plain; charset=utf-8"], "There is nothing here.\n");
    },
  };
}

/** What a browser opens is for the front end to show; a script or picture that is missing is missing. */
function isNavigation({ headers }: IncomingMessage, path: string): boolean {
  return path === "/" || (headers.accept ?? "").includes("text/html");
}

async function sendPage(
  { folder, settings, basePath }: FrontendOptions,
  request: IncomingMessage,
  response: ServerResponse,
  file: FolderFile | undefined,
): Promise<void> {
  const page = file ?? (await folder.find(INDEX));
  if (!page) throw new Error("the front end's index.html is gone");
  const nonce = randomBytes(NONCE_BYTES).toString("base64url");
  // Where a setting of his own broke the front end, the administrator still gets in (alist-api.md §16).
  const customized = !/^\/@manage(?:\/|$)/.test(request.url ?? "");
  const body = renderPage(await readFile(page.path, "utf8"), {
    basePath: publicBase(settings, basePath),
    title: settings.get("site_title"),
    color: settings.get("main_color"),
    icon: `${publicBase(settings, basePath)}/favicon.ico`,
    head: customized ? settings.get("customize_head") : "",
    body: customized ? settings.get("customize_body") : "",
    nonce,
  });
  const headers = ["Content-Type", "text/html; charset=utf-8", "Cache-Control", "no-store"];
  endReply(request, response, 200, [...headers, "Content-Security-Policy", pagePolicy(nonce)], body);
}

/** The path of `site_url` where it has one (alist-api.md §2): a proxy may have taken it away. */
function publicBase(settings: Pick<Settings, "get">, basePath: string): string {
  const path = parseUrls(settings.get("site_url"))[0]?.pathname.replace(/\/+$/, "");
  return path || basePath;
}

async function sendFolderFile(
  compressed: LRUCache<string, Buffer>,
  request: IncomingMessage,
  response: ServerResponse,
  file: FolderFile,
  isHashed: boolean,
): Promise<void> {
  const type = contentTypeOf(file.name);
  const mayCompress = TEXT.test(type) && isWorthCompressing(file.size) && file.size <= MAX_COMPRESSED;
  const common = ["Cache-Control", isHashed ? FOR_LONG : "no-cache", "Content-Security-Policy", FILE_POLICY];
  if (mayCompress) common.push("Vary", varyByCoding(response));
  if (isAnsweredByCondition(request, response, file, common)) return;
  // One tag for both forms is a weak one (RFC 9110 §8.8.3.3).
  const headers = ["Content-Type", type, "ETag", mayCompress ? `W/${file.etag}` : file.etag, ...common];
  const gzip = mayCompress && acceptsGzip(request.headers);
  if (request.method === "HEAD") {
    return void response.writeHead(200, [...headers, ...(gzip ? [] : ["Content-Length", `${file.size}`])]).end();
  }
  if (!gzip) {
    const body = createReadStream(file.path);
    return await sendStream(response, { status: 200, headers, length: file.size }, body, closeSignal(response));
  }
  const key = `${file.path}\0${file.etag}`;
  const kept = compressed.get(key) ?? (await compress(await readFile(file.path)));
  compressed.set(key, kept);
  response.writeHead(200, [...headers, "Content-Encoding", "gzip", "Content-Length", `${kept.length}`]).end(kept);
}
