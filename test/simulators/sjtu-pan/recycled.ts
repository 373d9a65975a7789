/** The recycle bin (sjtu-pan.md §3.8). */
import { type ApiCall, type ApiRoute, checkStrategy, expectOneOf, numberOf, parentOf, strategyOf } from "./api-call.ts";
import { refusalRow, ServiceError } from "./errors.ts";
import { AUTHORITY, isoTime, kindFields, wireSize } from "./items.ts";
import { byCodePoint } from "./names.ts";
import { purge, recycle, restoreTo } from "./spaces.ts";
import { addTask } from "./tasks.ts";
import { type DirectoryNode, isFile } from "./tree.ts";
import { json, type Query, type SimReply } from "./wire.ts";
import type { RecycledItem, Strategy, World } from "./world.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Days that something stays in the bin. */
const KEPT_DAYS = 30;

const DEFAULT_PAGE = 20;
const LARGEST_PAGE = 100;
const LARGEST_NUMBERED_PAGE = 1000;

/** The route of a request to the bin. */
export function recycledRoute(method: string, rest: string, query: Query): ApiRoute | undefined {
  const one = /^\d+$/.test(rest);
  if (rest !== "" && !one) return undefined;
  if (method === "GET") return one ? (query.has("info") ? INFO : undefined) : LIST;
  if (method === "DELETE") return one ? PURGE : EMPTY;
  if (method !== "POST") return undefined;
  if (query.has("restore")) return one ? RESTORE : RESTORE_MANY;
  return query.has("delete") && !one ? PURGE_MANY : undefined;
}

const LIST: ApiRoute = {
  name: "api.recycled-list",
  query: ["page", "page_size", "marker", "limit", "order_by", "order_by_type"],
  run: (api) => withBin(api, list),
};

const INFO: ApiRoute = {
  name: "api.recycled-info",
  query: ["info"],
  run: (api) => withBin(api, () => json(200, itemOf(api, itemAt(api)))),
};

const RESTORE: ApiRoute = {
  name: "api.recycled-restore",
  query: ["restore", "conflict_resolution_strategy", "restore_path_strategy"],
  run: (api) =>
    withBin(api, () => {
      api.call.expectNoBody();
      expectOneOf(api, "restore_path_strategy", ["originalPath", "fallbackToRoot"]);
      const toRoot = api.call.request.query.get("restore_path_strategy") === "fallbackToRoot";
      return json(200, { path: restore(api, itemAt(api), strategyOf(api, "rename"), toRoot) });
    }),
};

const RESTORE_MANY: ApiRoute = {
  name: "api.recycled-restore-many",
  query: ["restore", "conflict_resolution_strategy", "restore_path_strategy"],
  run: (api) =>
    withBin(api, () => {
      const result = idsOf(api).map((recycledItemId) => {
        try {
          const path = restore(api, findItem(api, recycledItemId), checkStrategy(api.call, "rename"), false);
          return { recycledItemId, path, status: 200 };
        } catch (error) {
          return { recycledItemId, ...refusalRow(error) };
        }
      });
      return json(result.some(({ status }) => status >= 400) ? 207 : 200, { result });
    }),
};

const PURGE: ApiRoute = {
  name: "api.recycled-purge",
  query: [],
  run: (api) =>
    withBin(api, () => {
      purge(api.world, api.space, itemAt(api));
      return json(204);
    }),
};

const PURGE_MANY: ApiRoute = {
  name: "api.recycled-purge-many",
  query: ["delete"],
  run: (api) =>
    withBin(api, () => {
      const items = idsOf(api).map((id) => findItem(api, id));
      for (const item of items) purge(api.world, api.space, item);
      return json(204);
    }),
};

const EMPTY: ApiRoute = {
  name: "api.recycled-empty",
  query: [],
  run: (api) =>
    withBin(api, () => {
      const { world, space } = api;
      const items = [...space.bin.values()];
      const all = () => {
        for (const item of items) if (space.bin.has(item.id)) purge(world, space, item);
      };
      if (world.knobs.asyncEmptyBin) {
        return json(202, {
          taskId: addTask(world, space, () => {
            all();
            return { status: 204 };
          }),
        });
      }
      all();
      return json(204);
    }),
};

function withBin(api: ApiCall, run: (api: ApiCall) => SimReply): SimReply {
  if (!api.world.knobs.recycleBin) throw new ServiceError("RecycleBinNotEnabled");
  return run(api);
}

function list(api: ApiCall): SimReply {
  const { call, space, world } = api;
  const { query } = call.request;
  const marked = query.has("marker") || query.has("limit");
  if (marked && (query.has("page") || query.has("page_size"))) {
    return call.refuse("query", "marker paging and page numbers cannot be combined");
  }
  const size = numberOf(api, marked ? "limit" : "page_size") ?? DEFAULT_PAGE;
  if (size < 1 || size > (marked ? LARGEST_PAGE : LARGEST_NUMBERED_PAGE)) {
    return call.refuse("query", `a page of the bin has 1 to ${LARGEST_PAGE} entries`);
  }
  const marker = query.get("marker") ?? "";
  if (marker !== "" && !/^r\d+$/.test(marker)) return call.refuse("query", "this marker was never given out");
  const first = marked ? Number(marker.slice(1) || 0) : ((numberOf(api, "page") ?? 1) - 1) * size;
  const all = sorted(api);
  return json(200, {
    totalNum: all.length,
    ...(marked && first + size < all.length && { nextMarker: `r${first + size}` }),
    eTag: `W/"r-${world.now()}-${space.bin.size}"`,
    contents: all.slice(first, first + size).map((item) => itemOf(api, item)),
  });
}

function sorted(api: ApiCall): readonly RecycledItem[] {
  const { query } = api.call.request;
  const order = query.get("order_by") ?? "removalTime";
  if (!["name", "modificationTime", "size", "removalTime", "remainingTime"].includes(order)) {
    throw new ServiceError("OrderByNotAllowed");
  }
  expectOneOf(api, "order_by_type", ["asc", "desc"]);
  const sign = query.get("order_by_type") === "asc" ? 1 : -1;
  const difference = (a: RecycledItem, b: RecycledItem) => {
    if (order === "name") return byCodePoint(a.node.name, b.node.name);
    if (order === "size") return a.size - b.size;
    if (order === "modificationTime") return a.node.modifiedAt - b.node.modifiedAt;
    return a.removedAt - b.removedAt || a.id - b.id;
  };
  return [...api.space.bin.values()].sort((a, b) => sign * difference(a, b) || a.id - b.id);
}

function itemOf({ world, space }: ApiCall, item: RecycledItem): Record<string, unknown> {
  const { node } = item;
  return {
    recycledItemId: item.id,
    name: node.name,
    type: isFile(node) ? "file" : "dir",
    ...(isFile(node) && { size: wireSize(world, item.size), ...kindFields(node.name) }),
    creationTime: isoTime(node.createdAt),
    modificationTime: isoTime(node.modifiedAt),
    removalTime: isoTime(item.removedAt),
    remainingTime: remainingDays(world, item),
    originalPath: item.originalPath,
    spaceId: space.id,
    authorityList: AUTHORITY,
  };
}

function remainingDays(world: World, item: RecycledItem): number {
  return Math.max(0, Math.ceil(KEPT_DAYS - (world.now() - item.removedAt) / DAY_MS));
}

function itemAt(api: ApiCall): RecycledItem {
  return findItem(api, Number(api.path[0]));
}

function findItem({ space }: ApiCall, id: number): RecycledItem {
  const item = space.bin.get(id);
  if (!item) throw new ServiceError("RecycledItemNotFound");
  return item;
}

function idsOf(api: ApiCall): readonly number[] {
  const ids = api.call.json();
  if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => Number.isInteger(id))) {
    return api.call.refuse("body", "the body is not a list of ids");
  }
  return ids as number[];
}

function restore(api: ApiCall, item: RecycledItem, strategy: Strategy, toRoot: boolean): string[] {
  const { world, space } = api;
  const { parent, name } = placeFor(api, item, toRoot);
  const existing = space.tree.child(parent, name);
  const replaces = strategy === "overwrite" && isFile(existing) && isFile(item.node);
  if (existing && strategy !== "rename" && !replaces) throw new ServiceError("SameNameDirectoryOrFileExists");
  if (existing && replaces) recycle(world, space, existing);
  restoreTo(space, item, parent, space.tree.freeName(parent, name, isFile(item.node)));
  return space.tree.pathOf(item.node);
}

/** The original place; the root where that is gone and the caller allows it. */
function placeFor(api: ApiCall, item: RecycledItem, toRoot: boolean): { parent: DirectoryNode; name: string } {
  const name = item.originalPath.at(-1)!;
  try {
    return { parent: parentOf(api.space, item.originalPath), name };
  } catch (error) {
    if (toRoot) return { parent: api.space.tree.root, name };
    throw error;
  }
}
