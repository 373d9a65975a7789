/** What the vfs keeps with nodes beside what their storages say: changed by clients, tied to stored content, carried by moves and copies (RFC 4918 §4, §9.8.2, §9.9.1). */
import { kindOf } from "#drivers/contract/errors.ts";
import type { Entry, Hashes, HashName } from "#drivers/contract/mount.ts";
import { joinPath } from "#drivers/contract/path.ts";
import type { Locks } from "../locks/locks.ts";
import type { FoundNode, Lookup } from "../lookup.ts";
import type { MountedStorage } from "../mounted-storage.ts";
import { resourceOf } from "../node-resource.ts";
import type { Pending } from "../pending/pending.ts";
import type { Placeholders } from "../placeholders/placeholders.ts";
import type { Resource, VfsOptions } from "../resource.ts";
import { entryOf, type TreeNode } from "../tree/tree.ts";
import { changedProperties, type DeadProperty, type PropertyChange } from "./dead-properties.ts";
import type { Remembered } from "./remembered.ts";
import type { RememberedNodes } from "./remembered-nodes.ts";

/** What a client wants to be true of a resource from now on. */
export interface PropertyPatch {
  /** Milliseconds since the epoch. */
  readonly modifiedAt?: number;
  /** In their order. */
  readonly changes?: readonly PropertyChange[];
}

/** A node with where it hangs. */
type Placed = Pick<FoundNode, "storage" | "node" | "parent">;

export interface PropertiesOptions {
  readonly remembered: RememberedNodes;
  readonly lookup: Lookup;
  readonly locks: Pick<Locks, "guard">;
  readonly placeholders: Pick<Placeholders, "date">;
  readonly pending: Pick<Pending, "date">;
}

export class Properties {
  readonly #remembered: RememberedNodes;
  readonly #lookup: Lookup;
  readonly #locks: Pick<Locks, "guard">;
  readonly #placeholders: Pick<Placeholders, "date">;
  readonly #pending: Pick<Pending, "date">;

  constructor({ remembered, lookup, locks, placeholders, pending }: PropertiesOptions) {
    this.#placeholders = placeholders;
    this.#pending = pending;
    this.#remembered = remembered;
    this.#lookup = lookup;
    this.#locks = locks;
  }

  /**
   * Changes all or nothing. A time goes to the storage where it takes one, else it is remembered.
   * Throws PropertyLimitError, `permission-denied` for what belongs to no storage, and what setting the time failed with.
   */
  async patch(path: string, { modifiedAt, changes = [] }: PropertyPatch, o: VfsOptions): Promise<Resource> {
    const found = await this.#lookup.findNode(path, o);
    this.#locks.guard.content(found, o);
    const { storage } = found;
    const before = storage.remembered(found.node);
    changedProperties(before?.properties ?? [], changes);
    if (modifiedAt === undefined) {
      await this.#changeProperties(found, (properties) => changedProperties(properties, changes));
      return resourceOf(found);
    }
    const { node, toRemember } = await this.#date(found, modifiedAt, o);
    const now = { ...found, node };
    await this.#update(now, (remembered) => ({
      // Another time of the same content leaves its digests true.
      hashes: before?.hashes,
      etag: before?.etag,
      modifiedAt: toRemember,
      properties: changedProperties(remembered?.properties ?? [], changes),
    }));
    return resourceOf(now);
  }

  /** After content was stored: the time that was asked for, where the storage has another, the digests that it does not tell, and the etag that was told before. */
  async stored(
    at: Placed,
    entry: Entry,
    asked: { readonly modifiedAt?: number; readonly hashes?: Hashes },
    digests: Hashes,
    etag?: string,
  ): Promise<void> {
    const { traits } = at.storage;
    const isTimeStored = asked.modifiedAt === undefined || isStoredTime(entry.modifiedAt, asked.modifiedAt, at.storage);
    const modifiedAt = isTimeStored ? undefined : asked.modifiedAt;
    // Digests that nobody asked to be kept are in the tree, where losing them costs nothing.
    const wanted = asked.hashes !== undefined || modifiedAt !== undefined;
    const hashes = Object.fromEntries(
      Object.entries(wanted ? digests : {}).filter(([name]) => !traits.hashes.includes(name as HashName)),
    );
    await this.#update(at, (before) => ({ modifiedAt, hashes, properties: before?.properties, etag }));
  }

  /** After a move: all that is remembered goes with it, of a directory also what lies below. */
  async moved(from: FoundNode, to: Placed): Promise<void> {
    const target = { storageId: to.storage.id, node: to.node };
    if (await this.#remembered.moved(from.storage.id, from.node, target)) this.#touch(to);
  }

  /** After a copy that the storage made by itself, of a directory with all in it. */
  async copied(from: FoundNode, to: FoundNode, o: VfsOptions): Promise<void> {
    const remembered = withoutEtag(from.storage.remembered(from.node));
    await this.#update(to, () => remembered);
    if (from.node.kind === "file") return;
    if (from.storage.traits.ids === "path") {
      await this.#remembered.copiedBelow(from.storage.id, from.node.id, to.storage.id, to.node.id);
      return;
    }
    for (const n of await this.#remembered.nodesOf(from.storage.id)) {
      const names = from.storage.tree.namesBelow(from.node, n);
      if (!names) continue;
      const source = this.#lookup.known(names.reduce(joinPath, from.path));
      const target = source && (await this.#lookup.findNodeOrNothing(names.reduce(joinPath, to.path), o));
      if (target) await this.#update(target, () => withoutEtag(source.storage.remembered(source.node)));
    }
  }

  /** After a copy whose content passed through this server, with its time: the properties alone. */
  async copiedThrough(from: FoundNode, to: Placed): Promise<void> {
    const properties = from.storage.remembered(from.node)?.properties ?? [];
    if (properties.length === 0 && !to.storage.remembered(to.node)) return;
    await this.#changeProperties(to, () => properties);
  }

  /** After a removal, of a directory with all in it. */
  async removed({ storage, node }: Placed): Promise<void> {
    await this.#remembered.forget(storage.id, node, storage.traits.ids);
  }

  async #date(
    found: FoundNode,
    ms: number,
    o: VfsOptions,
  ): Promise<{ readonly node: TreeNode; readonly toRemember: number | undefined }> {
    const { storage, node, parent } = found;
    const dated = (await this.#placeholders.date(found, ms)) ?? (await this.#pending.date(found, ms));
    if (dated) return { node: dated, toRemember: undefined };
    const stored = node.pending ? this.#lookup.known(found.path) : undefined;
    // Its upload has ended just now.
    if (stored && !stored.node.pending) return this.#date(stored, ms, o);
    await storage.mount();
    if (!storage.capabilities?.setModifiedAt) return { node, toRemember: ms };
    let entry: Entry;
    try {
      entry = await storage.using("setModifiedAt", (mount) => mount.setModifiedAt!(entryOf(node), ms, o));
    } catch (error) {
      if (kindOf(error) !== "unsupported") throw error;
      return { node, toRemember: ms };
    }
    const known = { ...(node.hashes && { hashes: node.hashes }), ...entry };
    const now = parent ? await storage.tree.put(parent, known, "committed") : await storage.tree.setRoot(entry);
    return { node: now, toRemember: isStoredTime(entry.modifiedAt, ms, storage) ? undefined : ms };
  }

  async #update(at: Placed, change: (before: Remembered | undefined) => Remembered | undefined): Promise<void> {
    if (await this.#remembered.update(at.storage.id, at.node, change)) this.#changed(at);
  }

  async #changeProperties(
    at: Placed,
    change: (before: readonly DeadProperty[]) => readonly DeadProperty[],
  ): Promise<void> {
    if (await this.#remembered.changeProperties(at.storage.id, at.node, change)) this.#changed(at);
  }

  #changed(at: Placed): void {
    at.storage.tree.secure(at.node);
    this.#touch(at);
  }

  /** What fronts have prepared of the directory is of before. */
  #touch({ storage, parent }: Placed): void {
    if (parent) storage.tree.touch(parent);
  }
}

/** An etag is of one file alone. */
function withoutEtag(remembered: Remembered | undefined): Remembered | undefined {
  if (!remembered) return undefined;
  const { modifiedAt, hashes, properties } = remembered;
  return { modifiedAt, hashes, properties };
}

/** True where a storage dates a file as it was asked to, as closely as it can. */
function isStoredTime(actual: number | undefined, asked: number, { traits }: MountedStorage): boolean {
  return actual !== undefined && Math.abs(actual - asked) <= Math.max(traits.modifiedAtPrecisionMs ?? 0, 0.001);
}
