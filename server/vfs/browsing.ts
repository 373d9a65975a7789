/** What is at a path, and what is in a directory: entries of storages, mount points, and the directories that only lead to mounts. */
import { kindOf } from "#drivers/contract/errors.ts";
import { isWithin, joinPath } from "#drivers/contract/path.ts";
import type { Storages } from "./api.ts";
import { type Listings, onNewRootAgain } from "./listings.ts";
import { type FoundNode, type Lookup, notADirectory } from "./lookup.ts";
import type { MountTable } from "./mount-table.ts";
import { NodeResource, resourceOf, virtualResource } from "./node-resource.ts";
import type { Listing, ListOptions, Resource, VfsOptions } from "./resource.ts";
import type { TreeNode } from "./tree/tree.ts";

/** What a look at the tree needs. */
export interface BrowsingParts {
  readonly table: MountTable;
  readonly lookup: Lookup;
  readonly listings: Listings;
  readonly storages: Pick<Storages, "list">;
}

/** Answers `stat` and `list` of the vfs. */
export class Browsing {
  readonly #parts: BrowsingParts;

  constructor(parts: BrowsingParts) {
    this.#parts = parts;
  }

  async stat(path: string, o: VfsOptions): Promise<Resource> {
    const found = await this.#parts.lookup.find(path, o);
    return found.storage ? resourceOf(found) : this.#virtual(found.path);
  }

  async list(path: string, o: ListOptions): Promise<Listing> {
    const known = this.#knownClean(path, o);
    return known ? this.#listing(known, undefined) : onNewRootAgain(() => this.#listAsked(path, o));
  }

  async #listAsked(path: string, o: ListOptions): Promise<Listing> {
    const known = this.#knownDirectory(path);
    if (known) {
      try {
        const before = known.storage.tree.directory(known.node)?.version;
        const { state, staleSeconds } = await this.#parts.listings.ensure(known.storage, known.node, known.inside, o);
        if (state.version === before) return this.#listing(known, staleSeconds);
        // What changed in the directory changed its own time as well.
      } catch (error) {
        // It may be gone, or a file by now: the storage is asked for the path itself.
        if (kindOf(error) !== "not-found" && kindOf(error) !== "not-a-directory") throw error;
      }
    }
    const found = await this.#parts.lookup.find(path, o);
    if (!found.storage) return this.#virtualListing(found.path);
    if (found.node.kind !== "directory") throw notADirectory(path);
    try {
      const { staleSeconds } = await this.#parts.listings.ensure(found.storage, found.node, found.inside, o);
      return this.#listing(found, staleSeconds);
    } catch (error) {
      throw await this.#parts.lookup.explainMissing(found, error, o);
    }
  }

  /** A watched directory in which nothing has changed needs no question at all. */
  #knownClean(path: string, o: ListOptions): FoundNode | undefined {
    if (o.refresh) return undefined;
    const found = this.#knownDirectory(path);
    if (!found?.storage.watching.isClean(found.node.n) || !found.storage.tree.directory(found.node)) return undefined;
    return found;
  }

  /** A directory of a storage where asking for a listing also tells that the directory is there. */
  #knownDirectory(path: string): FoundNode | undefined {
    if (!this.#parts.table.match(path)?.storage.traits.cheapStat) return undefined;
    const found = this.#parts.lookup.known(path);
    return found?.node.kind === "directory" ? found : undefined;
  }

  #listing(found: FoundNode, staleSeconds: number | undefined): Listing {
    const { storage, node } = found;
    const { table } = this.#parts;
    const directory = resourceOf(found);
    const mounts = table.hasBelow(found.path) ? this.#mountsBelow(found.path) : [];
    const hidden = new Set(mounts.map((mount) => mount.name));
    const toResources = (nodes: readonly TreeNode[]) => {
      const resources = nodes.map((child) => new NodeResource(child, storage, found.path));
      return hidden.size === 0 ? resources : resources.filter((resource) => !hidden.has(resource.name));
    };
    const state = storage.tree.directory(node);
    let entries: readonly Resource[] | undefined;
    return {
      directory,
      ...(staleSeconds !== undefined && { staleSeconds }),
      // What lies below mount points changes without this directory's version.
      ...(state && mounts.length === 0 && { version: `${node.n}.${state.version}.${directory.modifiedAt ?? ""}` }),
      get entries() {
        // Read when they are asked for: a front that has prepared this version does not.
        if (entries) return entries;
        const children = storage.tree.children(node);
        if (children) entries = [...mounts, ...toResources(children)];
        return entries;
      },
      async *pages() {
        if (mounts.length > 0) yield mounts;
        for await (const page of storage.pages(node)) yield toResources(page);
      },
    } as Listing;
  }

  #virtualListing(path: string): Listing {
    const entries = this.#mountsBelow(path);
    return {
      directory: this.#virtual(path),
      entries,
      async *pages() {
        yield entries;
      },
    };
  }

  #mountsBelow(path: string): readonly Resource[] {
    return [...this.#parts.table.below(path)].map(([name, storage]) => {
      const root = storage?.tree.root();
      if (storage && root) return new NodeResource(root, storage, path);
      return this.#virtual(joinPath(path, name));
    });
  }

  #virtual(path: string): Resource {
    const below = this.#parts.storages.list().filter((info) => !info.disabled && isWithin(info.mountPath, path));
    const modifiedAt = below.length === 0 ? undefined : Math.max(...below.map((info) => info.modifiedAt));
    return virtualResource(path, modifiedAt);
  }
}
