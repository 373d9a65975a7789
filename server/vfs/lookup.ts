/** From a path to what is there: which storage, which node. The only place that decides that something does not exist. */
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { Entry, Mount } from "#drivers/contract/mount.ts";
import { joinPath } from "#drivers/contract/path.ts";
import { type Listings, onNewRootAgain } from "./listings.ts";
import type { MountTable } from "./mount-table.ts";
import type { MountedStorage } from "./mounted-storage.ts";
import { isProbeName } from "./placeholders/probe-names.ts";
import type { VfsOptions } from "./resource.ts";
import type { TreeNode } from "./tree/tree.ts";

/** A node of a storage at a path. */
export interface FoundNode {
  readonly storage: MountedStorage;
  readonly node: TreeNode;
  /** Absent for a mount's root. */
  readonly parent?: TreeNode;
  /** The absolute path as stored: its names may differ from the asked ones in Unicode normalisation. */
  readonly path: string;
  readonly parentPath: string;
  /** The path inside the mount, `/` for its root. */
  readonly inside: string;
}

/** A directory that belongs to no storage: only mount points lie below it. */
export interface FoundVirtual {
  readonly storage?: undefined;
  readonly path: string;
}

export class Lookup {
  readonly #table: MountTable;
  readonly #listings: Listings;

  constructor(table: MountTable, listings: Listings) {
    this.#table = table;
    this.#listings = listings;
  }

  /** Throws `not-found` only where the storage said so; a storage's failure is thrown as it is. */
  async find(path: string, o: VfsOptions): Promise<FoundNode | FoundVirtual> {
    const match = this.#table.match(path);
    const leadsToMount = path === "/" || this.#table.hasBelow(path);
    if (!match && !leadsToMount) throw notFound(path);
    if (!match) return { path };
    try {
      return await onNewRootAgain(() => this.#walk(match.storage, match.rest, o));
    } catch (error) {
      // The storage has no such directory, but a mount point lies below it.
      if (leadsToMount && kindOf(error) === "not-found") return { path };
      throw error;
    }
  }

  /** As `find`, for paths that must belong to a storage; virtual directories are `permission-denied`. */
  async findNode(path: string, o: VfsOptions): Promise<FoundNode> {
    const found = await this.find(path, o);
    if (found.storage) return found;
    throw new StorageError("permission-denied", `${path} holds mount points only: nothing can be changed there`, {
      path,
      reason: "mount-inside",
    });
  }

  /** The node at a path, or undefined where the storage says that nothing is there. */
  async findNodeOrNothing(path: string, o: VfsOptions): Promise<FoundNode | undefined> {
    try {
      return await this.findNode(path, o);
    } catch (error) {
      if (kindOf(error) === "not-found") return undefined;
      throw error;
    }
  }

  /** The storage that holds a path; undefined for paths that belong to none. */
  storageOf(path: string): MountedStorage | undefined {
    return this.#table.match(path)?.storage;
  }

  /** What the tree alone knows of a path, asking nobody. */
  known(path: string): FoundNode | undefined {
    const match = this.#table.match(path);
    const root = match?.storage.tree.root();
    if (!match || !root) return undefined;
    let found: FoundNode = rootOf(match.storage, root);
    for (const name of match.rest) {
      const node = lookupName(match.storage, found.node, name);
      if (!node) return undefined;
      found = childOf(found, node);
    }
    return found;
  }

  async #walk(storage: MountedStorage, names: readonly string[], o: VfsOptions): Promise<FoundNode> {
    const root = rootOf(storage, await storage.root(o.signal));
    if (names.length === 0) return root;
    if (storage.traits.cheapStat) return this.#askForPath(root, names, o);
    let found = root;
    for (const [i, name] of names.entries()) {
      if (found.node.kind !== "directory") throw notADirectory(found.path);
      found = childOf(found, await this.#child(found, name, i === names.length - 1, o));
    }
    return found;
  }

  async #child(parent: FoundNode, name: string, isLast: boolean, o: VfsOptions): Promise<TreeNode> {
    const { storage, node } = parent;
    const known = lookupName(storage, node, name);
    if (known) {
      // On the way down any knowledge will do; the entry that is asked for is revalidated with its parent.
      const before = storage.tree.directory(node);
      if (!isLast || !before) return known;
      const { state } = await this.#listings.ensure(storage, node, parent.inside, o);
      if (state.version === before.version) return known;
    } else if (!this.#isAbsent(parent, name, isLast)) {
      await this.#refreshDirectory(parent, o);
    }
    const now = lookupName(storage, node, name);
    if (!now) throw notFound(joinPath(parent.path, name));
    return now;
  }

  /** True where a name that the tree does not know need not be asked for. */
  #isAbsent({ storage, node, inside }: FoundNode, name: string, isLast: boolean): boolean {
    if (this.#listings.provesAbsence(storage, node, inside)) return true;
    // A file manager's probes of every folder must not list all of them again (webdav.md §5).
    return isLast && isProbeName(name) && storage.tree.directory(node) !== undefined;
  }

  async #refreshDirectory(directory: FoundNode, o: VfsOptions): Promise<void> {
    try {
      await this.#listings.refresh(directory.storage, directory.node, o.signal, o.priority);
    } catch (error) {
      throw await this.explainMissing(directory, error, o);
    }
  }

  /**
   * What it means that a storage says `not-found` of a directory that the tree knows: asked of the parent's new listing.
   * Any other error is returned as it is.
   */
  async explainMissing(found: FoundNode, error: unknown, o: VfsOptions): Promise<unknown> {
    if (kindOf(error) !== "not-found" || !found.parent) return error;
    const { storage, parent, node } = found;
    if (storage.traits.cheapStat) {
      await storage.tree.forget(parent, node.name);
      return notFound(found.path);
    }
    await this.#listings.refresh(storage, parent, o.signal, o.priority);
    const now = storage.tree.lookup(parent, node.name);
    if (!now || now.id !== node.id) return notFound(found.path);
    return new StorageError("upstream", `${found.path} is listed, but the storage does not find it`, { cause: error });
  }

  /** On a storage where asking costs nothing, the storage is asked, and the tree learns. */
  async #askForPath(root: FoundNode, names: readonly string[], o: VfsOptions): Promise<FoundNode> {
    const { storage } = root;
    const mount = await storage.mount();
    let parent = root;
    let depth = 0;
    for (; depth < names.length - 1; depth++) {
      const node = lookupName(storage, parent.node, names[depth]!);
      if (node?.kind !== "directory") break;
      parent = childOf(parent, node);
    }
    const raw = rawNames(parent, names.slice(0, depth), storage);
    const asked = await this.#statVariants(storage, mount, raw, names.slice(depth), o);
    if (!asked) {
      const path = joinPath(root.path, names.join("/"));
      const known = this.known(path);
      if (known?.node.pending) {
        // It is there as long as its directory is.
        const directory = names.length === 1 ? root : await this.#askForPath(root, names.slice(0, -1), o);
        return childOf(directory, known.node);
      }
      if (known?.parent) await storage.tree.forget(known.parent, known.node.name);
      throw notFound(path);
    }
    // Directories on the way that the tree has not met yet.
    for (; depth < names.length - 1; depth++) {
      const entry = await mount.stat!(asked.raw.slice(0, depth + 1), o);
      parent = childOf(parent, await storage.tree.note(parent.node, entry));
    }
    return childOf(parent, await storage.tree.note(parent.node, asked.entry));
  }

  /** Asks for names as they were given, then in NFC, then in NFD (webdav.md §5); undefined when none of them exists. */
  async #statVariants(
    storage: MountedStorage,
    mount: Mount,
    known: readonly string[],
    rest: readonly string[],
    o: VfsOptions,
  ): Promise<{ readonly entry: Entry; readonly raw: readonly string[] } | undefined> {
    for (const names of variantsOf(rest)) {
      const raw = [...known, ...names.map((name) => toUpstreamOrSame(storage, name))];
      try {
        const entry = await mount.stat!(raw, o);
        storage.succeeded();
        return { entry, raw };
      } catch (error) {
        if (kindOf(error) === "not-found") continue;
        storage.failed(error);
        throw error;
      }
    }
    return undefined;
  }
}

function rootOf(storage: MountedStorage, node: TreeNode): FoundNode {
  return { storage, node, path: storage.mountPath, parentPath: storage.mountPath, inside: "/" };
}

/** A found child of a found directory. */
export function childOf(parent: FoundNode, node: TreeNode): FoundNode {
  return {
    storage: parent.storage,
    node,
    parent: parent.node,
    path: joinPath(parent.path, node.name),
    parentPath: parent.path,
    inside: joinPath(parent.inside, node.name),
  };
}

export function notFound(path: string): StorageError {
  return new StorageError("not-found", `${path}: object not found`, { path });
}

export function notADirectory(path: string): StorageError {
  return new StorageError("not-a-directory", `${path} is not a directory`, { path });
}

/** A child by the name as asked, then as the storage would list it, then in NFC, then in NFD. */
function lookupName(storage: MountedStorage, parent: TreeNode, name: string): TreeNode | undefined {
  const exact = storage.tree.lookup(parent, name);
  if (exact) return exact;
  for (const form of formsOf(name)) {
    const listed = storage.tree.toVisible(toUpstreamOrSame(storage, form));
    const found = listed === name ? undefined : storage.tree.lookup(parent, listed);
    if (found) return found;
  }
  return undefined;
}

function toUpstreamOrSame(storage: MountedStorage, name: string): string {
  try {
    return storage.tree.toUpstream(name);
  } catch {
    return name; // a name that the service cannot hold is not there
  }
}

function rawNames(found: FoundNode, names: readonly string[], storage: MountedStorage): readonly string[] {
  if (names.length === 0) return [];
  // With `ids: "path"` the id is the chain of upstream names.
  if (storage.traits.ids === "path") return found.node.id.split("/");
  return names.map((name) => toUpstreamOrSame(storage, name));
}

function formsOf(name: string): readonly string[] {
  return [...new Set([name, name.normalize("NFC"), name.normalize("NFD")])];
}

function variantsOf(names: readonly string[]): readonly (readonly string[])[] {
  const forms = [names, names.map((name) => name.normalize("NFC")), names.map((name) => name.normalize("NFD"))];
  const seen = new Set<string>();
  return forms.filter((form) => {
    const key = form.join("/");
    return seen.has(key) ? false : seen.add(key);
  });
}
