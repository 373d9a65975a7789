/** The WebDAV front (RFC 4918 classes 1, 2 and 3): from a raw request through caller and path to a method. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Permissions } from "#server/auth/permissions.ts";
import type { User } from "#server/auth/users.ts";
import { addressOf } from "#server/http/client.ts";
import { HttpError } from "#server/http/errors.ts";
import type { Vfs } from "#server/vfs/api.ts";
import { DavContext, type DavMethod, DavServer } from "./frame.ts";
import { propfindHostRoot } from "./host-root.ts";
import { explainLocked } from "./lock-refusals.ts";
import { LongTransfers, type TransferTasks } from "./long-transfer.ts";
import { copyMethod } from "./methods/copy.ts";
import { deleteMethod } from "./methods/delete.ts";
import { getMethod } from "./methods/get.ts";
import { lockMethod } from "./methods/lock.ts";
import { mkcolMethod } from "./methods/mkcol.ts";
import { moveMethod } from "./methods/move.ts";
import { sendOptions } from "./methods/options.ts";
import { propfindMethod } from "./methods/propfind.ts";
import { proppatchMethod } from "./methods/proppatch.ts";
import { putMethod } from "./methods/put.ts";
import { unlockMethod } from "./methods/unlock.ts";
import { requestPath } from "./paths.ts";
import { demandIf } from "./preconditions.ts";
import { type DavLog, sendError } from "./reply.ts";
import { isHostRoot } from "./requests.ts";

export interface WebdavOptions {
  readonly vfs: Vfs;
  /** The caller of an `Authorization` header; throws AuthError. Keeps what it proved: it is asked with every request. */
  readonly authenticate: (
    header: string | undefined,
    address: string,
  ) => Promise<{ readonly user: User; readonly folderPassword?: string }>;
  /** What that caller may do, asked before and by every method. */
  readonly permissions: Permissions;
  /** Where the front is mounted, as it stands in every href: no trailing slash, percent-encoded; `""` for the root. Default `/dav`. */
  readonly prefix?: string;
  /** Shown by password prompts. Default `Pandav`. */
  readonly realm?: string;
  /** Hosts beside the request's own (a public name behind a proxy) that a Destination may name. */
  readonly publicHosts?: readonly string[];
  readonly log: DavLog;
  /** Does what is too large for a client to wait for (decision 0026). Absent: it is refused. */
  readonly tasks?: TransferTasks;
  /** For tests: how often clients that understand it hear that such a one goes on, in milliseconds. */
  readonly signEveryMs?: number;
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
    PROPPATCH: proppatchMethod(),
    GET: get,
    HEAD: get,
    PUT: putMethod(),
    DELETE: deleteMethod(),
    MKCOL: mkcolMethod(),
    COPY: copyMethod(),
    MOVE: moveMethod(),
    LOCK: lockMethod(),
    UNLOCK: unlockMethod(),
  };
  const front = {
    vfs: o.vfs,
    prefix,
    // A setting: asked anew each time.
    get publicHosts() {
      return o.publicHosts ?? [];
    },
    transfers: new LongTransfers(o.tasks, o.signEveryMs),
  };

  const server = new DavServer(front, methods, async (dav, request, response) => {
    let method: DavMethod | undefined;
    let context: DavContext | undefined;
    try {
      if (request.method === "OPTIONS") return sendOptions(request, response);
      const address = addressOf(request);
      const { user, folderPassword } = await o.authenticate(request.headers.authorization, address);
      if (isHostRoot(request, prefix)) return await propfindHostRoot(request, response, prefix);
      method = dav.methodOf(request.method ?? "");
      if (!method) throw new HttpError(405, `this server does not do ${request.method}`);
      const path = requestPath(request, prefix);
      if (path === undefined) throw new HttpError(400, "only OPTIONS may ask for *");
      const rights = o.permissions.of(user, { front: "webdav", address, ...(folderPassword && { folderPassword }) });
      context = new DavContext(dav, request, response, rights, path);
      context.demand(method.action);
      await demandIf(context);
      await method.handle(context);
    } catch (thrown) {
      const error = context ? explainLocked(thrown, context) : thrown;
      sendError(request, response, error, { method, realm, log: o.log });
    }
  });
  return (request, response) => server.executeRequest(request, response) as Promise<void>;
}
