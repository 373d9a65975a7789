/** Queries that Kysely builds and compiles once and that then run synchronously: nothing can come between two of them. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Compilable } from "kysely";

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
