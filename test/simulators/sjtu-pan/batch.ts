/** Many moves, copies or removals in one call (sjtu-pan.md §3.7). */
import { type ApiCall, type ApiRoute, bodyPath, checkStrategy } from "./api-call.ts";
import { isObject, type JsonObject } from "./call.ts";
import { removeNode } from "./directory.ts";
import { refusalRow, ServiceError } from "./errors.ts";
import { copyTo, findSource, moveTo } from "./moves.ts";
import { addTask } from "./tasks.ts";
import { isFile } from "./tree.ts";
import { json, type SimReply } from "./wire.ts";

/** A call with more elements is answered with a task (sjtu-pan.md §12.3). */
const SYNCHRONOUS_LIMIT = 1000;

type Row = Record<string, unknown> & { readonly status: number };
type Work = (api: ApiCall, element: JsonObject) => Row;

export const BATCH_ROUTES: readonly { readonly flag: string; readonly route: ApiRoute }[] = [
  {
    flag: "move",
    route: batchRoute("move", ["from", "to", "type", "conflictResolutionStrategy", "moveAuthority"], move),
  },
  {
    flag: "copy",
    route: batchRoute(
      "copy",
      ["copyFrom", "to", "conflictResolutionStrategy", "copyFromLibraryId", "copyFromSpaceId"],
      copy,
    ),
  },
  { flag: "delete", route: batchRoute("delete", ["path", "permanent"], remove) },
];

function batchRoute(flag: string, members: readonly string[], work: Work): ApiRoute {
  return {
    name: `api.batch-${flag}`,
    query: flag === "copy" ? [flag, "share_access_token"] : [flag],
    run: (api) => runBatch(api, members, work),
  };
}

function runBatch(api: ApiCall, members: readonly string[], work: Work): SimReply {
  const { call, world, space, path } = api;
  if (path.length > 0) return call.refuse("path", "a batch has no path");
  const elements = call.json();
  if (!Array.isArray(elements) || elements.length === 0 || !elements.every(isObject)) {
    return call.refuse("body", "a batch is a list of objects");
  }
  for (const element of elements) call.expectMembers(element, members);
  const all = () => (elements as JsonObject[]).map((element) => work(api, element));
  if (elements.length > SYNCHRONOUS_LIMIT || world.knobs.asyncBatch) {
    const taskId = addTask(world, space, () => {
      const result = all();
      return { status: statusOf(result), result };
    });
    return json(202, { taskId });
  }
  const result = all();
  return json(statusOf(result), { result });
}

function statusOf(rows: readonly Row[]): number {
  return rows.some(({ status }) => status >= 400) ? 207 : 200;
}

function move(api: ApiCall, element: JsonObject): Row {
  const { call } = api;
  const from = bodyPath(call, element.from, "from");
  const to = bodyPath(call, element.to, "to");
  if (element.type !== "file" && element.type !== "") call.violate("body", 'type is neither "file" nor ""');
  const kind = element.type === "file" ? "file" : "directory";
  const told = { from, to: element.to, moveAuthority: element.moveAuthority ?? false };
  try {
    const strategy = strategyFor(api, element, kind);
    return { ...told, path: moveTo(api, findSource(api, from, kind), to, strategy), status: 200 };
  } catch (error) {
    return { ...told, ...refusalRow(error) };
  }
}

function copy(api: ApiCall, element: JsonObject): Row {
  const { call, world, space } = api;
  const copyFrom = bodyPath(call, element.copyFrom, "copyFrom");
  const to = bodyPath(call, element.to, "to");
  const told = { copyFrom, to: element.to };
  try {
    const { copyFromLibraryId = world.libraryId, copyFromSpaceId = space.id } = element;
    if (copyFromLibraryId !== world.libraryId || copyFromSpaceId !== space.id) throw new ServiceError("NoPermission");
    const kind = isFile(space.tree.find(copyFrom)) ? "file" : "directory";
    const strategy = strategyFor(api, element, kind);
    return { ...told, path: copyTo(api, findSource(api, copyFrom, kind), to, strategy), status: 200 };
  } catch (error) {
    return { ...told, ...refusalRow(error) };
  }
}

function remove(api: ApiCall, element: JsonObject): Row {
  const path = bodyPath(api.call, element.path, "path");
  if (element.permanent !== undefined && typeof element.permanent !== "boolean") {
    api.call.violate("body", "permanent is not a boolean");
  }
  try {
    if (path.length === 0) throw new ServiceError("RootDirectoryNotAllowed");
    const node = api.space.tree.find(path);
    if (!node) throw new ServiceError("PathNotFound");
    const recycledItemId = removeNode(api, node, element.permanent === true);
    return { path, status: 200, ...(recycledItemId !== undefined && { recycledItemId }) };
  } catch (error) {
    return { path, ...refusalRow(error) };
  }
}

function strategyFor(api: ApiCall, element: JsonObject, kind: "file" | "directory") {
  const asked = element.conflictResolutionStrategy ?? (kind === "file" ? "rename" : "ask");
  return checkStrategy(api.call, asked, kind === "file" ? ["ask", "rename", "overwrite"] : ["ask", "rename"]);
}
