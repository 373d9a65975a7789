/** Move, rename and copy of one file or directory (sjtu-pan.md §3.5). */
import { type ApiCall, type ApiRoute, bodyPath, checkNames, parentOf, strategyOf } from "./api-call.ts";
import { ServiceError } from "./errors.ts";
import { addCopy, copyOf, liveBytesOf, removeForGood } from "./spaces.ts";
import { addTask } from "./tasks.ts";
import { isDirectory, isFile, isWithin, type TreeNode } from "./tree.ts";
import { json } from "./wire.ts";
import type { Strategy } from "./world.ts";

const STRATEGY = "conflict_resolution_strategy";

export const MOVE_FILE: ApiRoute = {
  name: "api.move-file",
  query: [STRATEGY],
  run(api) {
    const strategy = strategyOf(api, "rename");
    const source = sourceOf(api, "from", "file");
    return json(200, { path: moveTo(api, source, api.path, strategy) });
  },
};

export const COPY_FILE: ApiRoute = {
  name: "api.copy-file",
  query: [STRATEGY],
  run(api) {
    const strategy = strategyOf(api, "rename");
    const source = sourceOf(api, "copyFrom", "file");
    return json(200, { path: copyTo(api, source, api.path, strategy) });
  },
};

export const MOVE_DIRECTORY: ApiRoute = {
  name: "api.move-directory",
  query: [STRATEGY, "move_authority"],
  run(api) {
    const strategy = strategyOf(api, "ask", ["ask", "rename"]);
    const source = sourceOf(api, "from", "directory");
    const path = moveTo(api, source, api.path, strategy);
    return path.join("/") === api.path.join("/") ? json(204) : json(200, { path });
  },
};

export const COPY_DIRECTORY: ApiRoute = {
  name: "api.copy-directory",
  query: [STRATEGY],
  run(api) {
    const strategy = strategyOf(api, "ask", ["ask", "rename"]);
    const source = sourceOf(api, "copyFrom", "directory");
    prepareTarget(api, source, api.path, strategy);
    return json(202, {
      taskId: addTask(api.world, api.space, () => ({
        status: 200,
        result: { path: copyTo(api, source, api.path, strategy) },
      })),
    });
  },
};

/** Moves a node and returns where it is now. Throws what the service says against it. */
export function moveTo(api: ApiCall, source: TreeNode, path: readonly string[], strategy: Strategy): string[] {
  const { world, space, call } = api;
  const { parent, name, existing } = prepareTarget(api, source, path, strategy);
  if (existing === source && source.name === name) {
    call.violate("protocol", "an entry is moved onto itself (sjtu-pan.md §3.5)");
    return space.tree.pathOf(source);
  }
  if (existing && existing !== source && strategy === "overwrite") {
    removeForGood(world, space, existing);
  }
  const final = existing === source ? name : space.tree.freeName(parent, name, isFile(source));
  space.tree.detach(source);
  source.name = final;
  space.tree.attach(parent, source);
  return space.tree.pathOf(source);
}

/** Copies a node at once and returns where the copy is. */
export function copyTo(api: ApiCall, source: TreeNode, path: readonly string[], strategy: Strategy): string[] {
  const { world, space } = api;
  const { parent, name, existing } = prepareTarget(api, source, path, strategy);
  if (!world.fits(space, liveBytesOf(source))) throw new ServiceError("QuotaLimitReached");
  const copy = copyOf(world, space, source, name);
  if (existing && strategy === "overwrite") {
    if (existing === source) return space.tree.pathOf(source);
    removeForGood(world, space, existing);
  }
  copy.name = space.tree.freeName(parent, name, isFile(copy));
  addCopy(space, parent, copy);
  return space.tree.pathOf(copy);
}

/** The source at a path: a file for the file calls, a directory for the others. */
export function findSource(api: ApiCall, path: readonly string[], kind: "file" | "directory"): TreeNode {
  const node = api.space.tree.find(path);
  const right = kind === "file" ? isFile(node) : isDirectory(node);
  if (!node || !right) throw new ServiceError(kind === "file" ? "SourceFileNotFound" : "SourceDirectoryNotFound");
  if (path.length === 0) throw new ServiceError("RootDirectoryNotAllowed");
  return node;
}

/** Checks where a node shall go. Throws 404, 409 and 400 in the order of the facts. */
function prepareTarget(api: ApiCall, source: TreeNode, path: readonly string[], strategy: Strategy) {
  const { space } = api;
  if (path.length === 0) throw new ServiceError("EmptyPath");
  checkNames(api, path, isFile(source) ? "file" : "directory");
  const parent = parentOf(space, path);
  const name = path.at(-1)!;
  if (isDirectory(source) && isWithin(parent, source)) {
    throw new ServiceError("SourceDirectoryIsParentOfDestination");
  }
  const existing = space.tree.child(parent, name);
  if (existing && existing !== source) {
    const refused = strategy === "ask" || (strategy === "overwrite" && !(isFile(existing) && isFile(source)));
    if (refused) throw new ServiceError("SameNameDirectoryOrFileExists");
  }
  return { parent, name, existing };
}

function sourceOf(api: ApiCall, member: "from" | "copyFrom", kind: "file" | "directory"): TreeNode {
  const body = api.call.members([member]);
  return findSource(api, bodyPath(api.call, body[member], member), kind);
}
