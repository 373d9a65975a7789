/** Kysely on `node:sqlite`: one kept statement per SQL text, and transactions that cover DDL. */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { SqliteAdapter, type SqliteDatabase, SqliteDialect, type SqliteStatement } from "kysely";
import { LRUCache } from "lru-cache";

/** Statements kept per connection. */
const KEPT_STATEMENTS = 500;

/** A dialect over an open connection; Kysely's `destroy()` closes it. */
export function sqliteDialect(connection: DatabaseSync): SqliteDialect {
  return new TransactionalDialect({ database: toDatabase(connection) });
}

function toDatabase(connection: DatabaseSync): SqliteDatabase {
  const kept = new LRUCache<string, SqliteStatement>({ max: KEPT_STATEMENTS });
  return {
    close: () => connection.close(),
    prepare(sql) {
      let statement = kept.get(sql);
      if (!statement) {
        statement = toStatement(connection.prepare(sql));
        kept.set(sql, statement);
      }
      return statement;
    },
  };
}

function toStatement(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...parameters.map(bind)),
    run: (parameters) => statement.run(...parameters.map(bind)),
    iterate: (parameters) => statement.iterate(...parameters.map(bind)),
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
