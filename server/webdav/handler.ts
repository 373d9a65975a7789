/** The WebDAV front (RFC 4918 classes 1 and 3): from a raw request through caller and path to a method. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { demand } from "#server/auth/permissions.ts";
import type { User } from "#server/auth/users.ts";
import { HttpError } from "#server/http/errors.ts";
import { addressOf } from "#server/http/send.ts";
import type { Vfs } from "#server/vfs/api.ts";
import { DavContext, type DavMethod, DavServer } from "./frame.ts";
import { isHostRoot, propfindHostRoot } from "./host-root.ts";
import { copyMethod } from "./methods/copy.ts";
import { deleteMethod } from "./methods/delete.ts";
import { getMethod } from "./methods/get.ts";
import { mkcolMethod } from "./methods/mkcol.ts";
import { moveMethod } from "./methods/move.ts";
import { sendOptions } from "./methods/options.ts";
import { propfindMethod } from "./methods/propfind.ts";
import { putMethod } from "./methods/put.ts";
import { isBelow, requestPath } from "./paths.ts";
import { type DavLog, sendError } from "./reply.ts";

export interface WebdavOptions {
  readonly vfs: Vfs;
  /** The caller of an `Authorization` header; throws AuthError. Keeps what it proved: it is asked with every request. */
  readonly authenticate: (header: string | undefined, address: string) => Promise<{ readonly user: User }>;
  /** Where the front is mounted, as it stands in every href: no trailing slash, percent-encoded; `""` for the root. Default `/dav`. */
  readonly prefix?: string;
  /** Shown by password prompts. Default `Pandav`. */
  readonly realm?: string;
  /** Hosts beside the request's own (a public name behind a proxy) that a Destination may name. */
  readonly publicHosts?: readonly string[];
  readonly log: DavLog;
}

/** Answers one request; never throws. */
export type WebdavHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The front as one raw handler. OPTIONS is answered to anybody: browsers, Windows and gvfs ask before they log in. */
export function createWebdav(o: WebdavOptions): WebdavHandler {
  const prefix = o.prefix ?? "/dav";
  const realm = (o.realm ?? "Pandav").replace(/["\\\r\n]/g, "");
  const get = getMethod();
  const methods: Record<string, DavMethod> = {
    PROPFIND: propfindMethod(o.vfs),
    GET: get,
    HEAD: get,
    PUT: putMethod(),
    DELETE: deleteMethod(),
    MKCOL: mkcolMethod(),
    COPY: copyMethod(),
    MOVE: moveMethod(),
  };
  const front = { vfs: o.vfs, prefix, publicHosts: o.publicHosts ?? [] };

  const server = new DavServer(front, methods, async (dav, request, response) => {
    let method: DavMethod | undefined;
    try {
      if (request.method === "OPTIONS") return sendOptions(request, response);
      const { user } = await o.authenticate(request.headers.authorization, addressOf(request));
      if (isHostRoot(request, prefix)) return await propfindHostRoot(request, response, prefix);
      method = dav.methodOf(request.method ?? "");
      if (!method) throw new HttpError(405, `this server does not do ${request.method}`);
      const path = requestPath(request, prefix);
      if (path === undefined) throw new HttpError(400, "only OPTIONS may ask for *");
      const context = new DavContext(dav, request, response, user, path);
      demand(user, method.action, context.path);
      await method.handle(context);
    } catch (error) {
      sendError(request, response, error, { method, realm, log: o.log });
    }
  });
  return (request, response) => server.executeRequest(request, response) as Promise<void>;
}

/** Whether a request is for the front: its path is the prefix or lies below it, or it is `OPTIONS *`, or OPTIONS or PROPFIND of `/`. */
export function isWebdavRequest(request: IncomingMessage, prefix = "/dav"): boolean {
  const target = request.url ?? "";
  if (target === "*") return request.method === "OPTIONS";
  return isBelow(target, prefix) || isHostRoot(request, prefix);
}
