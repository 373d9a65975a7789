/**
 * Content that was accepted before its storage had it: kept in the spool with a durable row, shown in the tree by an overlay row that is written together
 * with it, and read, moved and removed here until its upload has ended (architecture.md §6, decision 0021).
 */
import type { Readable } from "node:stream";
import type { Transaction } from "kysely";
import { LRUCache } from "lru-cache";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange, Entry, Hashes } from "#drivers/contract/mount.ts";
import { joinPath, parentOf } from "#drivers/contract/path.ts";
import type { Schema } from "../../store/schema.ts";
import type { Store } from "../../store/store.ts";
import { childOf, type FoundNode, type Lookup, notADirectory } from "../lookup.ts";
import type { MountTable } from "../mount-table.ts";
import type { MountedStorage } from "../mounted-storage.ts";
import type { VfsOptions } from "../resource.ts";
import type { Spool, SpoolFile } from "../spool.ts";
import { entryOf, type TreeNode } from "../tree/tree.ts";
import type { PendingEnd, PendingInfo, PendingRunner } from "./api.ts";
import { Attempts } from "./attempts.ts";
import {
  entryOfPending,
  type PendingFailure,
  type PendingPatch,
  type PendingRecord,
  toColumns,
  toRecord,
  toRow,
} from "./record.ts";

export interface PendingOptions {
  readonly store: Store;
  readonly table: MountTable;
  readonly lookup: Lookup;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is to be accepted. */
export interface AcceptedContent {
  readonly file: SpoolFile;
  /** All verified. */
  readonly hashes: Hashes;
  readonly isClaimed: boolean;
  /** Absent: now. */
  readonly modifiedAt?: number | undefined;
  readonly conflict: PendingRecord["conflict"];
  readonly userId?: number | undefined;
  /** True where the storage may have something of it. */
  readonly isStarted: boolean;
}

/** Where it is shown. */
export interface PendingPlace {
  readonly storage: MountedStorage;
  readonly directory: FoundNode;
  readonly rawName: string;
}

/** The file that shows it, and its directory. */
export interface PendingSeat {
  readonly found: FoundNode;
  readonly directory: FoundNode;
}

/** How much waits of one storage. */
export interface PendingTotals {
  readonly files: number;
  readonly bytes: number;
  /** Of these, whose upload has failed. */
  readonly failed: number;
}

/** A record that goes with a change of the tree: `also` is written with that, `after` follows when it is done. */
export interface Ending {
  also(trx: Transaction<Schema>): Promise<unknown>;
  after(how?: PendingEnd): Promise<void>;
}

/** The file has been stored, removed or replaced meanwhile. */
class WaitsNoMore extends StorageError {
  constructor() {
    super("unavailable", "the file has changed meanwhile", { retryable: true });
  }
}

export class Pending {
  readonly attempts = new Attempts();
  readonly #o: PendingOptions;
  readonly #records = new Map<string, PendingRecord>();
  readonly #files = new Map<string, SpoolFile>();
  /** How those ended that waited last. */
  readonly #ended = new LRUCache<string, PendingEnd>({ max: 10_000 });
  #runner: PendingRunner | undefined;

  private constructor(options: PendingOptions) {
    this.#o = options;
  }

  /** The ids of the spool files that belong to rows. */
  static async kept({ db }: Store): Promise<ReadonlySet<string>> {
    const rows = await db.selectFrom("pending_upload").select("id").execute();
    return new Set(rows.map(({ id }) => id));
  }

  static async load(options: PendingOptions): Promise<Pending> {
    const pending = new Pending(options);
    const rows = await options.store.db.selectFrom("pending_upload").selectAll().orderBy("at").execute();
    for (const row of rows) {
      pending.#records.set(row.id, toRecord(row));
      pending.#files.set(row.id, options.spool.kept(row.id, row.size));
    }
    return pending;
  }

  /** True while somebody runs uploads: nothing is accepted that would wait for nobody. */
  get accepts(): boolean {
    return this.#runner !== undefined;
  }

  attach(runner: PendingRunner): () => void {
    this.#runner = runner;
    return () => {
      if (this.#runner === runner) this.#runner = undefined;
    };
  }

  /** How it ended; undefined where that is not known any more. */
  endOf(id: string): PendingEnd | undefined {
    return this.#ended.get(id);
  }

  record(id: string): PendingRecord | undefined {
    return this.#records.get(id);
  }

  file(id: string): SpoolFile | undefined {
    return this.#files.get(id);
  }

  all(): readonly PendingRecord[] {
    return [...this.#records.values()];
  }

  info(record: PendingRecord): PendingInfo {
    const { id, size, userId, at, failure } = record;
    const mountPath = this.#o.table.get(record.storageId)?.mountPath ?? "/";
    const path = this.seat(record)?.found.path ?? joinInside(mountPath, record.inside);
    return { id, path, mountPath, size, userId, at, ...(failure && { failure }) };
  }

  totals(storageId: number): PendingTotals {
    let [files, bytes, failed] = [0, 0, 0];
    for (const record of this.#records.values()) {
      if (record.storageId !== storageId) continue;
      files++;
      bytes += record.size;
      if (record.failure) failed++;
    }
    return { files, bytes, failed };
  }

  /** The record of a node whose content waits here. */
  of(node: TreeNode | undefined): PendingRecord | undefined {
    return node?.pending && node.version !== undefined ? this.#records.get(node.version) : undefined;
  }

  /** The records at or below what was found. */
  within({ storage, node, inside }: Pick<FoundNode, "storage" | "node" | "inside">): readonly PendingRecord[] {
    if (node.kind === "file") {
      const own = this.of(node);
      return own ? [own] : [];
    }
    if (this.#records.size === 0) return [];
    return this.all().filter((record) => {
      if (record.storageId !== storage.id) return false;
      const change = storage.tree.pending(record.id);
      if (change && storage.tree.namesBelow(node, change.n)) return true;
      // Its directory is not known at present.
      return !this.seat(record) && record.inside.startsWith(inside === "/" ? "/" : `${inside}/`);
    });
  }

  /** The bytes of a range of what waits; undefined where the node, as it was read, does so no more. Throws `range-not-satisfiable`. */
  async read({ node, path }: Pick<FoundNode, "node" | "path">, range?: ByteRange): Promise<Readable | undefined> {
    const record = this.of(node);
    const file = record && this.#files.get(record.id);
    if (!file) return undefined;
    if (range && range.offset > file.size) {
      throw new StorageError("range-not-satisfiable", `${path} has ${file.size} bytes`, { path });
    }
    // It may be stored, and gone from here, just now.
    return file.open(range).catch(() => undefined);
  }

  /** Takes content on, durably when it resolves; what waited at its place is replaced. The spool file belongs to the record from then on. */
  async accept(
    { storage, directory, rawName }: PendingPlace,
    content: AcceptedContent,
  ): Promise<{ readonly record: PendingRecord; readonly node: TreeNode }> {
    const { file, hashes, isClaimed, conflict, userId } = content;
    await file.secure();
    const now = this.#o.clock.now();
    const name = storage.tree.toVisible(rawName);
    const before = storage.tree.lookup(directory.node, name);
    const replaced = this.of(before);
    const isAtStorage = before && !before.pending;
    const base = isAtStorage ? entryOf(before) : replaced?.base;
    const record: PendingRecord = {
      id: file.id,
      storageId: storage.id,
      inside: joinPath(directory.inside, name),
      isBeingRemoved: false,
      rawName,
      size: file.size,
      hashes,
      isClaimed,
      modifiedAt: Math.round(content.modifiedAt ?? now),
      createdAt: Math.round(before?.createdAt ?? now),
      ...(base && { base }),
      conflict,
      userId,
      at: now,
      isStarted: content.isStarted || (replaced?.isStarted ?? false),
    };
    const ending = replaced && this.ending(replaced);
    this.#records.set(record.id, record);
    this.#files.set(record.id, file);
    let node: TreeNode;
    try {
      node = await storage.tree.put(directory.node, entryOfPending(record), "pending", async (trx) => {
        await ending?.also(trx);
        await trx.insertInto("pending_upload").values(toRow(record)).execute();
      });
    } catch (error) {
      this.#records.delete(record.id);
      this.#files.delete(record.id);
      throw error;
    }
    // What hangs on the directory's key must not outlive it.
    storage.tree.secure(directory.node);
    await ending?.after();
    return { record, node };
  }

  /** Tells who runs uploads, so that there is a task before the client hears of success. */
  async announce(record: PendingRecord): Promise<void> {
    if (this.#records.has(record.id)) await this.#runner?.accepted(this.info(record));
  }

  /** What ends a record together with a change of the tree. */
  ending(record: PendingRecord): Ending {
    return {
      also: (trx) => trx.deleteFrom("pending_upload").where("id", "=", record.id).execute(),
      after: async (how = "dropped") => {
        const file = this.#files.get(record.id);
        this.#records.delete(record.id);
        this.#files.delete(record.id);
        if (how === "dropped")
          this.attempts
            .get(record.id)
            ?.controller.abort(new StorageError("not-found", "the file was removed or replaced"));
        this.#ended.set(record.id, how);
        this.#runner?.ended(record.id, how);
        // Where its directory went with it, nothing has taken its place.
        await this.#o.table.get(record.storageId)?.tree.dropPending(record.id);
        await file?.remove();
      },
    };
  }

  /** Forgets a file that is gone with its directory. */
  async drop(record: PendingRecord): Promise<void> {
    const ending = this.ending(record);
    await this.#o.store.db.transaction().execute((trx) => ending.also(trx));
    await ending.after();
  }

  /** Changes a record durably; what else changes of it at the same time stays. Nothing where it waits no more. */
  async change(id: string, patch: PendingPatch): Promise<void> {
    const record = this.#records.get(id);
    if (!record) return;
    await this.#o.store.db.updateTable("pending_upload").set(toColumns(record, patch)).where("id", "=", id).execute();
    this.#patch(id, patch);
  }

  /** As `change`, together with a change of the tree, which fails `unavailable` where the file waits no more. */
  changing(record: PendingRecord, patch: PendingPatch): Ending {
    const { id } = record;
    return {
      also: async (trx) => {
        const columns = toColumns(record, patch);
        const { numUpdatedRows } = await trx
          .updateTable("pending_upload")
          .set(columns)
          .where("id", "=", id)
          .executeTakeFirst();
        if (numUpdatedRows === 0n) throw new WaitsNoMore();
      },
      after: async () => this.#patch(id, patch),
    };
  }

  #patch(id: string, patch: PendingPatch): void {
    const now = this.#records.get(id);
    if (now) this.#records.set(id, { ...now, ...patch });
  }

  async mark(id: string, failure: PendingFailure | undefined): Promise<void> {
    const record = this.#records.get(id);
    if (!record || record.failure?.message === failure?.message) return;
    await this.change(id, { failure });
    const seat = this.seat(record);
    // What fronts have prepared of the directory is of before.
    seat?.found.storage.tree.touch(seat.directory.node);
  }

  /** Another time for a file that waits; undefined where it does so no more. */
  async date({ storage, node, parent }: Pick<FoundNode, "storage" | "node" | "parent">, ms: number) {
    const record = this.of(node);
    if (!record || !parent) return undefined;
    const patch = { modifiedAt: Math.round(ms) };
    const changing = this.changing(record, patch);
    try {
      const entry = entryOfPending({ ...record, ...patch });
      const now = await storage.tree.put(parent, entry, "pending", (trx) => changing.also(trx));
      await changing.after();
      return now;
    } catch (error) {
      if (error instanceof WaitsNoMore) return undefined;
      throw error;
    }
  }

  /** Where it is shown; undefined while its storage is not mounted, or its directory not known. Asks nobody. */
  seat(record: PendingRecord): PendingSeat | undefined {
    const storage = this.#o.table.get(record.storageId);
    const root = storage?.tree.root();
    const change = root && storage?.tree.pending(record.id);
    const names = change && storage?.tree.namesBelow(root, change.n);
    if (!storage || !names) return undefined;
    const directory = this.#o.lookup.known(names.slice(0, -1).reduce(joinPath, storage.mountPath));
    const node = directory && storage.tree.lookup(directory.node, names.at(-1)!);
    if (!directory || node?.version !== record.id) return undefined;
    return { found: childOf(directory, node), directory };
  }

  /** Where it is shown, again where its directory was lost from the tree. Throws `unavailable` while its storage is not mounted, and `not-found` where its directory is gone. */
  async seated(record: PendingRecord, o: VfsOptions): Promise<PendingSeat> {
    const known = this.seat(record);
    if (known) return known;
    const storage = this.#o.table.get(record.storageId);
    if (!storage) {
      throw new StorageError("unavailable", "the storage that it goes to is not mounted: enable it again", {
        retryable: true,
      });
    }
    await storage.root(o.signal);
    const again = this.seat(record);
    if (again) return again;
    return this.reseat(record, await this.#directoryOf(storage, record, o));
  }

  /** Shows it in a directory: that in which it was is another one by now, or at another storage of the same realm. */
  async reseat(record: PendingRecord, directory: FoundNode): Promise<PendingSeat> {
    const { storage } = directory;
    const name = storage.tree.toVisible(record.rawName);
    const patch = { storageId: storage.id, inside: joinPath(directory.inside, name), movingTo: undefined };
    const changing = this.changing(record, patch);
    const node = await storage.tree.reseat(directory.node, entryOfPending({ ...record, ...patch }), (trx) =>
      changing.also(trx),
    );
    await changing.after();
    return { found: childOf(directory, node), directory };
  }

  async #directoryOf(storage: MountedStorage, record: PendingRecord, o: VfsOptions): Promise<FoundNode> {
    const at = (inside: string) => this.#o.lookup.findNodeOrNothing(joinInside(storage.mountPath, parentOf(inside)), o);
    // A directory that was being moved when the process ended is at one of two places.
    const found = (await at(record.inside)) ?? (record.movingTo === undefined ? undefined : await at(record.movingTo));
    if (found?.storage !== storage) {
      const gone = joinInside(storage.mountPath, parentOf(record.inside));
      throw new StorageError("not-found", `${gone}, the directory that it goes to, is gone: make it again`, {
        path: gone,
      });
    }
    if (found.node.kind !== "directory") throw notADirectory(found.path);
    return found;
  }
}

/** A path inside a mount as an absolute one. */
export function joinInside(mountPath: string, inside: string): string {
  if (mountPath === "/") return inside;
  return inside === "/" ? mountPath : `${mountPath}${inside}`;
}

/** True where a storage's entry is known to be of that content. */
export function isSameContent(
  found: Entry,
  { size, hashes }: Pick<PendingRecord, "size" | "hashes">,
): boolean | undefined {
  if (found.size !== undefined && found.sizeIs !== "about" && found.size !== size) return false;
  const told = Object.entries(found.hashes ?? {}) as [keyof Hashes, string][];
  const common = told.filter(([name]) => hashes[name] !== undefined);
  if (common.length === 0) return undefined;
  return common.every(([name, value]) => hashes[name] === value.toLowerCase());
}

/** What the checkpoint of its upload is kept by. */
export function keyOf(
  { rawName, size, hashes }: PendingRecord,
  { storage, node }: Pick<FoundNode, "storage" | "node">,
) {
  return {
    storageId: storage.id,
    parentId: node.id,
    name: rawName,
    size,
    identity: `sha1:${hashes.sha1}`,
  };
}
