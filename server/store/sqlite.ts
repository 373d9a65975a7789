/** Kysely on `node:sqlite`: one kept statement per SQL text, and transactions that cover DDL. */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { SqliteAdapter, type SqliteDatabase, SqliteDialect, type SqliteStatement } from "kysely";
import { LRUCache } from "lru-cache";

/** Statements kept per connection. */
const KEPT_STATEMENTS = 500;

/** A dialect over an open connection; Kysely's `destroy()` closes it. `changing` is called before every statement that is no query. */
export function sqliteDialect(connection: DatabaseSync, changing: () => void = () => {}): SqliteDialect {
  return new TransactionalDialect({ database: toDatabase(connection, changing) });
}

function toDatabase(connection: DatabaseSync, changing: () => void): SqliteDatabase {
  const kept = new LRUCache<string, SqliteStatement>({ max: KEPT_STATEMENTS });
  return {
    close: () => connection.close(),
    prepare(sql) {
      let statement = kept.get(sql);
      if (!statement) {
        statement = toStatement(connection.prepare(sql), /^select\b/i.test(sql) ? () => {} : changing);
        kept.set(sql, statement);
      }
      return statement;
    },
  };
}

function toStatement(statement: StatementSync, before: () => void): SqliteStatement {
  const values = (parameters: readonly unknown[]) => {
    before();
    return parameters.map(bind);
  };
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...values(parameters)),
    run: (parameters) => statement.run(...values(parameters)),
    iterate: (parameters) => statement.iterate(...values(parameters)),
  };
}

/** What SQLite stores of a value. `node:sqlite` takes a `Date` or plain object as first parameter for named parameters and shifts the others by one, without a word: so all else is a TypeError. */
function bind(value: unknown): SQLInputValue {
  if (typeof value === "boolean") return Number(value);
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "bigint")
    return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`cannot store a ${typeof value} in SQLite`);
}

class TransactionalAdapter extends SqliteAdapter {
  /** So that a migration that fails half way leaves nothing behind. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class TransactionalDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter();
  }
}
