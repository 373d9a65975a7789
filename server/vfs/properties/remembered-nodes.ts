/** The nodes of which something is remembered: asked with every entry of every listing, so that those of which nothing is cost a look at a set. */
import type { Transaction } from "kysely";
import { LRUCache } from "lru-cache";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import type { Entry } from "#drivers/contract/mount.ts";
import type { Schema } from "../../store/schema.ts";
import type { Store } from "../../store/store.ts";
import type { Tree, TreeNode } from "../tree/tree.ts";
import { type DeadProperty, propertiesToText } from "./dead-properties.ts";
import { columnsOf, isOfSameContent, KnownRow, type Remembered, tellsMore, valuesOf } from "./remembered.ts";
import { RememberedRows } from "./remembered-rows.ts";
import { UnseatedRows } from "./unseated-rows.ts";

/** Rows kept in memory. */
const KEPT_ROWS = 20_000;

/** How long what belongs to no known node is kept, in milliseconds: a tree that was lost is listed again when somebody comes by. */
const UNSEATED_KEPT_MS = 90 * 24 * 3600_000;

/** Keys looked at in one turn of the event loop. */
const SWEPT_AT_ONCE = 1000;

export interface RememberedNodesOptions {
  /** Says whether a key still names a node. */
  readonly tree: Pick<Tree, "birth" | "holds">;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

export class RememberedNodes {
  readonly #o: RememberedNodesOptions;
  readonly #nodes: Set<number>;
  readonly #rows: RememberedRows;
  readonly #kept = new LRUCache<number, KnownRow>({ max: KEPT_ROWS });
  /** By storage: rows whose node the tree does not hold. */
  readonly #unseated = new Map<number, UnseatedRows>();
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: RememberedNodesOptions, rows: RememberedRows, nodes: Set<number>) {
    this.#o = options;
    this.#rows = rows;
    this.#nodes = nodes;
  }

  static async load(options: RememberedNodesOptions): Promise<RememberedNodes> {
    const rows = new RememberedRows(options.store, options.tree.birth);
    return new RememberedNodes(options, rows, new Set(await rows.nodes()));
  }

  /** Must be called when a storage is mounted, and before anything of it is asked. */
  async openStorage(storageId: number): Promise<void> {
    const unseated = new UnseatedRows();
    for (const row of await this.#rows.waiting(storageId)) unseated.add(row);
    this.#unseated.set(storageId, unseated);
  }

  /** Before the tree forgets all of a storage: what is remembered of it waits for entries of the same ids and names. */
  async unseatStorage(storageId: number): Promise<void> {
    await this.#serial(async () => {
      const nodes = await this.#rows.nodes(storageId);
      await this.#rows.unseat(storageId);
      for (const n of nodes) this.#forgetKey(n);
    });
  }

  /** Forgets all of a storage, together with what `also` changes of the storage itself: after a crash both are so or neither. */
  async dropStorage(storageId: number, also: (trx: Transaction<Schema>) => Promise<unknown>): Promise<void> {
    await this.#serial(async () => {
      const gone = await this.#o.store.db.transaction().execute(async (trx) => {
        const dropped = await this.#rows.deleteStorage(trx, storageId);
        await also(trx);
        return dropped;
      });
      this.#forgetInMemory(gone);
    });
  }

  /** What is remembered of a node; without time and digests where its content is another by now. Undefined for most. */
  of(storageId: number, node: TreeNode): Remembered | undefined {
    const known = this.#known(storageId, node);
    if (!known) return undefined;
    const { row } = known;
    if (row.modified_at === null && row.hashes === null && row.etag === null) return known;
    if (!isOfSameContent(row, node)) return { properties: known.properties };
    if (tellsMore(row, node)) this.#retie(node);
    return known;
  }

  /**
   * Changes what is remembered of a node, durably when it resolves; `change` gets what is true of its content now. Changes are made one after the
   * other. Throws what `change` throws. Resolves to true where anything is another than before.
   */
  update(
    storageId: number,
    node: TreeNode,
    change: (before: Remembered | undefined) => Remembered | undefined,
  ): Promise<boolean> {
    if (!this.#known(storageId, node)) {
      // Most files: nothing was remembered, and nothing is to be.
      const now = change(undefined);
      if (!now || !valuesOf(now)) return Promise.resolve(false);
    }
    return this.#serial(async () => {
      const before = this.of(storageId, node);
      const now = change(before);
      const values = now && valuesOf(now);
      if (values) {
        await this.#write(storageId, node, values);
        return true;
      }
      if (this.#known(storageId, node)) await this.#forgetRow(node.n);
      return before !== undefined;
    });
  }

  /** Changes a node's dead properties alone, whatever its content is by now; otherwise as `update`. */
  changeProperties(
    storageId: number,
    node: TreeNode,
    change: (before: readonly DeadProperty[]) => readonly DeadProperty[],
  ): Promise<boolean> {
    return this.#serial(async () => {
      const known = this.#known(storageId, node);
      const properties = propertiesToText(change(known?.properties ?? []));
      if (properties === (known?.row.properties ?? null)) return false;
      if (!known) await this.#write(storageId, node, { modified_at: null, hashes: null, etag: null, properties });
      else if (
        properties === null &&
        !valuesOf({ modifiedAt: known.modifiedAt, hashes: known.hashes, etag: known.etag })
      ) {
        await this.#forgetRow(node.n);
      } else {
        await this.#rows.change(node.n, { properties });
        this.#kept.set(node.n, new KnownRow({ ...known.row, properties }));
      }
      return true;
    });
  }

  /** After a move or rename by us: what is remembered belongs to the node as it now stands, under the key that it now has. Resolves to true where anything is. */
  async moved(
    storageId: number,
    from: TreeNode,
    to: { readonly storageId: number; readonly node: TreeNode },
  ): Promise<boolean> {
    if (this.#hasNothing(storageId, from)) return false;
    return this.#serial(async () => {
      const isSamePlace = storageId === to.storageId;
      const remembered = this.of(storageId, from);
      const values = remembered && valuesOf(remembered);
      if (values) {
        if (!isSamePlace || from.n !== to.node.n) await this.#forgetRow(from.n);
        await this.#write(to.storageId, to.node, values);
      }
      if (from.kind === "directory" && isSamePlace) await this.#moveBelow(storageId, from.id, to.node.id);
      return values !== undefined;
    });
  }

  /** True where something is remembered of a node, or may be of what lies below it. */
  hasAny(storageId: number, node: TreeNode): boolean {
    return !this.#hasNothing(storageId, node);
  }

  /**
   * After a crash: what was remembered of `from`, and of all below it, waits for `to`, together with what `also` writes; where `to` has taken another's place, what
   * was remembered of that is forgotten. Only where ids are paths.
   */
  async follow(
    storageId: number,
    from: Pick<TreeNode, "id">,
    to: Pick<Entry, "id" | "name">,
    { replaces, also }: { readonly replaces: boolean; readonly also: (trx: Transaction<Schema>) => Promise<unknown> },
  ): Promise<void> {
    await this.#serial(async () => {
      const { gone, waiting } = await this.#o.store.db.transaction().execute(async (trx) => {
        const replaced = replaces ? await this.#rows.deletePlace(trx, storageId, to.id) : [];
        const followed = await this.#rows.follow(trx, storageId, from.id, to);
        await also(trx);
        return { gone: replaced, waiting: followed };
      });
      this.#forgetInMemory([...gone, ...waiting]);
      for (const row of waiting) this.#unseated.get(storageId)?.add(row);
    });
  }

  /** A node is gone, with all below it. */
  async forget(storageId: number, node: TreeNode, ids: "stable" | "path"): Promise<void> {
    if (this.#hasNothing(storageId, node)) return;
    await this.#serial(async () => {
      const id = JSON.stringify(node.id);
      const own = await this.#rows.delete((eb) =>
        eb.or([eb("n", "=", node.n), eb.and([eb("storage_id", "=", storageId), eb("id", "=", id)])]),
      );
      this.#forgetInMemory(own);
      // Where ids are no paths, nothing else will ever have those of what was below: `sweep` takes them.
      const hasBelow = node.kind === "directory" && ids === "path" && node.id !== "";
      if (hasBelow) this.#forgetInMemory(await this.#rows.deleteBelow(storageId, node.id));
    });
  }

  /** After a copy of a directory by its storage, where ids are paths: what is remembered below `from` waits below `to` until it is listed there. */
  async copiedBelow(storageId: number, from: string, toStorageId: number, to: string): Promise<void> {
    if (this.#isEmpty(storageId)) return;
    await this.#serial(async () => {
      const unseated = this.#unseated.get(toStorageId);
      for await (const row of this.#rows.copyBelow(storageId, from, toStorageId, to, this.#now())) unseated?.add(row);
    });
  }

  /** The keys of a storage's nodes of which something is remembered. */
  async nodesOf(storageId: number): Promise<readonly number[]> {
    if (this.#nodes.size === 0) return [];
    return this.#rows.nodes(storageId);
  }

  /** Forgets nodes that are gone from the tree, and what has waited too long for one. Never rejects. */
  async sweep(): Promise<void> {
    try {
      await this.#rows.deleteWaiting(this.#now() - UNSEATED_KEPT_MS);
      const nodes = [...this.#nodes];
      for (let i = 0; i < nodes.length; i += SWEPT_AT_ONCE) {
        const gone = nodes.slice(i, i + SWEPT_AT_ONCE).filter((n) => !this.#o.tree.holds(n));
        if (gone.length > 0) {
          await this.#serial(async () => this.#forgetInMemory(await this.#rows.delete((eb) => eb("n", "in", gone))));
        }
        await new Promise(setImmediate);
      }
    } catch (error) {
      this.#o.log.warn({ err: error }, "what was remembered of files that are gone could not be swept");
    }
  }

  /** Resolves when all changes so far are durable. */
  async settled(): Promise<void> {
    await this.#last;
  }

  /** True where nothing is remembered of a node nor can be of what lies below it. */
  #hasNothing(storageId: number, node: TreeNode): boolean {
    return this.#isEmpty(storageId) || (node.kind === "file" && !this.#known(storageId, node));
  }

  #isEmpty(storageId: number): boolean {
    return this.#nodes.size === 0 && (this.#unseated.get(storageId)?.size ?? 0) === 0;
  }

  #known(storageId: number, node: TreeNode): KnownRow | undefined {
    if (this.#isEmpty(storageId)) return undefined;
    const unseated = this.#unseated.get(storageId);
    if (unseated && unseated.size > 0) this.#seat(unseated, node);
    if (!this.#nodes.has(node.n)) return undefined;
    const kept = this.#kept.get(node.n);
    if (kept) return kept;
    const row = this.#rows.byNode(node.n);
    if (!row) return undefined;
    const known = new KnownRow(row);
    this.#kept.set(node.n, known);
    return known;
  }

  /** The entry that a row was waiting for has come by. */
  #seat(unseated: UnseatedRows, node: TreeNode): void {
    const m = this.#nodes.has(node.n) ? undefined : unseated.take(node);
    if (m === undefined) return;
    const row = this.#rows.byNumber(m);
    if (!row) return;
    this.#nodes.add(node.n);
    this.#kept.set(node.n, new KnownRow({ ...row, n: node.n }));
    this.#behind(() => this.#rows.seat(m, node.n));
  }

  #retie(node: TreeNode): void {
    const known = this.#kept.get(node.n);
    if (!known) return;
    const columns = columnsOf(node);
    this.#kept.set(node.n, new KnownRow({ ...known.row, ...columns }));
    this.#behind(() => this.#rows.change(node.n, columns));
  }

  async #write(storageId: number, node: TreeNode, values: NonNullable<ReturnType<typeof valuesOf>>): Promise<void> {
    const columns = { ...columnsOf(node), ...values, storage_id: storageId, at: this.#now() };
    const row = await this.#rows.write(node.n, columns);
    this.#nodes.add(node.n);
    this.#kept.set(node.n, new KnownRow(row));
  }

  async #moveBelow(storageId: number, from: string, to: string): Promise<void> {
    if (from === to) return;
    const unseated = this.#unseated.get(storageId);
    for await (const row of this.#rows.moveBelow(storageId, from, to)) {
      if (row.n !== null) this.#kept.delete(row.n);
      if (unseated?.delete(row.m)) unseated.add(row);
    }
  }

  async #forgetRow(n: number): Promise<void> {
    this.#forgetInMemory(await this.#rows.delete((eb) => eb("n", "=", n)));
  }

  #forgetInMemory(gone: Awaited<ReturnType<RememberedRows["delete"]>>): void {
    for (const { m, n, storage_id } of gone) {
      if (n !== null) this.#forgetKey(n);
      this.#unseated.get(storage_id)?.delete(m);
    }
  }

  #forgetKey(n: number): void {
    this.#nodes.delete(n);
    this.#kept.delete(n);
  }

  #now(): number {
    return this.#o.clock.now();
  }

  #serial<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  #behind(work: () => Promise<void>): void {
    this.#serial(work).catch((error: unknown) => {
      this.#o.log.warn({ err: error }, "what is remembered of a file could not be written");
    });
  }
}
