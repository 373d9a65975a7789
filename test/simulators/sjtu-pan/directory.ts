/** Listing, stat, creation and removal (sjtu-pan.md §3.2–3.4, §3.6). */
import { type ApiCall, type ApiRoute, checkNames, expectOneOf, numberOf, strategyOf } from "./api-call.ts";
import { ServiceError } from "./errors.ts";
import { AUTHORITY, fileFields, isoTime, itemOf, kindFields } from "./items.ts";
import { byCodePoint } from "./names.ts";
import { presign } from "./presign.ts";
import { ensureDirectories, recycle, removeForGood } from "./spaces.ts";
import { type DirectoryNode, isDirectory, isFile, type TreeNode } from "./tree.ts";
import { json, type SimReply } from "./wire.ts";

const DEFAULT_PAGE = 20;
const LARGEST_PAGE = 1000;

const ORDERS = [
  "name",
  "modificationTime",
  "size",
  "creationTime",
  "localCreationTime",
  "localModificationTime",
  "uploadTime",
];

export const LIST: ApiRoute = {
  name: "api.list",
  query: [
    "page",
    "page_size",
    "marker",
    "limit",
    "by_marker",
    "order_by",
    "order_by_type",
    "filter",
    "sort_type",
    "with_inode",
    "with_favorite_status",
    "with_path",
  ],
  run: list,
};

export const STAT: ApiRoute = {
  name: "api.stat",
  query: ["info", "with_inode", "with_favorite_status"],
  run(api) {
    const node = api.space.tree.find(api.path);
    if (!node) throw new ServiceError("PathNotFound");
    const history = node.versions.reduce((sum, version) => sum + version.size, 0);
    return json(200, {
      ...itemOf(api.world, api.space, node),
      ...(isFile(node) && { historySize: String(history) }),
      authorityList: AUTHORITY,
    });
  },
};

export const FILE_INFO: ApiRoute = {
  name: "api.file-info",
  query: ["info", "content_disposition", "purpose", "history_id", "traffic_limit", "pre_check"],
  run(api) {
    const node = fileAt(api);
    const link = presign(api, node);
    return json(200, {
      type: "file",
      creationTime: isoTime(node.createdAt),
      modificationTime: isoTime(node.modifiedAt),
      ...fileFields(api.world, node.file),
      ...kindFields(node.name),
      versionId: node.file.versionId,
      virusAuditStatus: node.audit.virus ?? 0,
      sensitiveWordAuditStatus: node.audit.sensitive ?? 0,
      authorityList: AUTHORITY,
      cosUrl: link.url,
      cosUrlExpiration: isoTime(link.expiresAt),
    });
  },
};

export const HEAD: ApiRoute = {
  name: "api.head",
  query: [],
  run(api) {
    const node = api.space.tree.find(api.path);
    if (!node) throw new ServiceError("PathNotFound");
    const headers: Record<string, string> = {
      "x-smh-type": isFile(node) ? "file" : "dir",
      "x-smh-creation-time": isoTime(node.createdAt),
    };
    if (isFile(node)) {
      headers["x-smh-content-type"] = node.file.contentType;
      headers["x-smh-size"] = String(node.file.size);
      headers["x-smh-etag"] = `"${node.file.eTag}"`;
      if (node.file.crc64 !== undefined) headers["x-smh-crc64"] = node.file.crc64;
    }
    return { status: 200, headers, body: "" };
  },
};

export const MKDIR: ApiRoute = {
  name: "api.mkdir",
  query: ["conflict_resolution_strategy"],
  run: makeDirectory,
};

export const DELETE: ApiRoute = {
  name: "api.delete",
  query: ["permanent"],
  run(api) {
    expectOneOf(api, "permanent", ["0", "1", "true", "false"]);
    if (api.path.length === 0) throw new ServiceError("RootDirectoryNotAllowed");
    const node = api.space.tree.find(api.path);
    if (!node) throw new ServiceError("PathNotFound");
    const permanent = ["1", "true"].includes(api.call.request.query.get("permanent") ?? "0");
    const recycledItemId = removeNode(api, node, permanent);
    return recycledItemId === undefined ? json(204) : json(200, { recycledItemId });
  },
};

/** Removes a node; the id in the bin, where it went there. */
export function removeNode({ world, space }: ApiCall, node: TreeNode, permanent: boolean): number | undefined {
  if (!permanent && world.knobs.recycleBin) return recycle(world, space, node).id;
  removeForGood(world, space, node);
  return undefined;
}

/** The file at the call's path. Throws `FileNotFound`, or what the content review says. */
export function fileAt(api: ApiCall) {
  const node = api.space.tree.find(api.path);
  if (!isFile(node)) throw new ServiceError("FileNotFound");
  if (node.audit.refusal) throw new ServiceError(node.audit.refusal);
  return node;
}

function list(api: ApiCall): SimReply {
  const { world, space, path, call } = api;
  const { query } = call.request;
  const order = query.get("order_by") ?? "name";
  if (!ORDERS.includes(order)) throw new ServiceError("OrderByNotAllowed");
  const direction = query.get("order_by_type") ?? "asc";
  if (direction !== "asc" && direction !== "desc") throw new ServiceError("OrderByTypeNotAllowed");
  expectOneOf(api, "filter", ["onlyDir", "onlyFile"]);
  expectOneOf(api, "sort_type", ["union"]);
  const { first, size, marked } = pageOf(api);
  const directory = space.tree.find(path);
  if (!isDirectory(directory)) throw new ServiceError("DirectoryNotFound");
  const eTag = `W/"l-${directory.id}-${directory.revision}"`;
  if (call.request.headers["if-none-match"] === eTag) return { status: 304, headers: { ETag: eTag }, body: "" };
  const filter = query.get("filter");
  const all = sorted(directory, order, direction === "desc", query.get("sort_type") === "union").filter(
    (node) => filter === undefined || isFile(node) === (filter === "onlyFile"),
  );
  const page = all.slice(first, first + size);
  const files = [...directory.children.values()].filter(isFile).length;
  const next = first + size < all.length;
  return json(200, {
    path: path.length === 0 && world.knobs.blankRootPath ? [""] : path,
    subDirCount: directory.children.size - files,
    fileCount: files,
    totalNum: all.length,
    eTag,
    ...(marked && next && { nextMarker: `m${first + size}` }),
    authorityList: AUTHORITY,
    localSync: null,
    contents: page.map((node) => itemOf(world, space, node)),
  });
}

function pageOf(api: ApiCall): { readonly first: number; readonly size: number; readonly marked: boolean } {
  const { query } = api.call.request;
  const asked = query.has("marker") || query.has("limit") || query.has("by_marker");
  if (asked && (query.has("page") || query.has("page_size"))) {
    return api.call.refuse("query", "marker paging and page numbers cannot be combined");
  }
  const marked = asked && api.world.knobs.markerPaging;
  const size = numberOf(api, marked ? "limit" : "page_size") ?? DEFAULT_PAGE;
  if (size < 1 || size > LARGEST_PAGE) return api.call.refuse("query", `a page has 1 to ${LARGEST_PAGE} entries`);
  if (!marked) {
    const page = numberOf(api, "page") ?? 1;
    if (page < 1) return api.call.refuse("query", "pages count from 1");
    return { first: (page - 1) * size, size, marked };
  }
  const marker = query.get("marker");
  if (marker === undefined || marker === "") return { first: 0, size, marked };
  if (!/^m\d+$/.test(marker)) return api.call.refuse("query", "this marker was never given out");
  return { first: Number(marker.slice(1)), size, marked };
}

interface SortedListing {
  readonly revision: number;
  readonly key: string;
  readonly nodes: readonly TreeNode[];
}

/** The last order of each directory, so that a listing of many pages sorts once. */
const ORDERED = new WeakMap<TreeNode, SortedListing>();

function sorted(directory: DirectoryNode, order: string, descending: boolean, union: boolean): readonly TreeNode[] {
  const key = `${order} ${descending} ${union}`;
  const known = ORDERED.get(directory);
  if (known?.revision === directory.revision && known.key === key) return known.nodes;
  const sign = descending ? -1 : 1;
  const nodes = [...directory.children.values()].sort((a, b) => {
    const kinds = Number(isFile(a)) - Number(isFile(b));
    if (!union && kinds !== 0) return kinds;
    return sign * valueDifference(a, b, order) || byCodePoint(a.name, b.name);
  });
  ORDERED.set(directory, { revision: directory.revision, key, nodes });
  return nodes;
}

function valueDifference(a: TreeNode, b: TreeNode, order: string): number {
  if (order === "size") return (a.file?.size ?? 0) - (b.file?.size ?? 0);
  if (order === "modificationTime" || order === "localModificationTime") return a.modifiedAt - b.modifiedAt;
  if (order === "name") return byCodePoint(a.name, b.name);
  return a.createdAt - b.createdAt;
}

function makeDirectory(api: ApiCall): SimReply {
  const { world, space, path } = api;
  api.call.expectNoBody();
  const strategy = strategyOf(api, "ask", ["ask", "rename"]);
  if (path.length === 0) throw new ServiceError("RootDirectoryNotAllowed");
  checkNames(api, path, "directory");
  if (!space.tree.find(path.slice(0, -1)) && !world.knobs.mkdirParents) throw new ServiceError("DirectoryNotFound");
  const existing = space.tree.find(path);
  if (existing && strategy === "ask") throw new ServiceError("SameNameDirectoryOrFileExists");
  const parent = ensureDirectories(space, path.slice(0, -1));
  if (!parent) throw new ServiceError("SameNameDirectoryOrFileExists");
  const made = space.tree.createDirectory(space.tree.freeName(parent, path.at(-1)!, false));
  space.tree.attach(parent, made);
  if (world.knobs.emptyMkdirBody) return json(201);
  return json(201, { creationTime: isoTime(made.createdAt), path: space.tree.pathOf(made) });
}
