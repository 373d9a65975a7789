/** The filesystem that the fronts see, joined from its parts. The only caller of mounts. */
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { Usage } from "#drivers/contract/mount.ts";
import { isWithin, joinPath } from "#drivers/contract/path.ts";
import type { Capabilities } from "#drivers/contract/traits.ts";
import type { AccountsForMounts } from "../accounts/api.ts";
import type { DriverSource } from "../accounts/catalogue.ts";
import type { Store } from "../store/store.ts";
import type { Storages, Vfs } from "./api.ts";
import { Changing } from "./changing.ts";
import { Checkpoints } from "./checkpoints.ts";
import { CopyingFile } from "./copying-file.ts";
import { Listings, onNewRootAgain } from "./listings.ts";
import { Locks } from "./locks/locks.ts";
import { type FoundNode, Lookup, notADirectory } from "./lookup.ts";
import { MountTable } from "./mount-table.ts";
import type { OpenMount } from "./mounting.ts";
import { NodeResource, resourceOf, virtualResource } from "./node-resource.ts";
import type { PendingUploads } from "./pending/api.ts";
import { PendingChanging } from "./pending/changing.ts";
import { Pending } from "./pending/pending.ts";
import { PendingUploading, pendingUploads } from "./pending/uploading.ts";
import { Placeholders } from "./placeholders/placeholders.ts";
import { Settling } from "./placeholders/settling.ts";
import { openPrepared, type Prepared } from "./prepared.ts";
import { MoveJournal } from "./properties/move-journal.ts";
import { Properties } from "./properties/properties.ts";
import { RememberedNodes } from "./properties/remembered-nodes.ts";
import { Reading } from "./reading.ts";
import { Removing } from "./removing.ts";
import type { Listing, ListOptions, Resource, VfsOptions } from "./resource.ts";
import { Sending } from "./sending.ts";
import { Spool } from "./spool.ts";
import { StorageAdministration } from "./storages.ts";
import { Storing } from "./storing.ts";
import { Transferring } from "./transferring.ts";
import { Trashing } from "./trashing.ts";
import type { Tree, TreeNode } from "./tree/tree.ts";
import { Uploads } from "./uploads.ts";
import { UsageCache } from "./usage-cache.ts";
import { Writing } from "./writing.ts";

/** How often uploads that nobody went on with are given up, in milliseconds; first that long after the start. */
const SWEEP_INTERVAL_MS = 3600_000;

/** How often watches that are out of use are let go, in milliseconds. */
const PURGE_INTERVAL_MS = 15_000;

export interface VfsParts {
  readonly store: Store;
  /** Closed with the vfs. */
  readonly tree: Tree;
  readonly drivers: DriverSource;
  readonly openMount: OpenMount;
  /** Absent: no storage has an account. */
  readonly accounts?: AccountsForMounts;
  readonly clock: Clock;
  readonly log: Log;
  /** True for hosts of services that only this server reaches: clients are not sent there. */
  readonly isRerouted?: (host: string) => boolean;
  /** Bytes that bodies may take on our own disk; default half of what is free. */
  readonly spoolQuota?: number;
  /** Bytes that a COPY or MOVE may pass through this server while the client waits; default 1 GiB. */
  readonly maxSyncBytes?: number;
}

/** Opens the filesystem of a data folder: every enabled storage is mounted, and opens by itself in the background. */
export async function createVfs(parts: VfsParts): Promise<Vfs> {
  const { store, tree, clock, log } = parts;
  const table = new MountTable();
  const listings = new Listings(clock, log);
  const lookup = new Lookup(table, listings);
  const spool = await Spool.open(store.dataDir, parts.spoolQuota, await Pending.kept(store));
  const pending = await Pending.load({ store, table, lookup, spool, clock, log });
  const remembered = await RememberedNodes.load(parts);
  const moves = new MoveJournal({ store, remembered });
  const storages = new StorageAdministration({ ...parts, table, remembered, moves, pending });
  const uploads = new Uploads();
  const usage = new UsageCache(clock, log);
  const reading = new Reading(lookup, listings, pending, parts.isRerouted);
  const checkpoints = new Checkpoints(parts);
  const locks = await Locks.open({
    ...parts,
    table,
    lookup,
    createEmpty: (path, o) =>
      writing.write(path, { stream: Readable.from([]), size: 0 }, { ...o, conflict: "fail", mayBeKept: "likely" }),
  });
  const placeholders = new Placeholders(lookup, clock);
  const properties = new Properties({ remembered, lookup, locks, placeholders, pending });
  const sending = new Sending({ lookup, listings, spool, checkpoints });
  const storing = new Storing(listings);
  const pendingChanging = new PendingChanging({ pending, checkpoints, lookup });
  const uploading = new PendingUploading({
    pending,
    changing: pendingChanging,
    sending,
    storing,
    checkpoints,
    locks,
    usage,
    properties,
  });
  const writing = new Writing({
    lookup,
    uploads,
    spool,
    sending,
    storing,
    pending,
    uploading,
    clock,
    usage,
    locks,
    properties,
    placeholders,
  });
  const changing = new Changing({ table, lookup, listings, uploads, usage, locks, properties, moves });
  const removing = new Removing({
    changing,
    lookup,
    listings,
    uploads,
    usage,
    locks,
    properties,
    pending: pendingChanging,
  });
  const trashing = new Trashing({ table, lookup, listings, usage, locks });
  const transferring = new Transferring({
    lookup,
    listings,
    copyingFile: new CopyingFile({ lookup, reading, writing, properties }),
    changing,
    removing,
    locks,
    properties,
    placeholders,
    pending: pendingChanging,
    ...(parts.maxSyncBytes !== undefined && { maxSyncBytes: parts.maxSyncBytes }),
  });
  await storages.start();
  const settling = new Settling({ table, writing, clock, log });
  const prepared = openPrepared(join(store.dataDir, "prepared"), await store.takeBlock("start", 1), log);
  const purge = setInterval(() => {
    for (const storage of table.all()) storage.watching.purgeStale();
  }, PURGE_INTERVAL_MS);
  purge.unref();
  const sweep = setInterval(() => {
    void checkpoints.sweep((id) => table.get(id));
    void remembered.sweep();
  }, SWEEP_INTERVAL_MS);
  sweep.unref();
  return new JoinedVfs(
    {
      table,
      storages,
      listings,
      lookup,
      uploads,
      usage,
      properties,
      reading,
      writing,
      changing,
      removing,
      trashing,
      transferring,
      prepared,
      locks,
      pending: pendingUploads(pending, uploading),
    },
    async () => {
      locks.close();
      settling.close();
      clearInterval(purge);
      clearInterval(sweep);
      await pending.attempts.stop(new StorageError("unavailable", "the server is stopping"));
      await Promise.all(table.all().map((storage) => storage.close()));
      await remembered.settled();
      await tree.close();
      prepared.close();
    },
  );
}

interface Joined {
  readonly table: MountTable;
  readonly storages: StorageAdministration;
  readonly listings: Listings;
  readonly lookup: Lookup;
  readonly uploads: Uploads;
  readonly usage: UsageCache;
  readonly properties: Properties;
  readonly reading: Reading;
  readonly writing: Writing;
  readonly changing: Changing;
  readonly removing: Removing;
  readonly trashing: Trashing;
  readonly transferring: Transferring;
  readonly prepared: Prepared;
  readonly locks: Locks;
  readonly pending: PendingUploads;
}

class JoinedVfs implements Vfs {
  readonly #parts: Joined;
  readonly #closeAll: () => Promise<void>;
  readonly write: Vfs["write"];
  readonly gather: Vfs["gather"];
  readonly open: Vfs["open"];
  readonly deliver: Vfs["deliver"];
  readonly makeDirectory: Vfs["makeDirectory"];
  readonly remove: Vfs["remove"];
  readonly removeAll: Vfs["removeAll"];
  readonly trash: Vfs["trash"];
  readonly link: Vfs["link"];
  readonly move: Vfs["move"];
  readonly copy: Vfs["copy"];
  readonly way: Vfs["way"];
  readonly setModifiedAt: Vfs["setModifiedAt"];
  readonly patchProperties: Vfs["patchProperties"];

  constructor(parts: Joined, closeAll: () => Promise<void>) {
    this.#parts = parts;
    this.#closeAll = closeAll;
    const { reading, writing, changing, removing, trashing, transferring, properties } = parts;
    this.write = (path, source, o) => writing.write(path, source, o);
    this.gather = (path, size, o) => writing.gather(path, size, o);
    this.open = (path, o) => reading.open(path, o);
    this.deliver = (path, o) => reading.deliver(path, o);
    this.makeDirectory = (path, o) => changing.makeDirectory(path, o);
    this.remove = (path, o) => removing.remove(path, o);
    this.removeAll = (paths, o) => removing.removeAll(paths, o);
    this.trash = trashing;
    this.link = (path, o) => reading.link(path, o);
    this.move = (from, to, o) => transferring.move(from, to, o);
    this.copy = (from, to, o) => transferring.copy(from, to, o);
    this.way = (how, from, to) => transferring.way(how, from, to);
    this.setModifiedAt = (path, modifiedAt, o) => properties.patch(path, { modifiedAt }, o);
    this.patchProperties = (path, patch, o) => properties.patch(path, patch, o);
  }

  get prepared(): Vfs["prepared"] {
    return this.#parts.prepared;
  }

  get pending(): Vfs["pending"] {
    return this.#parts.pending;
  }

  get locks(): Vfs["locks"] {
    return this.#parts.locks;
  }

  get storages(): Storages {
    return this.#parts.storages;
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

  async usage(path: string, o: VfsOptions): Promise<Usage | undefined> {
    const match = this.#parts.table.match(path);
    return match && this.#parts.usage.usage(match.storage, o);
  }

  capabilities(path: string): Capabilities | undefined {
    return this.#parts.table.match(path)?.storage.capabilities;
  }

  async close(signal: AbortSignal): Promise<void> {
    await this.#parts.uploads.settled("/", signal).catch(() => this.#parts.uploads.cancel("/"));
    await this.#closeAll();
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
