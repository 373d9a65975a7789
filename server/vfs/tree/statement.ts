/** Queries that Kysely builds and compiles once and that then run synchronously: nothing can come between two of them. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Compilable } from "kysely";
import { LRUCache } from "lru-cache";

/** A kept statement; its values go into the slots by position. */
export interface Statement<Row> {
  get(...values: readonly SQLInputValue[]): Row | undefined;
  all(...values: readonly SQLInputValue[]): Row[];
  /** Returns the number of rows changed. */
  run(...values: readonly SQLInputValue[]): number;
  /** Returns the new row's rowid. */
  insert(...values: readonly SQLInputValue[]): number;
}

class Slot {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }
}

/** Stands in a query for the value that is given at `index` when the statement runs; the type is the column's. */
export function slot<T = never>(index: number): T {
  return new Slot(index) as T;
}

/** Prepares a query on a connection, once. */
export function prepare<Row>(connection: DatabaseSync, query: Compilable<Row>): Statement<Row> {
  const { sql, parameters } = query.compile();
  const statement = connection.prepare(sql);
  const fill = (values: readonly SQLInputValue[]) =>
    parameters.map((p) => (p instanceof Slot ? values[p.index]! : (p as SQLInputValue)));
  return {
    get: (...values) => statement.get(...fill(values)) as Row | undefined,
    all: (...values) => statement.all(...fill(values)) as Row[],
    run: (...values) => Number(statement.run(...fill(values)).changes),
    insert: (...values) => Number(statement.run(...fill(values)).lastInsertRowid),
  };
}

/** A kept query whose rows come as arrays, in the order of the selected columns: half the cost of objects. */
export function prepareTuples<Tuple extends readonly unknown[]>(
  connection: DatabaseSync,
  query: Compilable<unknown>,
): (...values: readonly SQLInputValue[]) => Tuple[] {
  const { sql, parameters } = query.compile();
  const statement = connection.prepare(sql);
  statement.setReturnArrays(true);
  return (...values) =>
    statement.all(
      ...parameters.map((p) => (p instanceof Slot ? values[p.index]! : (p as SQLInputValue))),
    ) as unknown as Tuple[];
}

/** Rows of one table by their key, read once and kept until a statement changes them. */
export interface KeptRows<Row> {
  get(key: number): Row | undefined;
  /** Takes a row that another query has just read. */
  keep(key: number, row: Row): void;
  /** The statement, whose first value is the key of the row that it changes. */
  changedBy<R>(statement: Statement<R>): Statement<R>;
  forgetAll(): void;
}

/** Keeps the rows of a query by key, `max` of them. Every statement over the table must be given to `changedBy`, or be followed by `forgetAll`. */
export function keptByKey<Row extends object>(query: Statement<Row>, max: number): KeptRows<Row> {
  // `false`: there is no such row, which is worth remembering as well.
  const kept = new LRUCache<number, Row | false>({ max });
  return {
    get(key) {
      const known = kept.get(key);
      if (known !== undefined) return known || undefined;
      const row = query.get(key);
      kept.set(key, row ?? false);
      return row;
    },
    keep: (key, row) => void kept.set(key, row),
    changedBy(statement) {
      const forget = (values: readonly SQLInputValue[]) => kept.delete(values[0] as number);
      return {
        ...statement,
        run(...values) {
          forget(values);
          return statement.run(...values);
        },
        insert(...values) {
          forget(values);
          return statement.insert(...values);
        },
      };
    },
    forgetAll: () => kept.clear(),
  };
}
