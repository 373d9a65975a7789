/** LOCK (RFC 4918 §9.10). */
import { kindOf } from "#drivers/contract/errors.ts";
import { isWithin } from "#drivers/contract/path.ts";
import { readBody } from "#server/http/body.ts";
import { HttpError } from "#server/http/errors.ts";
import { LockedError } from "#server/vfs/locks/lock.ts";
import { depthOf } from "../depth.ts";
import type { DavContext, DavMethod } from "../frame.ts";
import { parseLockInfo, timeoutOf } from "../lock-info.ts";
import { lockDiscovery } from "../lock-xml.ts";
import { escapeXml } from "../xml.ts";

/** Longest body, in bytes (webdav.md §5). */
const MAX_BODY = 64 * 1024;

const XML_TYPE = ["Content-Type", "application/xml; charset=utf-8"];

/**
 * 200 with the lock, or 201 where nothing was there and an empty file is now; without a body the submitted lock is renewed, at its root or anywhere
 * below it. 400 for Depth 1 and for what is no write lock, 409 without the parent, 412 for a token that holds no lock there, 423 where another lock
 * stands against it, and 207 where that lock lies below (RFC 4918 §9.10.3).
 */
export function lockMethod(): DavMethod {
  return {
    action: "webdav-write",
    statuses: { "not-found": 409, "not-a-directory": 409, unsupported: 403 },
    async handle(context) {
      const { request, response, signal } = context;
      const depth = depthOf(request) ?? "infinity";
      if (depth === "1") throw new HttpError(400, "LOCK knows Depth 0 and infinity only");
      const timeoutMs = timeoutOf(request.headers.timeout);
      const body = await readBody(request, response, MAX_BODY, signal);
      if (body.length === 0) return refresh(context, timeoutMs);
      const wanted = { ...parseLockInfo(body), depth, timeoutMs };
      const { path, vfs } = context;
      try {
        const { token, created } = await vfs.locks.lock(path, wanted, context.options);
        answer(context, created ? 201 : 200, ["Lock-Token", `<${token}>`]);
      } catch (error) {
        const below = error instanceof LockedError ? error.roots.filter((root) => !isWithin(path, root.path)) : [];
        if (below.length === 0) throw error;
        answerMembers(context, below);
      }
    },
  };
}

async function refresh(context: DavContext, timeoutMs: number): Promise<void> {
  const { vfs, path, options, ifHeader } = context;
  if (!ifHeader)
    throw new HttpError(400, "a LOCK without a body names the lock that it renews in If (RFC 4918 §9.10.2)");
  try {
    await vfs.locks.refresh(path, timeoutMs, options);
  } catch (error) {
    throw kindOf(error) === "precondition-failed" ? noSuchLock(412) : error;
  }
  answer(context, 200, []);
}

/** The refusal of a token that holds no lock at the request's path. */
export function noSuchLock(status: 409 | 412): HttpError {
  return new HttpError(status, "no lock of that token holds here", { condition: "lock-token-matches-request-uri" });
}

function answer(context: DavContext, status: 200 | 201, headers: readonly string[]): void {
  const { vfs, path } = context;
  const discovery = lockDiscovery(vfs.locks.at(path), (lock) =>
    context.hrefOf({ path: lock.root, kind: lock.rootKind }),
  );
  send(context, status, headers, `<D:prop xmlns:D="DAV:">${discovery}</D:prop>`);
}

function answerMembers(context: DavContext, members: LockedError["roots"]): void {
  const conflict = "<D:error><D:no-conflicting-lock/></D:error>";
  const row = (href: string, status: string) =>
    `<D:response><D:href>${escapeXml(href)}</D:href><D:status>HTTP/1.1 ${status}</D:status>`;
  const rows = members.map((member) => `${row(context.hrefOf(member), "423 Locked")}${conflict}</D:response>`);
  const self = `${row(context.hrefOf({ path: context.path, kind: "directory" }), "424 Failed Dependency")}</D:response>`;
  send(context, 207, [], `<D:multistatus xmlns:D="DAV:">${rows.join("")}${self}</D:multistatus>`);
}

function send({ response }: DavContext, status: number, headers: readonly string[], xml: string): void {
  if (response.destroyed) return;
  const body = Buffer.from(`<?xml version="1.0" encoding="utf-8"?>${xml}`);
  response.writeHead(status, [...headers, ...XML_TYPE, "Content-Length", String(body.length)] as never);
  response.end(body);
}
