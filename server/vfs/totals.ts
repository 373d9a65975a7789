/** How much lies in directories, each with all below it. */
import type { Vfs } from "./api.ts";
import type { Resource, VfsOptions } from "./resource.ts";
import { walk } from "./walking.ts";

/** The sum of one directory, or of a file that was asked for itself. */
export interface Total {
  readonly resource: Resource;
  readonly depth: number;
  /** Of the files whose size is known. */
  readonly bytes: number;
  readonly files: number;
  /** Without itself. */
  readonly directories: number;
  /** Files whose size the storage does not tell. */
  readonly unknownSizes: number;
  /** Directories that could not be listed: what is in them is missing from the sum. */
  readonly unlisted: number;
}

export interface TotalOptions extends VfsOptions {
  /** Directories down to this depth have totals of their own; 0: the path alone. Absent: all. */
  readonly maxDepth?: number;
}

/** The errors of directories that could not be listed, as they are met. */
export interface Unlisted {
  readonly resource: Resource;
  readonly error: unknown;
}

/** Totals from below to above, the path that was asked for last, as each is complete. Throws as `walk`. */
export async function* totals(
  vfs: Pick<Vfs, "stat" | "list">,
  path: string,
  o: TotalOptions,
): AsyncGenerator<Total | Unlisted> {
  const { maxDepth = Number.POSITIVE_INFINITY, ...asked } = o;
  const open: Sum[] = [];
  function* close(depth: number): Generator<Total> {
    for (let sum = open.at(-1); sum && sum.depth >= depth; sum = open.at(-1)) {
      open.pop();
      const above = open.at(-1);
      if (above) add(above, sum);
      if (sum.depth <= maxDepth) yield { ...sum };
    }
  }
  for await (const rows of walk(vfs, path, asked)) {
    for (const { resource, depth, error } of rows) {
      if (error !== undefined) {
        const own = open.at(-1);
        if (own) own.unlisted += 1;
        yield { resource, error };
        continue;
      }
      yield* close(depth);
      const above = open.at(-1);
      if (resource.kind === "directory" || !above) {
        open.push({ resource, depth, bytes: 0, files: 0, directories: 0, unknownSizes: 0, unlisted: 0 });
      }
      if (resource.kind === "directory") continue;
      const own = open.at(-1)!;
      own.files += 1;
      own.bytes += resource.size ?? 0;
      own.unknownSizes += resource.size === undefined ? 1 : 0;
    }
  }
  yield* close(0);
}

type Sum = { -readonly [K in keyof Total]: Total[K] };

function add(to: Sum, from: Sum): void {
  to.bytes += from.bytes;
  to.files += from.files;
  to.directories += from.directories + 1;
  to.unknownSizes += from.unknownSizes;
  to.unlisted += from.unlisted;
}
