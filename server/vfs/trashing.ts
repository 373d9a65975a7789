/** The recycle bins of storages, as people use them: by name, or by a short id of ours. */
import { createHash } from "node:crypto";
import { StorageError } from "#drivers/contract/errors.ts";
import type { BatchResult, Entry, TrashedEntry } from "#drivers/contract/mount.ts";
import { joinPath, parentOf } from "#drivers/contract/path.ts";
import type { Listings } from "./listings.ts";
import type { Locks } from "./locks/locks.ts";
import type { Lookup } from "./lookup.ts";
import type { MountTable } from "./mount-table.ts";
import type { MountedStorage } from "./mounted-storage.ts";
import type { VfsOptions } from "./resource.ts";
import type { TreeNode } from "./tree/tree.ts";
import type { UsageCache } from "./usage-cache.ts";

/** Enough that two items of one bin never share an id by chance. */
const ID_DIGITS = 12;

/** Ids named in a message about several items of one name. */
const SHOWN_IDS = 5;

/** Something in a recycle bin. */
export interface TrashItem {
  /** Names it as long as it is there; twelve hex digits, not the service's id. */
  readonly id: string;
  readonly name: string;
  readonly kind: "file" | "directory";
  /** Bytes. */
  readonly size?: number;
  /** Milliseconds since the epoch. */
  readonly removedAt?: number;
  /** The absolute path where it was. */
  readonly originalPath?: string;
}

/** How one of several restorations or purges ended. */
export interface TrashOutcome {
  /** As it was asked for. */
  readonly asked: string;
  readonly item?: TrashItem;
  /** Where it is again; absent where the storage does not tell. */
  readonly path?: string;
  readonly error?: unknown;
}

/** The recycle bins, each named by any path of its storage. Everything throws `unsupported` where the storage has none. */
export interface TrashBins {
  list(path: string, o: VfsOptions): AsyncGenerator<readonly TrashItem[]>;
  /** `asked`: ids or names of items. A name that several items have is refused: `precondition-failed`. */
  restore(path: string, asked: readonly string[], o: VfsOptions): Promise<readonly TrashOutcome[]>;
  purge(path: string, asked: readonly string[], o: VfsOptions): Promise<readonly TrashOutcome[]>;
  empty(path: string, o: VfsOptions): Promise<void>;
}

export interface TrashingOptions {
  readonly table: MountTable;
  readonly lookup: Lookup;
  readonly listings: Listings;
  readonly usage: UsageCache;
  readonly locks: Pick<Locks, "guard">;
}

/** An item with what the storage calls it. */
interface Trashed {
  readonly entry: TrashedEntry;
  readonly item: TrashItem;
}

export class Trashing implements TrashBins {
  readonly #o: TrashingOptions;

  constructor(options: TrashingOptions) {
    this.#o = options;
  }

  async *list(path: string, o: VfsOptions): AsyncGenerator<readonly TrashItem[]> {
    for await (const page of this.#pages(this.#storageAt(path), o)) yield page.map(({ item }) => item);
  }

  async restore(path: string, asked: readonly string[], o: VfsOptions): Promise<readonly TrashOutcome[]> {
    const storage = this.#storageAt(path);
    return this.#each(storage, asked, o, async (found) => {
      const ids = found.map(({ entry }) => entry.id);
      for (const { item } of found) this.#demandUnlocked(item, o);
      const results = await storage.using("trash", (mount) => mount.trash!.restore(ids, o));
      await this.#show(storage, found, results, o);
      return results;
    });
  }

  async purge(path: string, asked: readonly string[], o: VfsOptions): Promise<readonly TrashOutcome[]> {
    const storage = this.#storageAt(path);
    const outcomes = await this.#each(storage, asked, o, (found) => {
      const ids = found.map(({ entry }) => entry.id);
      return storage.using("trash", (mount) => mount.trash!.purge(ids, o));
    });
    return outcomes.map(({ path: _gone, ...outcome }) => outcome);
  }

  async empty(path: string, o: VfsOptions): Promise<void> {
    const storage = this.#storageAt(path);
    await storage.using("trash", (mount) => mount.trash!.empty(o));
    this.#o.usage.forget(storage);
  }

  /** What comes back is a new member of the directory that it was in. */
  #demandUnlocked({ originalPath }: TrashItem, o: VfsOptions): void {
    const parent = originalPath === undefined ? undefined : this.#o.lookup.known(parentOf(originalPath));
    if (parent) this.#o.locks.guard.newMember(parent, o);
  }

  #storageAt(path: string): MountedStorage {
    const match = this.#o.table.match(path);
    if (match) return match.storage;
    throw new StorageError("unsupported", `${path} belongs to no storage: there is no recycle bin`, { path });
  }

  async *#pages(storage: MountedStorage, o: VfsOptions): AsyncGenerator<readonly Trashed[]> {
    await storage.mount();
    if (!storage.capabilities?.trash) {
      throw new StorageError("unsupported", `the storage at ${storage.mountPath} has no recycle bin`);
    }
    // Asked for page by page, so that a bin of any size passes through.
    const pages = await storage.using("trash", async (mount) => mount.trash!.list(o));
    for await (const page of pages) yield page.map((entry) => ({ entry, item: toItem(storage, entry) }));
  }

  /** Finds what was asked for with one listing of the bin, runs one call for all of it, and says how each ended. */
  async #each(
    storage: MountedStorage,
    asked: readonly string[],
    o: VfsOptions,
    run: (found: readonly Trashed[]) => Promise<BatchResult>,
  ): Promise<readonly TrashOutcome[]> {
    const matches = await this.#find(storage, asked, o);
    const sole = [...matches.values()].flatMap((found) => (found.length === 1 ? found : []));
    const chosen = [...new Map(sole.map((found) => [found.entry.id, found])).values()];
    const results = chosen.length === 0 ? [] : await run(chosen);
    this.#o.usage.forget(storage);
    return asked.map((text) => {
      const found = matches.get(text) ?? [];
      if (found.length !== 1) return { asked: text, error: notOne(text, found) };
      const { entry, item } = found[0]!;
      const result = results[chosen.findIndex((one) => one.entry.id === entry.id)];
      if (result?.error) return { asked: text, item, error: result.error };
      const path = pathAfter(storage, item, result?.entry);
      return { asked: text, item, ...(path !== undefined && { path }) };
    });
  }

  async #find(
    storage: MountedStorage,
    asked: readonly string[],
    o: VfsOptions,
  ): Promise<ReadonlyMap<string, readonly Trashed[]>> {
    const matches = new Map<string, Trashed[]>(asked.map((text) => [text, []]));
    for await (const page of this.#pages(storage, o)) {
      for (const trashed of page) {
        const { id, name } = trashed.item;
        (matches.get(id) ?? matches.get(name))?.push(trashed);
      }
    }
    return matches;
  }

  /** What came back is listed where it came back to; where nobody knows where that is, at the mount's root. */
  async #show(storage: MountedStorage, found: readonly Trashed[], results: BatchResult, o: VfsOptions): Promise<void> {
    const parents = new Set<string>();
    for (const [i, { item }] of found.entries()) {
      if (results[i]?.error) continue;
      const path = pathAfter(storage, item, results[i]?.entry);
      parents.add(path === undefined ? storage.mountPath : parentOf(path));
    }
    for (const parent of parents) {
      const known = this.#knownAbove(parent, storage);
      if (known) await this.#o.listings.refresh(storage, known, o.signal, o.priority);
    }
  }

  /** The nearest directory that the tree knows: a parent that came back with its file is not in it yet. */
  #knownAbove(path: string, storage: MountedStorage): TreeNode | undefined {
    for (let at = path; ; at = parentOf(at)) {
      const found = this.#o.lookup.known(at);
      if (found?.storage === storage && found.node.kind === "directory") return found.node;
      if (at === storage.mountPath || at === "/") return undefined;
    }
  }
}

function toItem(storage: MountedStorage, entry: TrashedEntry): TrashItem {
  const { tree, id: mountId, mountPath } = storage;
  const original = entry.originalPath?.map((name) => tree.toVisible(name)).reduce(joinPath, mountPath);
  return {
    id: createHash("sha256").update(`${mountId}\0${entry.id}`).digest("hex").slice(0, ID_DIGITS),
    name: tree.toVisible(entry.name),
    kind: entry.kind,
    ...(entry.size !== undefined && { size: entry.size }),
    ...(entry.removedAt !== undefined && { removedAt: entry.removedAt }),
    ...(original !== undefined && { originalPath: original }),
  };
}

/** Where a restored item is: under its new name beside its old place, or where its id says, where ids are paths. */
function pathAfter(storage: MountedStorage, item: TrashItem, entry: Entry | undefined): string | undefined {
  const { tree, traits, mountPath } = storage;
  if (entry && traits.ids === "path") {
    return entry.id
      .split("/")
      .map((name) => tree.toVisible(name))
      .reduce(joinPath, mountPath);
  }
  if (item.originalPath === undefined) return undefined;
  return entry ? joinPath(parentOf(item.originalPath), tree.toVisible(entry.name)) : item.originalPath;
}

function notOne(text: string, found: readonly Trashed[]): StorageError {
  if (found.length === 0) return new StorageError("not-found", `the recycle bin holds no ${text}`);
  const ids = found.slice(0, SHOWN_IDS).map(({ item }) => item.id);
  return new StorageError(
    "precondition-failed",
    `the recycle bin holds ${found.length} items of that name: name one by its id (${ids.join(", ")}${found.length > SHOWN_IDS ? ", …" : ""})`,
  );
}
