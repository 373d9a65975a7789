/** Making directories, removing, moving and dating: changes at the storage first, then in the tree. */
import { type ErrorKind, kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { Entry, Json, Mount } from "#drivers/contract/mount.ts";
import { isWithin, nameOf, parentOf } from "#drivers/contract/path.ts";
import type { Listings } from "./listings.ts";
import type { Locks } from "./locks/locks.ts";
import { childOf, type FoundNode, type Lookup, notADirectory } from "./lookup.ts";
import type { MountTable } from "./mount-table.ts";
import { resourceOf } from "./node-resource.ts";
import type { Ending } from "./pending/pending.ts";
import type { MoveJournal, MoveOnItsWay } from "./properties/move-journal.ts";
import type { Properties } from "./properties/properties.ts";
import type { Resource, TransferOptions, VfsOptions } from "./resource.ts";
import { entryOf, type TreeNode } from "./tree/tree.ts";
import type { Uploads } from "./uploads.ts";
import type { UsageCache } from "./usage-cache.ts";

/** What a storage says that did nothing; of all other failures nobody knows how far the change came. */
const REFUSALS = new Set<ErrorKind | "bug">([
  "already-exists",
  "not-a-directory",
  "is-a-directory",
  "not-empty",
  "invalid-name",
  "permission-denied",
  "unsupported",
  "precondition-failed",
  "locked",
  "quota-exceeded",
  "too-large",
]);

export interface ChangingOptions {
  readonly table: MountTable;
  readonly lookup: Lookup;
  readonly listings: Listings;
  readonly uploads: Uploads;
  readonly usage: UsageCache;
  readonly locks: Pick<Locks, "guard">;
  readonly properties: Properties;
  readonly moves: MoveJournal;
}

export class Changing {
  readonly #o: ChangingOptions;

  constructor(options: ChangingOptions) {
    this.#o = options;
  }

  async makeDirectory(path: string, o: VfsOptions): Promise<Resource> {
    const existing = await this.#o.lookup.findNodeOrNothing(path, o);
    if (existing) throw new StorageError("already-exists", `${path} exists already`, { path });
    const parent = await this.directory(parentOf(path), o);
    this.#o.locks.guard.newMember(parent, o);
    return resourceOf(await this.createIn(parent, nameOf(path), o));
  }

  /** A new directory in a found one. */
  async createIn(parent: FoundNode, name: string, o: VfsOptions): Promise<FoundNode> {
    const { storage } = parent;
    const rawName = storage.tree.toUpstream(name.normalize("NFC"));
    const create = (mount: Mount) => mount.createDirectory!(entryOf(parent.node), rawName, o);
    const entry = await storage.using("createDirectory", create).catch(async (error: unknown) => {
      // The tree said that the name is free: who is told that it is not must find what is there.
      if (kindOf(error) === "already-exists") {
        await this.#o.listings.refresh(storage, parent.node, o.signal, o.priority).catch(() => {});
      }
      this.doubt([parent], error);
      throw error;
    });
    return childOf(parent, await storage.tree.put(parent.node, entry, "committed"));
  }

  /** A directory that belongs to a storage. Throws `not-found`, `not-a-directory`, `permission-denied`. */
  async directory(path: string, o: VfsOptions): Promise<FoundNode> {
    const found = await this.#o.lookup.findNode(path, o);
    if (found.node.kind !== "directory") throw notADirectory(path);
    return found;
  }

  /** Mount points, and what contains one, are not removed or moved with the files around them. */
  refuseMountPoints(path: string, found: FoundNode): void {
    if (found.parent && !this.#o.table.hasBelow(path)) return;
    throw new StorageError("permission-denied", `${path} is or contains a mount point`, {
      path,
      reason: "mount-inside",
    });
  }

  /** A move within one storage or realm, as one call to the service. The new name, where the storage tells it. */
  async moveInside(
    from: FoundNode,
    toParent: FoundNode,
    name: string,
    o: TransferOptions,
    replaced?: Ending,
  ): Promise<string | undefined> {
    const { storage } = from;
    if (from.node.kind === "directory") await this.#o.uploads.settled(from.path, o.signal);
    const rawName = this.targetName(toParent, name);
    const move = (mount: Mount) =>
      mount.move!([entryOf(from.node)], entryOf(toParent.node), {
        signal: o.signal,
        name: rawName,
        conflict: o.conflict,
      });
    const onItsWay = await this.#o.moves.begin(from, toParent, rawName);
    try {
      const [outcome] = await storage.using("move", move).catch((error: unknown) => {
        this.doubt(bothSides(from, toParent), error);
        throw error;
      });
      if (outcome?.error) throw await this.#explainOutcome(from, toParent, outcome.error, o);
      await this.#endReplaced(toParent, name, replaced);
      await this.#showMoved(from, toParent, name, outcome?.entry, onItsWay, o);
      return outcome?.entry && toParent.storage.tree.toVisible(outcome.entry.name);
    } finally {
      await onItsWay?.end();
    }
  }

  /** A copy as one call: within one storage or realm to the service, else to the target's service, which takes it from the source's. The copy's name, where the storage tells it. */
  async copyByOneCall(
    way: "service" | "receive",
    from: FoundNode,
    toParent: FoundNode,
    name: string,
    o: TransferOptions,
    replaced?: Ending,
  ): Promise<string | undefined> {
    const options = { signal: o.signal, name: this.targetName(toParent, name), conflict: o.conflict };
    const [entries, parent] = [[entryOf(from.node)], entryOf(toParent.node)] as const;
    const { id: driver } = from.storage.definition;
    const source = { driver, settings: from.storage.settings as Json };
    const called =
      way === "service"
        ? from.storage.using("copy", (mount) => mount.copy!(entries, parent, options))
        : toParent.storage.using("receive", (mount) => mount.receive!(entries, source, parent, options));
    const [outcome] = await called.catch((error: unknown) => {
      this.doubt(bothSides(from, toParent), error);
      throw error;
    });
    if (outcome?.error) throw await this.#explainOutcome(from, toParent, outcome.error, o);
    await this.#endReplaced(toParent, name, replaced);
    this.#o.usage.forget(toParent.storage);
    if (!outcome?.entry) {
      await this.#o.listings.refresh(toParent.storage, toParent.node, o.signal);
      const copy = o.conflict === "rename" ? undefined : toParent.storage.tree.lookup(toParent.node, name);
      if (copy) await this.#o.properties.copied(from, childOf(toParent, copy), o);
      return undefined;
    }
    // What the copy replaced is gone with all in it; a copied directory's content is listed when somebody asks.
    await this.#forgetReplaced(toParent, outcome.entry);
    const node = await toParent.storage.tree.put(toParent.node, outcome.entry, "committed");
    await this.#o.properties.copied(from, childOf(toParent, node), o);
    return node.name;
  }

  /** What the storage calls a name, new or there already. */
  targetName(toParent: FoundNode, name: string): string {
    const existing = toParent.storage.tree.lookup(toParent.node, name);
    return existing?.rawName ?? toParent.storage.tree.toUpstream(name.normalize("NFC"));
  }

  async #showMoved(
    from: FoundNode,
    toParent: FoundNode,
    name: string,
    entry: Entry | undefined,
    onItsWay: MoveOnItsWay | undefined,
    o: TransferOptions,
  ): Promise<void> {
    const { storage, node, parent } = from;
    const { tree } = toParent.storage;
    storage.watching.drop(node.n);
    if (entry) await this.#forgetReplaced(toParent, entry, node);
    await onItsWay?.placed();
    let moved: TreeNode | undefined;
    if (entry && toParent.storage === storage) {
      moved = await tree.move(parent!, node.name, toParent.node, withHashes(entry, node));
    } else {
      await storage.tree.remove(parent!, node.name);
      if (entry) moved = await tree.put(toParent.node, withHashes(entry, node), "committed");
      else {
        await this.#o.listings.refresh(toParent.storage, toParent.node, o.signal);
        if (o.conflict !== "rename") moved = tree.lookup(toParent.node, name);
      }
    }
    if (moved) await this.#o.properties.moved(from, childOf(toParent, moved));
  }

  /** What waited in the place that something has taken waits no more. */
  async #endReplaced(toParent: FoundNode, name: string, replaced: Ending | undefined): Promise<void> {
    const { tree } = toParent.storage;
    const node = replaced && tree.lookup(toParent.node, name);
    if (!replaced || !node) return;
    await tree.remove(toParent.node, node.name, (trx) => replaced.also(trx));
    await replaced.after("dropped");
    await this.#o.properties.removed(childOf(toParent, node));
  }

  /** What a move or copy has replaced is gone, with all in it. */
  async #forgetReplaced(toParent: FoundNode, entry: Entry, moved?: TreeNode): Promise<void> {
    const { tree } = toParent.storage;
    const replaced = tree.lookup(toParent.node, tree.toVisible(entry.name));
    if (!replaced || replaced.n === moved?.n) return;
    if (tree.isPlaceholder(replaced)) await tree.remove(toParent.node, replaced.name);
    else await tree.forget(toParent.node, replaced.name);
    await this.#o.properties.removed(childOf(toParent, replaced));
  }

  async #explainOutcome(from: FoundNode, toParent: FoundNode, error: StorageError, o: VfsOptions): Promise<unknown> {
    if (kindOf(error) === "not-found") return this.#o.lookup.explainMissing(from, error, o);
    this.doubt(bothSides(from, toParent), error);
    return error;
  }

  /** Unless the storage has plainly refused a change, it may have done all or half of it: the directories are listed again. */
  doubt(directories: readonly Pick<FoundNode, "storage" | "node">[], error: unknown): void {
    if (REFUSALS.has(kindOf(error) ?? "bug")) return;
    for (const { storage, node } of directories) {
      if (!storage.traits.cheapStat) this.#o.listings.refreshBehind(storage, node);
    }
  }
}

/** Refuses a move or copy of a directory into itself. */
export function refuseInsideItself(from: string, to: string): void {
  if (from === to) throw new StorageError("permission-denied", `${from} is already there`, { path: to });
  if (isWithin(to, from)) throw new StorageError("permission-denied", `${from} cannot go into itself`, { path: to });
  if (isWithin(from, to))
    throw new StorageError("permission-denied", `${to} contains what would replace it`, { path: to });
}

function bothSides(from: FoundNode, toParent: FoundNode): readonly Pick<FoundNode, "storage" | "node">[] {
  const source = { storage: from.storage, node: from.parent! };
  return source.node.n === toParent.node.n ? [source] : [source, toParent];
}

function withHashes(entry: Entry, node: TreeNode): Entry {
  return node.hashes && !entry.hashes ? { ...entry, hashes: node.hashes } : entry;
}
