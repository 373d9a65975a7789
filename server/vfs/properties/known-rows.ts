/** Which nodes have a remembered row, and the rows asked for lately, in memory; rows whose entries the tree has not met wait here until one comes by. */
import { LRUCache } from "lru-cache";
import type { TreeNode } from "../tree/tree.ts";
import { KnownRow, type RememberedRow } from "./remembered.ts";
import type { RememberedRows, RowIdentity } from "./remembered-rows.ts";
import { UnseatedRows } from "./unseated-rows.ts";

/** Rows kept in memory. */
const KEPT_ROWS = 20_000;

/** What identifies rows that are gone. */
type Gone = readonly Pick<RememberedRow, "m" | "n" | "storage_id">[];

/** Asked with every entry of every listing: entries of which nothing is remembered cost a look at a set. */
export class KnownRows {
  readonly #rows: Pick<RememberedRows, "byNode" | "byNumber">;
  readonly #onSeated: (m: number, n: number) => void;
  readonly #nodes: Set<number>;
  readonly #kept = new LRUCache<number, KnownRow>({ max: KEPT_ROWS });
  /** By storage: rows whose node the tree does not hold. */
  readonly #unseated = new Map<number, UnseatedRows>();

  /** `nodes` are the keys that have a row; `onSeated` is told when a waiting row has met its node, and writes that down. */
  constructor(
    rows: Pick<RememberedRows, "byNode" | "byNumber">,
    nodes: Iterable<number>,
    onSeated: (m: number, n: number) => void,
  ) {
    this.#rows = rows;
    this.#nodes = new Set(nodes);
    this.#onSeated = onSeated;
  }

  /** How many nodes have a row. */
  get size(): number {
    return this.#nodes.size;
  }

  /** The keys that have a row, as they are now. */
  nodes(): readonly number[] {
    return [...this.#nodes];
  }

  /** Lets the waiting rows of a storage that is being mounted wait for its entries. */
  openStorage(storageId: number, waiting: Iterable<RowIdentity>): void {
    this.#unseated.set(storageId, new UnseatedRows());
    for (const row of waiting) this.wait(storageId, row);
  }

  /** Lets a row wait for the entry that it is of; of a storage that is not mounted, the next `openStorage` will. */
  wait(storageId: number, row: RowIdentity): void {
    this.#unseated.get(storageId)?.add(row);
  }

  /** As `wait`, for a row whose entry is known by another id now; nothing where it does not wait. */
  waitAnew(storageId: number, row: RowIdentity): void {
    const unseated = this.#unseated.get(storageId);
    if (unseated?.delete(row.m)) unseated.add(row);
  }

  /** The row of a node, undefined for most. */
  of(storageId: number, node: TreeNode): KnownRow | undefined {
    if (this.isEmpty(storageId)) return undefined;
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

  /** True where nothing is remembered of a node nor can be of what lies below it. */
  hasNothing(storageId: number, node: TreeNode): boolean {
    return this.isEmpty(storageId) || (node.kind === "file" && !this.of(storageId, node));
  }

  /** True where nothing can be remembered of anything in a storage. */
  isEmpty(storageId: number): boolean {
    return this.#nodes.size === 0 && (this.#unseated.get(storageId)?.size ?? 0) === 0;
  }

  /** A node's row as it has been written. */
  set(n: number, row: RememberedRow): void {
    this.#nodes.add(n);
    this.#kept.set(n, new KnownRow(row));
  }

  /** Changes a row that has been written, where it is in memory. */
  change(n: number, columns: Partial<RememberedRow>): void {
    const known = this.#kept.get(n);
    if (known) this.#kept.set(n, new KnownRow({ ...known.row, ...columns }));
  }

  /** Reads a node's row anew when it is asked for again. */
  reread(n: number): void {
    this.#kept.delete(n);
  }

  /** Forgets rows that are no more. */
  forget(gone: Gone): void {
    for (const { m, n, storage_id } of gone) {
      if (n !== null) this.forgetKey(n);
      this.#unseated.get(storage_id)?.delete(m);
    }
  }

  /** Forgets that a key has a row. */
  forgetKey(n: number): void {
    this.#nodes.delete(n);
    this.#kept.delete(n);
  }

  /** The entry that a row was waiting for has come by. */
  #seat(unseated: UnseatedRows, node: TreeNode): void {
    const m = this.#nodes.has(node.n) ? undefined : unseated.take(node);
    if (m === undefined) return;
    const row = this.#rows.byNumber(m);
    if (!row) return;
    this.set(node.n, { ...row, n: node.n });
    this.#onSeated(m, node.n);
  }
}
