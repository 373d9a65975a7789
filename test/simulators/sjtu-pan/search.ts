/** Search by name (sjtu-pan.md §3.9). */
import type { ApiCall, ApiRoute } from "./api-call.ts";
import { ServiceError } from "./errors.ts";
import { itemOf } from "./items.ts";
import { splitPath } from "./names.ts";
import { isFile, subtree } from "./tree.ts";
import { json, type SimReply } from "./wire.ts";
import type { Space } from "./world.ts";

const PAGE = 100;

const MEMBERS = [
  ...["keyword", "scope", "type", "extname", "tags", "creators", "minFileSize", "maxFileSize", "categories", "labels"],
  ...["modificationTimeStart", "modificationTimeEnd", "searchMode", "orderBy", "orderByType"],
];

/** What running searches found, by id. */
const FOUND = new WeakMap<Space, Map<string, readonly Record<string, unknown>[]>>();

/** The route of a request to the search. */
export function searchRoute(method: string, rest: string): ApiRoute | undefined {
  if (method === "POST") return rest === "space-contents" ? START : undefined;
  if (rest === "" || rest.includes("/")) return undefined;
  return method === "GET" ? NEXT : method === "DELETE" ? ABORT : undefined;
}

const START: ApiRoute = {
  name: "api.search",
  query: [],
  run(api) {
    const { call, world, space } = api;
    if (!world.knobs.searchEnabled) throw new ServiceError("SearchNotEnabled");
    const { keyword, scope = "", type = ["all"] } = call.members(MEMBERS);
    if (typeof keyword !== "string" || keyword === "") return call.refuse("body", "keyword is not text");
    const top = space.tree.find(splitPath(String(scope)));
    if (!top) throw new ServiceError("DirectoryNotFound");
    const kinds = Array.isArray(type) ? type : [type];
    const found = [...subtree(top)]
      .filter((node) => node !== top && node.name.toLowerCase().includes(keyword.toLowerCase()))
      .filter((node) => kinds.includes("all") || kinds.includes(isFile(node) ? "file" : "dir"))
      .map((node) => itemOf(world, space, node));
    const id = world.secret(24);
    resultsOf(space).set(id, found);
    return page(id, found, 0);
  },
};

const NEXT: ApiRoute = {
  name: "api.search-next",
  query: ["marker"],
  run(api) {
    const { id, found } = searchOf(api);
    const marker = api.call.request.query.get("marker") ?? "s0";
    if (!/^s\d+$/.test(marker)) return api.call.refuse("query", "this marker was never given out");
    return page(id, found, Number(marker.slice(1)));
  },
};

const ABORT: ApiRoute = {
  name: "api.search-abort",
  query: [],
  run(api) {
    resultsOf(api.space).delete(searchOf(api).id);
    return json(204);
  },
};

function page(id: string, found: readonly Record<string, unknown>[], first: number): SimReply {
  const next = first + PAGE;
  const hasMore = next < found.length;
  return json(200, {
    searchId: id,
    hasMore,
    searchFinished: true,
    ...(hasMore && { nextMarker: `s${next}` }),
    contents: found.slice(first, next),
  });
}

function searchOf({ space, path }: ApiCall) {
  const id = path[0] ?? "";
  const found = resultsOf(space).get(id);
  if (!found) throw new ServiceError("SearchIdNotFound");
  return { id, found };
}

function resultsOf(space: Space): Map<string, readonly Record<string, unknown>[]> {
  const known = FOUND.get(space);
  if (known) return known;
  const results = new Map<string, readonly Record<string, unknown>[]>();
  FOUND.set(space, results);
  return results;
}
