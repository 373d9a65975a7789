/** The rows of what is remembered, in the durable database. */
import type { Expression, ExpressionBuilder, SqlBool, Transaction } from "kysely";
import type { Schema } from "../../store/schema.ts";
import type { Store } from "../../store/store.ts";
import { prepare, slot } from "../tree/statement.ts";
import type { RememberedRow } from "./remembered.ts";

/** Rows read in one turn of the event loop. */
const AT_ONCE = 500;

/** What makes a row known again when the key of its node means nothing. */
export type RowIdentity = Pick<RememberedRow, "m" | "id" | "name">;

/** What identifies a row that was deleted. */
type Gone = Pick<RememberedRow, "m" | "n" | "storage_id">;

export class RememberedRows {
  readonly #db: Store["db"];
  readonly #birth: number;
  /** The row of a node's key; synchronous. */
  readonly byNode: (n: number) => RememberedRow | undefined;
  /** The row of a number; synchronous. */
  readonly byNumber: (m: number) => RememberedRow | undefined;

  /** `birth`: of the tree whose keys count. */
  constructor({ db, connection }: Pick<Store, "db" | "connection">, birth: number) {
    const all = db.selectFrom("remembered").selectAll();
    const byNode = prepare(connection, all.where("n", "=", slot(0)));
    const byNumber = prepare(connection, all.where("m", "=", slot(0)));
    this.#db = db;
    this.#birth = birth;
    this.byNode = (n) => byNode.get(n);
    this.byNumber = (m) => byNumber.get(m);
  }

  /** The keys of the tree's nodes that have a row; of one storage, or of all. */
  async nodes(storageId?: number): Promise<readonly number[]> {
    let query = this.#db
      .selectFrom("remembered")
      .select("n")
      .where("n", "is not", null)
      .where("tree", "=", this.#birth);
    if (storageId !== undefined) query = query.where("storage_id", "=", storageId);
    return (await query.execute()).map(({ n }) => n!);
  }

  /** Rows of a storage that belong to no node of the tree yet. */
  waiting(storageId: number): Promise<readonly RowIdentity[]> {
    return this.#db
      .selectFrom("remembered")
      .select(["m", "id", "name"])
      .where("storage_id", "=", storageId)
      .where((eb) => this.#isWaiting(eb))
      .execute();
  }

  /** Writes the row of a node; its columns replace those that it has. */
  write(n: number, columns: Omit<RememberedRow, "m" | "n" | "tree">): Promise<RememberedRow> {
    const values = { ...columns, tree: this.#birth };
    return this.#db
      .insertInto("remembered")
      .values({ ...values, n })
      .onConflict((c) => c.column("n").doUpdateSet(values))
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  async change(n: number, columns: Partial<RememberedRow>): Promise<void> {
    await this.#db.updateTable("remembered").set(columns).where("n", "=", n).execute();
  }

  /** Gives a waiting row its node. */
  async seat(m: number, n: number): Promise<void> {
    await this.#db.updateTable("remembered").set({ n, tree: this.#birth }).where("m", "=", m).execute();
  }

  /** Lets all rows of a storage wait. */
  async unseat(storageId: number): Promise<void> {
    await this.#db.updateTable("remembered").set({ n: null }).where("storage_id", "=", storageId).execute();
  }

  delete(which: (eb: ExpressionBuilder<Schema, "remembered">) => Expression<SqlBool>): Promise<readonly Gone[]> {
    return this.#db.deleteFrom("remembered").where(which).returning(["m", "n", "storage_id"]).execute();
  }

  deleteStorage(trx: Transaction<Schema>, storageId: number): Promise<readonly Gone[]> {
    return trx
      .deleteFrom("remembered")
      .where("storage_id", "=", storageId)
      .returning(["m", "n", "storage_id"])
      .execute();
  }

  /** Where ids are paths: the rows of what lies at a path and below it. */
  deletePlace(trx: Transaction<Schema>, storageId: number, id: string): Promise<readonly Gone[]> {
    return trx
      .deleteFrom("remembered")
      .where("storage_id", "=", storageId)
      .where((eb) => isAtOrBelow(eb, id))
      .returning(["m", "n", "storage_id"])
      .execute();
  }

  /** Where ids are paths: the rows of what lies at `from` and below it wait for what lies at `to`. As they are then, with the keys of the nodes that they had. */
  async follow(
    trx: Transaction<Schema>,
    storageId: number,
    from: string,
    to: { readonly id: string; readonly name: string },
  ): Promise<readonly (Gone & RowIdentity)[]> {
    const rows = await trx
      .selectFrom("remembered")
      .select(["m", "n", "storage_id", "id", "name"])
      .where("storage_id", "=", storageId)
      .where((eb) => isAtOrBelow(eb, from))
      .execute();
    const followed = rows.map((row) => {
      const isOwn = row.id === JSON.stringify(from);
      return { ...row, id: idBelow(row.id, from, to.id), ...(isOwn && { name: JSON.stringify(to.name) }) };
    });
    for (const { m, id, name } of followed) {
      await trx.updateTable("remembered").set({ id, name, n: null }).where("m", "=", m).execute();
    }
    return followed;
  }

  /** Rows that have waited for their nodes since before `at`. */
  async deleteWaiting(at: number): Promise<void> {
    await this.delete((eb) => eb.and([this.#isWaiting(eb), eb("at", "<", at)]));
  }

  /** Where ids are paths: rows of what lies below a path. */
  deleteBelow(storageId: number, id: string): Promise<readonly Gone[]> {
    const [from, to] = rangeBelow(id);
    return this.delete((eb) => eb.and([eb("storage_id", "=", storageId), eb("id", ">=", from), eb("id", "<", to)]));
  }

  /** Where ids are paths: rows of what lies below `from` are of what lies below `to` from now on; as they are then. */
  async *moveBelow(
    storageId: number,
    from: string,
    to: string,
  ): AsyncGenerator<RowIdentity & Pick<RememberedRow, "n">> {
    for await (const row of this.#below(storageId, from)) {
      const id = idBelow(row.id, from, to);
      await this.#db.updateTable("remembered").set({ id }).where("m", "=", row.m).execute();
      yield { ...row, id };
    }
  }

  /** Where ids are paths: copies of the rows below `from`, waiting for what is below `to`. */
  async *copyBelow(
    storageId: number,
    from: string,
    toStorageId: number,
    to: string,
    at: number,
  ): AsyncGenerator<RowIdentity> {
    for await (const { m: _own, ...row } of this.#below(storageId, from)) {
      const id = idBelow(row.id, from, to);
      // A copy has a time of its own, as the storage dates it.
      const values = { ...row, storage_id: toStorageId, n: null, id, version: null, dated: null, etag: null, at };
      const query = this.#db.insertInto("remembered").values(values);
      const { m } = await query.returning("m").executeTakeFirstOrThrow();
      yield { m, id, name: row.name };
    }
  }

  async *#below(storageId: number, id: string): AsyncGenerator<RememberedRow> {
    const [first, end] = rangeBelow(id);
    for (let after = ""; ; ) {
      const rows = await this.#db
        .selectFrom("remembered")
        .selectAll()
        .where("storage_id", "=", storageId)
        .where("id", ">=", first)
        .where("id", "<", end)
        .where("id", ">", after)
        .orderBy("id")
        .limit(AT_ONCE)
        .execute();
      yield* rows;
      if (rows.length < AT_ONCE) return;
      after = rows.at(-1)!.id;
      await new Promise(setImmediate);
    }
  }

  #isWaiting(eb: ExpressionBuilder<Schema, "remembered">): Expression<SqlBool> {
    return eb.or([eb("n", "is", null), eb("tree", "!=", this.#birth)]);
  }
}

/** What lies strictly below a path as an id, as bounds of the column `id`: JSON keeps the beginning of a text, and `0` comes right after `/`. */
function rangeBelow(id: string): readonly [from: string, to: string] {
  const start = JSON.stringify(id).slice(0, -1);
  return [`${start}/`, `${start}0`];
}

function isAtOrBelow(eb: ExpressionBuilder<Schema, "remembered">, id: string): Expression<SqlBool> {
  const [from, to] = rangeBelow(id);
  return eb.or([eb("id", "=", JSON.stringify(id)), eb.and([eb("id", ">=", from), eb("id", "<", to)])]);
}

function idBelow(id: string, from: string, to: string): string {
  return JSON.stringify(to + (JSON.parse(id) as string).slice(from.length));
}
