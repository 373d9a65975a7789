/**
 * Removing and moving files that wait for their upload, and directories with such files in them: the upload stops, the change is made here and at the storage,
 * and what still waits goes on from where it lies then (decision 0021). Each step is durable before the next, so that a crash loses nothing and leaves nothing.
 */
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions, Entry } from "#drivers/contract/mount.ts";
import { joinPath } from "#drivers/contract/path.ts";
import type { Checkpoints } from "../checkpoints.ts";
import { childOf, type FoundNode, type Lookup } from "../lookup.ts";
import type { MountedStorage } from "../mounted-storage.ts";
import type { VfsOptions } from "../resource.ts";
import { entryOf } from "../tree/tree.ts";
import { entriesAt, isUnchanged } from "./at-storage.ts";
import { type Ending, joinInside, keyOf, type Pending, type PendingSeat } from "./pending.ts";
import { entryOfPending, type Leftover, type PendingPatch, type PendingRecord } from "./record.ts";

export interface PendingChangingOptions {
  readonly pending: Pending;
  readonly checkpoints: Checkpoints;
  readonly lookup: Lookup;
}

/** What is on its way with a directory that is moved. */
export interface MovingBelow {
  /** The directory is at its new path. */
  arrived(to: string, o: VfsOptions): Promise<void>;
  /** It stays where it was. */
  stayed(): Promise<void>;
}

export class PendingChanging {
  readonly #o: PendingChangingOptions;

  constructor(options: PendingChangingOptions) {
    this.#o = options;
  }

  /** Nothing at or below the places is uploaded until the returned function is called. What was found may be stored since: look again. */
  async hold(places: readonly (FoundNode | undefined)[]): Promise<{ readonly count: number; release(): void }> {
    const records = places.flatMap((place) => (place ? this.#o.pending.within(place) : []));
    const release = await this.#o.pending.attempts.hold(records.map(({ id }) => id));
    return { count: records.length, release };
  }

  /** What was found, as it is now. */
  again(found: FoundNode): FoundNode {
    const node = found.parent && found.storage.tree.lookup(found.parent, found.node.name);
    return node ? { ...found, node } : found;
  }

  /** What the storage has under the name of a file that waits, while that is held. */
  async atStorage({ storage, node, parent }: FoundNode, o: CallOptions): Promise<readonly Entry[]> {
    const record = this.#o.pending.of(node);
    if (!record) return [];
    if (record.leftover) await this.clearLeftover(record, storage, o);
    if (record.isStarted && parent) return entriesAt(storage, entryOf(parent), record.rawName, o);
    return record.base ? [record.base] : [];
  }

  /** The files that wait below a directory. */
  below(found: FoundNode): readonly FoundNode[] {
    if (found.node.kind === "file") return [];
    return this.#o.pending.within(found).flatMap((record) => this.#o.pending.seat(record)?.found ?? []);
  }

  /** Before a storage removes a directory: should we not hear how that ended, what waits in it goes with it where it is gone. */
  async condemn(found: FoundNode, isBeingRemoved: boolean): Promise<void> {
    for (const { id } of this.#o.pending.within(found)) await this.#o.pending.change(id, { isBeingRemoved });
  }

  /** What ends together with the removal of what was found. */
  endings(found: FoundNode): Ending | undefined {
    const { pending, checkpoints } = this.#o;
    const records = pending.within(found);
    if (records.length === 0) return undefined;
    const endings = records.map((record) => pending.ending(record));
    const keys = records.flatMap((record) => {
      const directory = record.isStarted && pending.seat(record)?.directory;
      return directory ? [keyOf(record, directory)] : [];
    });
    return {
      async also(trx) {
        for (const { also } of endings) await also(trx);
      },
      async after(how) {
        for (const { after } of endings) await after(how);
        for (const key of keys) void checkpoints.abandon(found.storage, key).catch(() => {});
      },
    };
  }

  /** A file that waits goes to another name or directory of its storage, where it takes the place of `existing`. What the storage has of it at its old place is removed there. */
  async move(found: FoundNode, toParent: FoundNode, rawName: string, o: VfsOptions): Promise<FoundNode> {
    const { pending } = this.#o;
    const { storage, node, parent } = found;
    const record = pending.of(node);
    if (!record || !parent)
      throw new StorageError("unavailable", `${found.path} has changed meanwhile`, { retryable: true });
    const entries = await this.atStorage(found, o);
    if (entries.length > 0 && !storage.capabilities?.remove) {
      throw new StorageError("unsupported", `${found.path} cannot be removed from where it is`, { path: found.path });
    }
    const name = storage.tree.toVisible(rawName);
    const existing = storage.tree.lookup(toParent.node, name);
    const replaced = existing && existing.n !== node.n ? existing : undefined;
    const waiting = pending.of(replaced);
    const base = replaced && !replaced.pending ? entryOf(replaced) : waiting?.base;
    const leftover = entries.length > 0 ? { directory: entryOf(parent), entries } : undefined;
    const patch: PendingPatch = {
      rawName,
      inside: joinPath(toParent.inside, name),
      base,
      leftover,
      conflict: "replace",
      isStarted: waiting?.isStarted ?? false,
    };
    const moved = { ...record, ...patch };
    const replacing = waiting && this.endings(childOf(toParent, replaced!));
    const changing = pending.changing(record, patch);
    const now = await storage.tree.move(parent, node.name, toParent.node, entryOfPending(moved), {
      state: "pending",
      also: async (trx) => {
        await replacing?.also(trx);
        await changing.also(trx);
      },
    });
    storage.tree.secure(toParent.node);
    await changing.after();
    await replacing?.after("dropped");
    if (record.isStarted) this.#abandon(record, { storage, node: parent });
    if (leftover) await this.clearLeftover(moved, storage, o);
    return childOf(toParent, now);
  }

  /** Removes at the storage what it still has where a file was before it was moved; what has changed there since is somebody's. */
  async clearLeftover({ id, leftover }: PendingRecord, storage: MountedStorage, o: CallOptions): Promise<void> {
    if (!leftover) return;
    const still = await this.#stillThere(leftover, storage, o);
    if (still.length > 0) {
      const mode = storage.capabilities?.trash ? "trash" : "permanent";
      const outcomes = await storage.using(mode === "trash" ? "trash" : "remove", (mount) =>
        mount.remove!(still, { signal: o.signal, mode }),
      );
      const failed = outcomes.find(({ error }) => error && error.kind !== "not-found");
      if (failed?.error) throw failed.error;
    }
    await this.#o.pending.change(id, { leftover: undefined });
  }

  /** Before a storage moves a directory: should we not hear how that ended, what waits in it is looked for at both places. */
  async moving(found: FoundNode, to: string): Promise<MovingBelow> {
    const { pending, lookup } = this.#o;
    const records = pending.within(found);
    const olds = new Map(records.map((record) => [record.id, pending.seat(record)?.directory]));
    const { mountPath } = found.storage;
    const below = (record: PendingRecord, top: string) =>
      `${top}${joinInside(mountPath, record.inside).slice(found.path.length)}`;
    const target = lookup.storageOf(to);
    for (const record of records) {
      if (target === found.storage)
        await pending.change(record.id, { movingTo: insideOf(below(record, to), mountPath) });
    }
    return {
      arrived: async (at, o) => {
        for (const { id } of records) {
          const record = pending.record(id);
          if (!record) continue;
          const old = olds.get(id);
          await this.#follow(record, below(record, at), o);
          if (record.isStarted && old && found.storage.traits.ids === "path") this.#abandon(record, old);
        }
      },
      stayed: async () => {
        for (const { id } of records) await pending.change(id, { movingTo: undefined });
      },
    };
  }

  /** The file of a record that has moved with its directory. */
  async #follow(record: PendingRecord, path: string, o: VfsOptions): Promise<void> {
    const { pending, lookup } = this.#o;
    const seat = pending.seat(record);
    if (seat?.found.path === path) {
      await pending.change(record.id, { inside: seat.found.inside, movingTo: undefined });
      return;
    }
    const directory = await lookup.findNode(path.slice(0, path.lastIndexOf("/")) || "/", o);
    await pending.reseat(record, directory);
  }

  /** Where a file that waits lies; undefined where it went with its directory, of whose removal a crash kept us from hearing. Throws as `Pending.seated`. */
  async found(record: PendingRecord, o: CallOptions): Promise<PendingSeat | undefined> {
    const { pending } = this.#o;
    const isUnsure = record.movingTo !== undefined || record.isBeingRemoved;
    const seat = isUnsure ? pending.seat(record) : undefined;
    if (seat && !(await this.#isAtStorage(seat.directory, o))) {
      await seat.directory.storage.tree.forget(seat.directory.parent!, seat.directory.node.name);
    }
    try {
      const found = await pending.seated(pending.record(record.id) ?? record, o);
      if (isUnsure) await pending.change(record.id, { movingTo: undefined, isBeingRemoved: false });
      return found;
    } catch (error) {
      if (!record.isBeingRemoved || kindOf(error) !== "not-found") throw error;
      await pending.drop(record);
      return undefined;
    }
  }

  /** True where the storage still has a directory at the place where the tree shows it. */
  async #isAtStorage({ storage, node, parent }: FoundNode, o: CallOptions): Promise<boolean> {
    if (!parent) return true;
    const found = await entriesAt(storage, entryOf(parent), node.rawName, o);
    return found.some(({ id }) => id === node.id);
  }

  /** The service need not be waited for. */
  #abandon(record: PendingRecord, directory: Pick<FoundNode, "storage" | "node">): void {
    void this.#o.checkpoints.abandon(directory.storage, keyOf(record, directory)).catch(() => {});
  }

  async #stillThere({ directory, entries }: Leftover, storage: MountedStorage, o: CallOptions): Promise<Entry[]> {
    const [first] = entries;
    if (!first) return [];
    const found = await entriesAt(storage, directory, first.name, o);
    return found.filter((entry) => entries.some((before) => isUnchanged(entry, before)));
  }
}

function insideOf(path: string, mountPath: string): string {
  return mountPath === "/" ? path : path.slice(mountPath.length) || "/";
}
