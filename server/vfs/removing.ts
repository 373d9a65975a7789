/** Removing files and directories, many in one call to the storage: at the storage first, then in the tree. */
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { BatchResult, Entry, Mount } from "#drivers/contract/mount.ts";
import type { Changing } from "./changing.ts";
import type { Listings } from "./listings.ts";
import type { Lock } from "./locks/lock.ts";
import type { Locks } from "./locks/locks.ts";
import type { FoundNode, Lookup } from "./lookup.ts";
import type { MountedStorage } from "./mounted-storage.ts";
import { resourceOf } from "./node-resource.ts";
import type { PendingChanging } from "./pending/changing.ts";
import type { Properties } from "./properties/properties.ts";
import type { RemovalOptions } from "./resource.ts";
import { entryOf } from "./tree/tree.ts";
import type { Uploads } from "./uploads.ts";
import type { UsageCache } from "./usage-cache.ts";

/** Entries in one call to a mount: drivers split it further where their service takes fewer. */
const AT_ONCE = 1000;

export interface RemovingOptions {
  readonly changing: Changing;
  readonly lookup: Lookup;
  readonly listings: Listings;
  readonly uploads: Uploads;
  readonly usage: UsageCache;
  readonly locks: Locks;
  readonly properties: Properties;
  readonly pending: PendingChanging;
}

/** How one of several removals ended. */
export interface Removal {
  readonly error?: unknown;
}

export class Removing {
  readonly #o: RemovingOptions;

  constructor(options: RemovingOptions) {
    this.#o = options;
  }

  async remove(path: string, o: RemovalOptions): Promise<void> {
    const [removal] = await this.removeAll([path], o);
    if (removal?.error !== undefined) throw removal.error;
  }

  /** Removes what was found, at the storage and in the tree. `locks` stay: what takes its place will have them. */
  async removeFound(found: FoundNode, o: RemovalOptions, locks: readonly Lock[] = []): Promise<void> {
    const [removal] = await this.#removeBatch(found.storage, [found], o, locks);
    if (removal?.error !== undefined) throw removal.error;
  }

  /** One outcome per path, in order. Throws only the signal's reason. */
  async removeAll(paths: readonly string[], o: RemovalOptions): Promise<readonly Removal[]> {
    const outcomes: Removal[] = [];
    const batches = new Map<MountedStorage, Map<FoundNode, number>>();
    for (const [at, path] of paths.entries()) {
      try {
        const found = await this.#removable(path, o);
        const batch = batches.get(found.storage) ?? new Map<FoundNode, number>();
        batches.set(found.storage, batch.set(found, at));
        outcomes[at] = {};
      } catch (error) {
        o.signal.throwIfAborted();
        outcomes[at] = { error };
      }
    }
    for (const [storage, batch] of batches) {
      const all = [...batch];
      for (let from = 0; from < all.length; from += AT_ONCE) {
        const some = all.slice(from, from + AT_ONCE);
        const removals = await this.#settled(
          storage,
          some.map(([found]) => found),
          o,
        );
        for (const [i, [, at]] of some.entries()) outcomes[at] = removals[i]!;
      }
    }
    return outcomes;
  }

  async #removable(path: string, o: RemovalOptions): Promise<FoundNode> {
    const found = await this.#o.lookup.findNode(path, o);
    this.#o.changing.refuseMountPoints(found.path, found);
    this.#o.locks.guard.removal(found, o);
    o.check?.(resourceOf(found));
    if (found.node.kind === "directory" && o.onlyEmpty) await this.#demandEmpty(found, o);
    else if (found.node.kind === "directory" && o.recursive === false) {
      throw new StorageError("is-a-directory", `${path} is a directory`, { path });
    }
    await this.#o.uploads.cancel(found.path);
    return found;
  }

  async #demandEmpty(found: FoundNode, o: RemovalOptions): Promise<void> {
    const { storage, node, path } = found;
    const { count } = await this.#o.listings
      .refresh(storage, node, o.signal, o.priority)
      .catch(async (error: unknown) => {
        // It may be gone since a removal whose answer was lost: the tree is to know that too.
        throw await this.#o.lookup.explainMissing(found, error, o);
      });
    if (count > 0) throw new StorageError("not-empty", `${path} is not empty`, { path });
  }

  async #settled(storage: MountedStorage, batch: readonly FoundNode[], o: RemovalOptions): Promise<readonly Removal[]> {
    try {
      return await this.#removeBatch(storage, batch, o);
    } catch (error) {
      o.signal.throwIfAborted();
      return batch.map(() => ({ error }));
    }
  }

  /** Throws what the whole call failed with. What waits for its upload stops first. */
  async #removeBatch(
    storage: MountedStorage,
    batch: readonly FoundNode[],
    o: RemovalOptions,
    locks: readonly Lock[] = [],
  ): Promise<readonly Removal[]> {
    const { pending } = this.#o;
    const { release } = await pending.hold(batch);
    try {
      const now = batch.map((found) => (found.node.pending ? pending.again(found) : found));
      return await this.#removeHeld(storage, now, o, locks);
    } finally {
      release();
    }
  }

  async #removeHeld(
    storage: MountedStorage,
    batch: readonly FoundNode[],
    o: RemovalOptions,
    locks: readonly Lock[],
  ): Promise<readonly Removal[]> {
    const ours = new Set(batch.filter(({ node }) => node.pending));
    if (ours.size > 0) {
      const others = batch.filter((found) => !ours.has(found));
      const removals = others.length === 0 ? [] : await this.#removeHeld(storage, others, o, locks);
      const ownRemovals = new Map<FoundNode, Removal>();
      for (const found of ours) ownRemovals.set(found, await this.#removeOurs(found, o, locks));
      return batch.map((found) => ownRemovals.get(found) ?? removals[others.indexOf(found)]!);
    }
    for (const found of batch) await this.#o.pending.condemn(found, true);
    const outcomes = await this.#removeAtStorage(
      storage,
      batch.map(({ node }) => entryOf(node)),
      o,
    ).catch(async (error: unknown) => {
      this.#o.changing.doubt(parentsOf(batch), error);
      throw error;
    });
    const removals: Removal[] = [];
    for (const [i, found] of batch.entries()) removals.push(await this.#show(found, outcomes[i]?.error, o, locks));
    this.#o.usage.forget(storage);
    return removals;
  }

  /** A file that only we have, but for what the storage has under its name: of a placeholder nothing, of what waits for its upload what it is to replace. */
  async #removeOurs(found: FoundNode, o: RemovalOptions, locks: readonly Lock[]): Promise<Removal> {
    const { storage, node } = found;
    try {
      const entries = await this.#o.pending.atStorage(found, o);
      if (entries.length > 0) {
        const outcomes = await this.#removeAtStorage(storage, entries, o);
        const failed = outcomes.find(({ error }) => error && kindOf(error) !== "not-found");
        if (failed?.error) return { error: failed.error };
        this.#o.usage.forget(storage);
      }
      return await this.#show({ ...found, node }, undefined, o, locks);
    } catch (error) {
      o.signal.throwIfAborted();
      return { error };
    }
  }

  async #removeAtStorage(storage: MountedStorage, entries: readonly Entry[], o: RemovalOptions): Promise<BatchResult> {
    await storage.mount();
    const mode = o.mode ?? (storage.capabilities?.trash ? "trash" : "permanent");
    if (mode === "trash" && !storage.capabilities?.trash) {
      throw new StorageError("unsupported", `the storage at ${storage.mountPath} has no recycle bin`);
    }
    const { signal, priority } = o;
    const remove = (mount: Mount) => mount.remove!(entries, { signal, mode, ...(priority && { priority }) });
    // A service that turns out to have no bin loses the bin, not the way to remove.
    if (mode === "trash" && !storage.capabilities?.remove) {
      throw new StorageError("unsupported", `the storage at ${storage.mountPath} cannot do this (remove)`);
    }
    return storage.using(mode === "trash" ? "trash" : "remove", remove);
  }

  async #show(
    found: FoundNode,
    error: StorageError | undefined,
    o: RemovalOptions,
    locks: readonly Lock[],
  ): Promise<Removal> {
    const { storage, node, parent } = found;
    if (error && kindOf(error) === "not-found") {
      return { error: await this.#o.lookup.explainMissing(found, error, o).catch((other: unknown) => other) };
    }
    if (error) await this.#o.pending.condemn(found, false);
    if (error) {
      // Part of a directory may be gone: what is left is learnt from the storage.
      this.#o.listings.refreshBehind(storage, node.kind === "directory" ? node : parent!);
      return { error };
    }
    const ending = this.#o.pending.endings(found);
    await storage.tree.remove(parent!, node.name, ending && ((trx) => ending.also(trx)));
    await ending?.after("dropped");
    await this.#o.locks.forget(found, locks);
    await this.#o.properties.removed(found);
    storage.watching.drop(node.n);
    return {};
  }
}

function parentsOf(batch: readonly FoundNode[]): readonly Pick<FoundNode, "storage" | "node">[] {
  return [...new Map(batch.map(({ storage, parent }) => [parent!.n, { storage, node: parent! }])).values()];
}
