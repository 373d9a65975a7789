/** Taking, keeping and giving back locks: durable before they are granted, in memory for everybody who asks. */
import { randomUUID } from "node:crypto";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { Store } from "../../store/store.ts";
import type { FoundNode, Lookup } from "../lookup.ts";
import type { MountTable } from "../mount-table.ts";
import type { VfsOptions } from "../resource.ts";
import type { TreeNode } from "../tree/tree.ts";
import type { LockGrant, LockingOptions, LockView, ResourceLocks, UnlockOptions } from "./api.ts";
import { Coverage, type Place, pathOf } from "./coverage.ts";
import { LockGuard, rootsOf } from "./guard.ts";
import { type HeldLock, type Lock, LockedError, type LockRequest } from "./lock.ts";
import { LockIndex } from "./lock-index.ts";
import { LockRows } from "./lock-rows.ts";

/** Most locks that one user may hold (webdav.md §5.1). */
export const MAX_LOCKS_PER_USER = 1000;

/** How often locks that have ended are swept, in milliseconds. */
const SWEEP_EVERY_MS = 60_000;

export interface LocksOptions {
  readonly store: Pick<Store, "db">;
  readonly table: MountTable;
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes an empty file; throws `already-exists`, and what storing throws. */
  readonly createEmpty: (path: string, o: VfsOptions) => Promise<unknown>;
}

export class Locks implements ResourceLocks {
  readonly guard: LockGuard;
  readonly #o: LocksOptions;
  readonly #index: LockIndex;
  readonly #rows: LockRows;
  readonly #coverage: Coverage;
  readonly #closing = new AbortController();

  private constructor(options: LocksOptions) {
    const now = () => options.clock.now();
    this.#o = options;
    this.#index = new LockIndex(now);
    this.#rows = new LockRows(options.store);
    this.#coverage = new Coverage({ ...options, index: this.#index, now });
    this.guard = new LockGuard(this.#coverage);
  }

  /** The locks of a data folder, as they were when it was last open. */
  static async open(options: LocksOptions): Promise<Locks> {
    const locks = new Locks(options);
    for (const lock of await locks.#rows.load()) locks.#index.set(lock);
    await locks.#drop(locks.#index.ended());
    void locks.#sweepForEver();
    return locks;
  }

  get isEmpty(): boolean {
    return this.#index.size === 0;
  }

  async lock(path: string, request: LockRequest, o: LockingOptions): Promise<LockGrant> {
    const { found, created } = await this.#findOrCreate(path, request, o);
    await this.#demandRoom(o.holder.userId);
    // No await from here to `set`, so that two who ask at once cannot both have it.
    this.#refuseConflicts(found, found.node, request);
    const { scope, depth, owner, timeoutMs } = request;
    const lock: Lock = {
      token: `urn:uuid:${randomUUID()}`,
      storageId: found.storage.id,
      n: found.node.n,
      entryId: found.node.id,
      inside: found.inside,
      scope,
      depth,
      owner,
      userId: o.holder.userId,
      expiresAt: this.#o.clock.now() + timeoutMs,
    };
    this.#index.set(lock);
    try {
      await this.#rows.insert(lock);
    } catch (error) {
      this.#index.delete(lock.token);
      throw error;
    }
    return { token: lock.token, created };
  }

  async refresh(path: string, timeoutMs: number, o: LockingOptions): Promise<void> {
    const { userId, tokens } = o.holder;
    const place = this.#coverage.placeOf(path);
    const named = (place ? this.#coverage.at(place) : []).filter(
      ({ token }) => tokens === "own" || tokens.includes(token),
    );
    if (named.length === 0)
      throw new StorageError("precondition-failed", `${path} has no lock of that token`, { path });
    const own = named.filter((lock) => lock.userId === userId);
    if (own.length === 0) throw notYours(path);
    for (const lock of own) {
      const refreshed = { ...lock, expiresAt: this.#o.clock.now() + timeoutMs };
      await this.#rows.update(refreshed);
      // It may have been given back meanwhile.
      if (this.#index.get(lock.token)) this.#index.set(refreshed);
    }
  }

  async unlock(path: string, token: string, o: UnlockOptions): Promise<void> {
    const lock = this.#index.get(token);
    const place = this.#coverage.placeOf(path);
    if (!lock || !place || !this.#coverage.at(place).includes(lock)) {
      throw new StorageError("precondition-failed", `${path} has no lock of that token`, { path });
    }
    if (lock.userId !== o.holder.userId && !o.force) throw notYours(path);
    this.#index.delete(token);
    try {
      await this.#rows.delete([lock]);
    } catch (error) {
      this.#index.set(lock);
      throw error;
    }
  }

  at(path: string): readonly HeldLock[] {
    if (this.isEmpty) return [];
    const place = this.#coverage.placeOf(path);
    return place ? this.#held(this.#coverage.at(place)) : [];
  }

  view(path: string): LockView {
    const self = this.at(path);
    const inherited = self.filter(({ depth }) => depth === "infinity");
    return {
      self,
      child: ({ key, path: child }) => {
        const own = this.#held(this.#index.ofNode(key)).filter(({ root }) => root === child);
        return own.length === 0 ? inherited : [...own, ...inherited];
      },
    };
  }

  demandChangeable(path: string, o: Pick<VfsOptions, "holder">): void {
    if (this.isEmpty) return;
    const place = this.#coverage.placeOf(path);
    if (place) this.guard.content(place, o);
  }

  /** The locks that lie on exactly that and outlast its replacement: to be given to `keep`. */
  on(found: Place | undefined): readonly Lock[] {
    return found && !this.isEmpty ? this.#coverage.rootedAt(found) : [];
  }

  /** What was replaced keeps its locks: they go over to the node that is there now, where it is another. */
  async keep(locks: readonly Lock[], node: TreeNode | undefined): Promise<void> {
    for (const { token } of locks) {
      const lock = this.#index.get(token);
      if (!lock || !node || (lock.n === node.n && lock.entryId === node.id)) continue;
      const kept = { ...lock, n: node.n, entryId: node.id };
      this.#index.set(kept);
      await this.#rows.update(kept);
    }
  }

  /** Forgets the locks at and below a place whose node lies there no more: what was removed or moved away has none. */
  async forget({ storage, inside }: Place, except: readonly Lock[] = []): Promise<void> {
    if (this.isEmpty) return;
    const kept = new Set(except.map(({ token }) => token));
    const untrue = (lock: Lock) => !kept.has(lock.token) && !this.#coverage.isTrue(lock, storage);
    await this.#drop(this.#index.within(storage.id, inside).filter(untrue));
  }

  /** Drops locks that have ended, and those whose node is known to lie at their path no more. */
  async sweep(): Promise<void> {
    const stranded = this.#index.all().filter((lock) => {
      const storage = this.#o.table.get(lock.storageId);
      const node = storage && this.#o.lookup.known(pathOf({ storage, inside: lock.inside }))?.node;
      return node !== undefined && node.n !== lock.n;
    });
    await this.#drop([...new Set([...this.#index.ended(), ...stranded])]);
  }

  close(): void {
    this.#closing.abort(new Error("the locks are closing"));
  }

  async #findOrCreate(
    path: string,
    request: LockRequest,
    o: LockingOptions,
  ): Promise<{ readonly found: FoundNode; readonly created: boolean }> {
    const existing = await this.#o.lookup.findNodeOrNothing(path, o);
    if (existing) return { found: existing, created: false };
    const place = this.#coverage.placeOf(path);
    if (place) this.#refuseConflicts(place, undefined, request);
    let created = true;
    try {
      await this.#o.createEmpty(path, o);
    } catch (error) {
      if (kindOf(error) !== "already-exists") throw error;
      created = false; // somebody else was quicker
    }
    return { found: await this.#o.lookup.findNode(path, o), created };
  }

  /** Throws `locked` where the new lock and one that is there cannot both hold (RFC 4918 §6.1). */
  #refuseConflicts(place: Place, node: TreeNode | undefined, { scope, depth }: LockRequest): void {
    const excluded = (locks: readonly Lock[]) =>
      this.#held(locks.filter((lock) => scope === "exclusive" || lock.scope === "exclusive"));
    const covering = excluded(this.#coverage.at(place));
    if (covering.length > 0) throw new LockedError("conflict", rootsOf(covering));
    if (depth === "0" || node?.kind !== "directory") return;
    for (const below of this.#coverage.below(place)) {
      const inside = excluded(this.#coverage.rootedAt(below));
      if (inside.length > 0) throw new LockedError("conflict", rootsOf(inside));
    }
  }

  async #demandRoom(userId: number): Promise<void> {
    if (this.#index.countOf(userId) < MAX_LOCKS_PER_USER) return;
    await this.sweep();
    if (this.#index.countOf(userId) < MAX_LOCKS_PER_USER) return;
    throw new StorageError(
      "quota-exceeded",
      `a user holds at most ${MAX_LOCKS_PER_USER} locks: close files that are open for editing, or wait until locks end`,
    );
  }

  #held(locks: readonly Lock[]): readonly HeldLock[] {
    return locks.flatMap((lock) => this.#coverage.toHeld(lock) ?? []);
  }

  /** A row that cannot be deleted now does no harm: it ends by itself, and its node lies elsewhere or nowhere. */
  async #drop(locks: readonly Lock[]): Promise<void> {
    if (locks.length === 0) return;
    for (const { token } of locks) this.#index.delete(token);
    try {
      await this.#rows.delete(locks);
    } catch (error) {
      this.#o.log.warn({ err: error, count: locks.length }, "locks that hold no more could not be deleted");
    }
  }

  async #sweepForEver(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#o.clock.sleep(SWEEP_EVERY_MS, signal);
        await this.sweep();
      } catch (error) {
        if (signal.aborted) return;
        this.#o.log.warn({ err: error }, "sweeping locks failed");
      }
    }
  }
}

function notYours(path: string): StorageError {
  return new StorageError("permission-denied", `the lock of ${path} is another user's`, { path });
}
