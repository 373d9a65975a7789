/** The page that a browser gets for a directory. */
import type { ServerResponse } from "node:http";
import { encodeName } from "#drivers/contract/path.ts";
import { drained } from "#server/http/send.ts";
import type { Listing } from "#server/vfs/resource.ts";
import type { DavContext } from "./frame.ts";
import { escapeXml } from "./xml.ts";

/** Nothing on the page may load or run anything. */
const POLICY = "default-src 'none'; sandbox allow-downloads; frame-ancestors 'none'";

/** Sends a plain list of links, page by page. When the listing breaks, the connection is cut: the list must not look complete. */
export async function sendIndex(context: DavContext): Promise<void> {
  const { response, vfs, path, signal } = context;
  const listing = await vfs.list(path, { signal });
  await write(response, context.hrefOf(listing.directory), listing, signal);
}

async function write(response: ServerResponse, href: string, listing: Listing, signal: AbortSignal): Promise<void> {
  const title = escapeXml(listing.directory.name || "/");
  let text = `<!doctype html><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><ul>`;
  let begun = false;
  try {
    for await (const page of listing.pages()) {
      if (!begun) {
        begun = true;
        response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY });
      }
      for (const { name: child, kind } of page) {
        const slash = kind === "directory" ? "/" : "";
        text += `<li><a href="${href}${encodeName(child)}${slash}">${escapeXml(child)}${slash}</a></li>`;
      }
      response.write(text);
      text = "";
      await drained(response);
      signal.throwIfAborted();
    }
  } catch (error) {
    if (begun) response.destroy();
    throw error;
  }
  if (!begun)
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY });
  response.end(`${text}</ul>`);
}
