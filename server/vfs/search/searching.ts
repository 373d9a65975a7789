/** Searching names over the mount table: which directories, and which paths the hits are (decision 0022). */
import { StorageError } from "#drivers/contract/errors.ts";
import { isWithin, joinPath, nameOf, parentOf } from "#drivers/contract/path.ts";
import type { Lookup } from "../lookup.ts";
import type { MountTable } from "../mount-table.ts";
import type { MountedStorage } from "../mounted-storage.ts";
import type { VfsOptions } from "../resource.ts";
import type { NameIndex } from "./name-index.ts";
import type { Hit } from "./names-in-tree.ts";
import type { Place } from "./protocol.ts";
import { hasWords, type Wanted } from "./words.ts";

/** A name that was found, as the tree knows it. */
export interface FoundName {
  readonly path: string;
  readonly name: string;
  readonly kind: "file" | "directory";
  readonly size?: number;
  readonly sizeIs?: "exact" | "about";
  readonly modifiedAt?: number;
}

export interface SearchOptions extends VfsOptions {
  /** What is to be found; default everything. Asked of every hit before it counts. */
  readonly sees?: (path: string) => boolean;
  /** How many somebody will look at, as far as that is known: they come in one batch, where nothing is kept from him. */
  readonly atOnce?: number;
}

/** Hits of one answer, unless fewer are wanted. */
const MOST_HITS = 2000;

export interface SearchingParts {
  readonly table: MountTable;
  readonly lookup: Lookup;
  readonly index: NameIndex | undefined;
  /** True for paths that the settings keep out of every search. */
  readonly isIgnored?: (path: string) => boolean;
}

/** A directory to look in. */
interface Ground {
  readonly n: number;
  readonly path: string;
  readonly storage: MountedStorage;
}

export class Searching {
  readonly #parts: SearchingParts;

  constructor(parts: SearchingParts) {
    this.#parts = parts;
  }

  /**
   * What the tree knows below a path that has the wanted name, without a call to any storage: mount points first, then in the order in which it was
   * first seen. Nothing where the path is not known. Throws `unsupported` where names are not indexed, `unavailable`.
   */
  async *search(
    path: string,
    wanted: Wanted,
    { signal, sees = () => true, atOnce = MOST_HITS }: SearchOptions,
  ): AsyncGenerator<readonly FoundName[]> {
    const { index, isIgnored = () => false } = this.#parts;
    if (!index) throw new StorageError("unsupported", "names are not indexed here");
    const isShown = ({ path: at }: FoundName) => !isIgnored(at) && sees(at);
    const mounts = this.#mountPoints(path, wanted).filter(isShown);
    let hasFound = mounts.length > 0;
    if (hasFound) yield mounts;
    const grounds = new Map(this.#groundsBelow(path).map((ground) => [ground.n, ground]));
    if (grounds.size === 0) return;
    const within = [...grounds.keys()];
    let limit = Math.min(atOnce, MOST_HITS);
    for (let place: Place | undefined = { stage: "words", after: 0 }; place; ) {
      const request = { wanted, within, place, limit, mayLoosen: !hasFound };
      const { hits, place: next } = await index.search(request, signal);
      const found = hits.flatMap((hit) => this.#found(hit, grounds.get(hit.within)) ?? []).filter(isShown);
      hasFound ||= found.length > 0;
      if (found.length > 0) yield found;
      place = next;
      limit = MOST_HITS;
    }
  }

  #groundsBelow(path: string): Ground[] {
    const { table, lookup } = this.#parts;
    const grounds: Ground[] = [];
    const known = lookup.known(path);
    if (known?.node.kind === "directory") grounds.push({ n: known.node.n, path: known.path, storage: known.storage });
    for (const storage of table.all()) {
      if (storage.mountPath === path || !isWithin(storage.mountPath, path)) continue;
      const root = storage.tree.root();
      if (root) grounds.push({ n: root.n, path: storage.mountPath, storage });
    }
    return grounds;
  }

  #found(hit: Hit, ground: Ground | undefined): FoundName | undefined {
    if (!ground) return undefined;
    const path = joinPath(ground.path, hit.names.join("/"));
    // A mount point hides what the storage around it has under its name.
    if (this.#parts.table.match(path)?.storage !== ground.storage || path === ground.storage.mountPath)
      return undefined;
    const { kind, size, sizeIs, modifiedAt } = hit;
    return {
      path,
      name: hit.names.at(-1)!,
      kind,
      ...(size !== undefined && { size }),
      ...(sizeIs !== undefined && { sizeIs }),
      ...(modifiedAt !== undefined && { modifiedAt }),
    };
  }

  /** The mount points below a path, and the directories that lead to them, whose name is wanted. */
  #mountPoints(path: string, wanted: Wanted): FoundName[] {
    if (wanted.kind === "file" || wanted.glob) return [];
    const isWanted = hasWords(wanted);
    const points = new Set<string>();
    for (const { mountPath } of this.#parts.table.all()) {
      for (let at = mountPath; at !== path && at !== "/" && isWithin(at, path); at = parentOf(at)) {
        const known = this.#parts.lookup.known(at);
        // A directory of a storage that leads to a mount point is found as such.
        if (!known || known.storage.mountPath === at) points.add(at);
      }
    }
    return [...points]
      .sort()
      .map((at) => ({ path: at, name: nameOf(at), kind: "directory" as const }))
      .filter(({ name }) => isWanted(name));
  }
}
