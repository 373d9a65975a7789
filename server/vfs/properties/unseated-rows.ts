/** Remembered rows of one storage whose entries the tree does not hold: it was lost, or has not listed them yet. They are known again by id and name. */
import type { TreeNode } from "../tree/tree.ts";
import type { RememberedRow } from "./remembered.ts";

type Unseated = Pick<RememberedRow, "m" | "id" | "name">;

export class UnseatedRows {
  readonly #byId = new Map<string, Unseated>();
  readonly #ids = new Map<number, string>();

  get size(): number {
    return this.#byId.size;
  }

  add({ m, id, name }: Unseated): void {
    this.#byId.set(id, { m, id, name });
    this.#ids.set(m, id);
  }

  /** Takes out the row that belongs to a node; its number, undefined where there is none. */
  take(node: TreeNode): number | undefined {
    const id = JSON.stringify(node.id);
    const row = this.#byId.get(id);
    if (!row || row.name !== JSON.stringify(node.rawName)) return undefined;
    this.delete(row.m);
    return row.m;
  }

  /** Takes out a row by its number; false where it is not among them. */
  delete(m: number): boolean {
    const id = this.#ids.get(m);
    if (id === undefined) return false;
    this.#ids.delete(m);
    if (this.#byId.get(id)?.m === m) this.#byId.delete(id);
    return true;
  }
}
