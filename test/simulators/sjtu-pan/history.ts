/** Earlier versions of files (sjtu-pan.md §3.11). */
import type { ApiCall, ApiRoute } from "./api-call.ts";
import { ServiceError } from "./errors.ts";
import { isoTime, wireSize } from "./items.ts";
import { type FileNode, isFile, subtree } from "./tree.ts";
import { json } from "./wire.ts";

/** The route of a request to the history. */
export function historyRoute(method: string, rest: string): ApiRoute | undefined {
  if (method === "GET" && rest.startsWith("history-list/")) return LIST;
  if (method === "POST" && /^latest-version\/\d+$/.test(rest)) return LATEST;
  return method === "POST" && rest === "delete" ? DELETE : undefined;
}

const LIST: ApiRoute = {
  name: "api.history-list",
  query: ["page", "page_size"],
  run({ world, space, path }) {
    const node = space.tree.find(path.slice(1));
    if (!isFile(node)) throw new ServiceError("FileNotFound");
    const all = [node.file, ...node.versions.toReversed()];
    return json(200, {
      totalNum: all.length,
      contents: all.map((file, i) => ({
        id: historyId(node, file.versionId),
        version: file.versionId,
        isLatestVersion: i === 0,
        size: wireSize(world, file.size),
        name: node.name,
        crc64: file.crc64,
        type: "file",
        creationTime: isoTime(file.writtenAt),
        modificationTime: isoTime(file.writtenAt),
        creationWay: 0,
        createdUserNickname: world.ownerOf(space).nickname,
      })),
    });
  },
};

const LATEST: ApiRoute = {
  name: "api.history-latest",
  query: [],
  run(api) {
    const { node, index } = versionOf(api, Number(api.path[1]));
    if (index === undefined) return json(204);
    const { space } = api;
    const [version] = node.versions.splice(index, 1);
    const current = node.file;
    node.versions.push(current);
    node.file = { ...version!, versionId: current.versionId + 1 };
    space.historyBytes += current.size - version!.size;
    space.liveBytes += version!.size - current.size;
    node.modifiedAt = api.world.stamp();
    space.tree.touch(node);
    return json(204);
  },
};

const DELETE: ApiRoute = {
  name: "api.history-delete",
  query: [],
  run(api) {
    const ids = api.call.json();
    if (!Array.isArray(ids) || !ids.every((id) => Number.isInteger(id))) {
      return api.call.refuse("body", "the body is not a list of ids");
    }
    for (const id of ids) {
      const { node, index } = versionOf(api, Number(id));
      if (index === undefined) throw new ServiceError("DirectoryHistoryNotBeDeleted");
      const [version] = node.versions.splice(index, 1);
      api.space.historyBytes -= version!.size;
      api.world.releaseObject(version!);
    }
    return json(204);
  },
};

/** Versions have an id of their own: the file's and the version's. */
export function historyId(node: FileNode, versionId: number): number {
  return node.id * 10_000 + versionId;
}

/** The file of a version id and where among its earlier versions it is; undefined: it is the current one. */
function versionOf({ space }: ApiCall, id: number): { readonly node: FileNode; readonly index: number | undefined } {
  for (const node of subtree(space.tree.root)) {
    if (!isFile(node) || node.id !== Math.floor(id / 10_000)) continue;
    if (historyId(node, node.file.versionId) === id) return { node, index: undefined };
    const index = node.versions.findIndex(({ versionId }) => historyId(node, versionId) === id);
    if (index >= 0) return { node, index };
  }
  throw new ServiceError("DirectoryHistoryNotFound");
}
