/** What is remembered of nodes beside what their storages say: told, changed, moved along, forgotten; durable before it counts (architecture.md §5). */
import type { Transaction } from "kysely";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import type { Entry } from "#drivers/contract/mount.ts";
import type { Schema } from "../../store/schema.ts";
import type { Store } from "../../store/store.ts";
import type { Tree, TreeNode } from "../tree/tree.ts";
import { type DeadProperty, propertiesToText } from "./dead-properties.ts";
import { KnownRows } from "./known-rows.ts";
import { columnsOf, isOfSameContent, type Remembered, tellsMore, valuesOf } from "./remembered.ts";
import { RememberedRows } from "./remembered-rows.ts";

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
  readonly #rows: RememberedRows;
  readonly #known: KnownRows;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: RememberedNodesOptions, rows: RememberedRows, nodes: readonly number[]) {
    this.#o = options;
    this.#rows = rows;
    this.#known = new KnownRows(rows, nodes, (m, n) => this.#behind(() => rows.seat(m, n)));
  }

  static async load(options: RememberedNodesOptions): Promise<RememberedNodes> {
    const rows = new RememberedRows(options.store, options.tree.birth);
    return new RememberedNodes(options, rows, await rows.nodes());
  }

  /** Must be called when a storage is mounted, and before anything of it is asked. */
  async openStorage(storageId: number): Promise<void> {
    this.#known.openStorage(storageId, await this.#rows.waiting(storageId));
  }

  /** Before the tree forgets all of a storage: what is remembered of it waits for entries of the same ids and names. */
  async unseatStorage(storageId: number): Promise<void> {
    await this.#serial(async () => {
      const nodes = await this.#rows.nodes(storageId);
      await this.#rows.unseat(storageId);
      for (const n of nodes) this.#known.forgetKey(n);
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
      this.#known.forget(gone);
    });
  }

  /** What is remembered of a node; without time and digests where its content is another by now. Undefined for most. */
  of(storageId: number, node: TreeNode): Remembered | undefined {
    const known = this.#known.of(storageId, node);
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
    if (!this.#known.of(storageId, node)) {
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
      if (this.#known.of(storageId, node)) await this.#forgetRow(node.n);
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
      const known = this.#known.of(storageId, node);
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
        this.#known.change(node.n, { properties });
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
    if (this.#known.hasNothing(storageId, from)) return false;
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
    return !this.#known.hasNothing(storageId, node);
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
      this.#known.forget([...gone, ...waiting]);
      for (const row of waiting) this.#known.wait(storageId, row);
    });
  }

  /** A node is gone, with all below it. */
  async forget(storageId: number, node: TreeNode, ids: "stable" | "path"): Promise<void> {
    if (this.#known.hasNothing(storageId, node)) return;
    await this.#serial(async () => {
      const id = JSON.stringify(node.id);
      const own = await this.#rows.delete((eb) =>
        eb.or([eb("n", "=", node.n), eb.and([eb("storage_id", "=", storageId), eb("id", "=", id)])]),
      );
      this.#known.forget(own);
      // Where ids are no paths, nothing else will ever have those of what was below: `sweep` takes them.
      const hasBelow = node.kind === "directory" && ids === "path" && node.id !== "";
      if (hasBelow) this.#known.forget(await this.#rows.deleteBelow(storageId, node.id));
    });
  }

  /** After a copy of a directory by its storage, where ids are paths: what is remembered below `from` waits below `to` until it is listed there. */
  async copiedBelow(storageId: number, from: string, toStorageId: number, to: string): Promise<void> {
    if (this.#known.isEmpty(storageId)) return;
    await this.#serial(async () => {
      for await (const row of this.#rows.copyBelow(storageId, from, toStorageId, to, this.#now())) {
        this.#known.wait(toStorageId, row);
      }
    });
  }

  /** The keys of a storage's nodes of which something is remembered. */
  async nodesOf(storageId: number): Promise<readonly number[]> {
    if (this.#known.size === 0) return [];
    return this.#rows.nodes(storageId);
  }

  /** Forgets nodes that are gone from the tree, and what has waited too long for one. Never rejects. */
  async sweep(): Promise<void> {
    try {
      await this.#rows.deleteWaiting(this.#now() - UNSEATED_KEPT_MS);
      const nodes = this.#known.nodes();
      for (let i = 0; i < nodes.length; i += SWEPT_AT_ONCE) {
        const gone = nodes.slice(i, i + SWEPT_AT_ONCE).filter((n) => !this.#o.tree.holds(n));
        if (gone.length > 0) {
          await this.#serial(async () => this.#known.forget(await this.#rows.delete((eb) => eb("n", "in", gone))));
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

  #retie(node: TreeNode): void {
    const columns = columnsOf(node);
    this.#known.change(node.n, columns);
    this.#behind(() => this.#rows.change(node.n, columns));
  }

  async #write(storageId: number, node: TreeNode, values: NonNullable<ReturnType<typeof valuesOf>>): Promise<void> {
    const columns = { ...columnsOf(node), ...values, storage_id: storageId, at: this.#now() };
    this.#known.set(node.n, await this.#rows.write(node.n, columns));
  }

  async #moveBelow(storageId: number, from: string, to: string): Promise<void> {
    if (from === to) return;
    for await (const row of this.#rows.moveBelow(storageId, from, to)) {
      if (row.n !== null) this.#known.reread(row.n);
      this.#known.waitAnew(storageId, row);
    }
  }

  async #forgetRow(n: number): Promise<void> {
    this.#known.forget(await this.#rows.delete((eb) => eb("n", "=", n)));
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
