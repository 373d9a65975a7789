/** Listing what nobody has asked for yet, directory by directory: what a crawler of the tree is given to do that. */
import { kindOf } from "#drivers/contract/errors.ts";
import { isWithin, joinPath } from "#drivers/contract/path.ts";
import { freshnessOf } from "../freshness.ts";
import type { Listings } from "../listings.ts";
import type { Lookup } from "../lookup.ts";
import type { MountTable } from "../mount-table.ts";
import type { MountedStorage } from "../mounted-storage.ts";
import type { TreeNode } from "../tree/tree.ts";

/** Where a storage can be entered. */
export interface CrawlStart {
  readonly storageId: number;
  readonly path: string;
}

export interface VisitOptions {
  readonly signal: AbortSignal;
  /** A listing begun after that is good enough, in milliseconds since the epoch; absent: as old a one as may be shown without asking. */
  readonly since?: number;
  /** Waited for before the storage is asked. */
  readonly beforeAsking: () => Promise<void>;
}

/** What is in a directory, page by page. */
export interface VisitedPage {
  readonly entries: number;
  readonly directories: readonly string[];
}

export interface Crawling {
  /** The time by the clock that listings are dated with, in milliseconds since the epoch. */
  now(): number;
  /** Where to begin below a path: in the storage that it is in, and in each that is mounted below. */
  starts(path: string): readonly CrawlStart[];
  /**
   * Makes sure that a directory of a storage is listed, with at most one listing, which gives way to what people ask for, and tells what is in it;
   * undefined where it is not there any more. Throws what the storage failed with.
   */
  visit(start: CrawlStart, o: VisitOptions): Promise<AsyncIterable<VisitedPage> | undefined>;
}

export interface CrawlingParts {
  readonly table: MountTable;
  readonly lookup: Lookup;
  readonly listings: Listings;
  readonly now: () => number;
}

/** Crawling over the mount table. */
export function createCrawling({ table, lookup, listings, now }: CrawlingParts): Crawling {
  const inside = (storage: MountedStorage, path: string) =>
    storage.mountPath === "/" ? path : path.slice(storage.mountPath.length) || "/";

  function isListed(storage: MountedStorage, node: TreeNode, path: string, since: number | undefined): boolean {
    const known = storage.tree.directory(node);
    if (!known) return false;
    if (since !== undefined) return known.listedAt > since;
    const age = freshnessOf(inside(storage, path), storage.freshness, storage.traits);
    return age === "manual" || now() - known.listedAt <= age;
  }

  async function* pagesOf(storage: MountedStorage, node: TreeNode, path: string): AsyncGenerator<VisitedPage> {
    for await (const page of storage.pages(node)) {
      const directories = page.filter(({ kind }) => kind === "directory").map(({ name }) => joinPath(path, name));
      // A mount point hides what the storage around it has there.
      const own = directories.filter((at) => table.match(at)?.storage === storage);
      yield { entries: page.length, directories: own };
    }
  }

  return {
    now,
    starts(path) {
      const around = table.match(path)?.storage;
      const below = table.all().filter(({ mountPath }) => mountPath !== path && isWithin(mountPath, path));
      const starts = below.map((storage) => ({ storageId: storage.id, path: storage.mountPath }));
      return around ? [{ storageId: around.id, path }, ...starts] : starts;
    },
    async visit({ storageId, path }, { signal, since, beforeAsking }) {
      const storage = table.get(storageId);
      if (!storage || table.match(path)?.storage !== storage) return undefined;
      const isRoot = path === storage.mountPath;
      const node = isRoot ? await storage.root(signal) : lookup.known(path)?.node;
      if (node?.kind !== "directory") return undefined;
      if (!isListed(storage, node, path, since)) {
        await beforeAsking();
        try {
          await listings.refresh(storage, node, signal, "background");
        } catch (error) {
          if (kindOf(error) === "not-found" && !isRoot) return undefined;
          throw error;
        }
      }
      // The root may have turned out to be another one.
      const listed = isRoot ? storage.tree.root() : node;
      return listed && pagesOf(storage, listed, path);
    },
  };
}
