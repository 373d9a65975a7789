/** Space, usage and counts (sjtu-pan.md §3.10). */
import { type ApiRoute, numberOf } from "./api-call.ts";
import { ServiceError } from "./errors.ts";
import { isFile, subtree, type TreeNode } from "./tree.ts";
import { json } from "./wire.ts";

/** The route of a request to the space. */
export function spaceRoute(rest: string): ApiRoute | undefined {
  return { size: SIZE, "check-available-size": CHECK, "file-count": COUNT }[rest];
}

export const USAGE: ApiRoute = {
  name: "api.usage",
  query: [],
  run({ world, account, space }) {
    const used = world.usedBytes(space);
    const { capacity } = account;
    return json(200, [
      {
        spaceId: space.id,
        capacity: capacity === undefined ? null : String(capacity),
        availableSpace: capacity === undefined ? null : String(Math.max(0, capacity - used)),
        size: String(used),
      },
    ]);
  },
};

/** For administrators only. */
export const QUOTA: ApiRoute = {
  name: "api.quota",
  query: [],
  run() {
    throw new ServiceError("NoPermission");
  },
};

const SIZE: ApiRoute = {
  name: "api.space-size",
  query: [],
  run: ({ world, space }) => json(200, { size: String(world.usedBytes(space)) }),
};

const CHECK: ApiRoute = {
  name: "api.check-available-size",
  query: ["size"],
  run(api) {
    const size = numberOf(api, "size");
    if (size === undefined) return api.call.refuse("query", "size is missing");
    if (!api.world.fits(api.space, size)) throw new ServiceError("QuotaLimitReached");
    return json(204);
  },
};

const COUNT: ApiRoute = {
  name: "api.file-count",
  query: [],
  run({ space }) {
    const live = counts([...space.tree.root.children.values()]);
    const binned = counts([...space.bin.values()].map(({ node }) => node));
    return json(200, {
      fileNum: live.files,
      dirNum: live.directories,
      recycledFileNum: binned.files,
      recycledDirNum: binned.directories,
      historyFileNum: live.versions,
    });
  },
};

function counts(nodes: readonly TreeNode[]) {
  const sum = { files: 0, directories: 0, versions: 0 };
  for (const top of nodes) {
    for (const node of subtree(top)) {
      if (isFile(node)) sum.files += 1;
      else sum.directories += 1;
      sum.versions += node.versions.length;
    }
  }
  return sum;
}
