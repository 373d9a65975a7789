/** `/api/v1`: which call a request is (sjtu-pan.md §12.2, in the order of its table). */
import { type ApiAddress, type ApiRoute, openApiCall, parseApiPath } from "./api-call.ts";
import { BATCH_ROUTES } from "./batch.ts";
import { type Call, isObject } from "./call.ts";
import { CONFIRM } from "./confirm.ts";
import { DELETE, FILE_INFO, HEAD, LIST, MKDIR, STAT } from "./directory.ts";
import { DOWNLOAD, FILE_PREVIEW } from "./download.ts";
import { ServiceError } from "./errors.ts";
import { historyRoute } from "./history.ts";
import { COPY_DIRECTORY, COPY_FILE, MOVE_DIRECTORY, MOVE_FILE } from "./moves.ts";
import { recycledRoute } from "./recycled.ts";
import { searchRoute } from "./search.ts";
import { QUOTA, spaceRoute, USAGE } from "./space-info.ts";
import { TASK } from "./tasks.ts";
import { accountOfAccessToken, createAccessToken, living } from "./tokens.ts";
import { RENEW, START_FORM, START_MULTIPART, START_SIMPLE, UPLOAD_ABORT, UPLOAD_STATUS } from "./upload.ts";
import { json, type SimReply } from "./wire.ts";

/** Names the route of a request in `call`; what it gives back answers it. */
export function apiPlane(call: Call): () => SimReply {
  const { method, rawPath } = call.request;
  if (method === "GET" && rawPath === "/api/v1/config") {
    call.route = "api.config";
    return () => json(200, {});
  }
  const renewal = /^\/api\/v1\/token\/([^/]+)\/([^/]+)$/.exec(rawPath);
  if (renewal && method === "POST") return renewToken(call, renewal[1]!, renewal[2]!);
  const address = parseApiPath(rawPath);
  const route = address && routeOf(call, method, address);
  if (!route) {
    return () => {
      call.refuse(address && KINDS.has(address.kind) ? "method" : "path", "no such call", "NotFound");
    };
  }
  call.route = route.name;
  return () => {
    if (method !== "PUT" && method !== "POST" && call.text !== "") call.violate("body", `${method} has no body`);
    return route.run(openApiCall(call, address, route.query));
  };
}

const KINDS = new Set([
  ...["directory", "file", "batch", "task", "recycled", "search", "usage", "quota", "space", "directory-history"],
]);

function routeOf(call: Call, method: string, address: ApiAddress): ApiRoute | undefined {
  const { query } = call.request;
  const flag = (name: string) => query.has(name);
  switch (`${method} ${address.kind}`) {
    case "GET directory":
      return flag("info") ? STAT : LIST;
    case "HEAD directory":
    case "HEAD file":
      return HEAD;
    case "PUT directory":
      return transferRoute(call, MOVE_DIRECTORY, COPY_DIRECTORY) ?? MKDIR;
    case "DELETE directory":
      return DELETE;
    case "DELETE file":
      return flag("upload") ? UPLOAD_ABORT : DELETE;
    case "GET file":
      return flag("info") ? FILE_INFO : flag("upload") ? UPLOAD_STATUS : flag("preview") ? FILE_PREVIEW : DOWNLOAD;
    case "PUT file":
      return transferRoute(call, MOVE_FILE, COPY_FILE) ?? START_SIMPLE;
    case "POST file":
      return flag("multipart") ? START_MULTIPART : flag("renew") ? RENEW : flag("confirm") ? CONFIRM : START_FORM;
    case "POST batch":
      return BATCH_ROUTES.find(({ flag: name }) => flag(name))?.route;
    case "GET task":
      return TASK;
    case "GET usage":
      return USAGE;
    case "GET quota":
      return QUOTA;
    case "GET space":
      return spaceRoute(address.rest);
  }
  if (address.kind === "recycled") return recycledRoute(method, address.rest, query);
  if (address.kind === "search") return searchRoute(method, address.rest);
  if (address.kind === "directory-history") return historyRoute(method, address.rest);
  return undefined;
}

/** A PUT with `from` or `copyFrom` in its body is a move or a copy. */
function transferRoute(call: Call, move: ApiRoute, copy: ApiRoute): ApiRoute | undefined {
  let body: unknown;
  try {
    body = JSON.parse(call.text);
  } catch {
    return undefined;
  }
  if (!isObject(body as never)) return undefined;
  const members = body as object;
  return "from" in members ? move : "copyFrom" in members ? copy : undefined;
}

function renewToken(call: Call, library: string, token: string): () => SimReply {
  call.route = "api.token-renew";
  call.shownPath = `/api/v1/token/${library}/…`;
  return () => {
    call.expectQuery(["access_token"]);
    if (call.request.query.has("access_token")) accountOfAccessToken(call);
    if (library !== call.world.libraryId) throw new ServiceError("LibraryNotFound");
    const grant = living(call.world, call.world.accessTokens, token);
    if (!grant || grant.revoked) throw new ServiceError("InvalidAccessToken");
    return json(200, {
      accessToken: createAccessToken(call.world, grant.account),
      expiresIn: call.world.knobs.accessTokenLifeMs / 1000,
    });
  };
}
