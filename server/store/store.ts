/** The durable database of one data folder: what must survive a power cut. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations/index.ts";
import type { Schema } from "./schema.ts";
import { sqliteDialect } from "./sqlite.ts";

export interface Store {
  readonly dataDir: string;
  readonly db: Kysely<Schema>;
  /** The connection under `db`, for hot paths that run compiled queries, not changes, synchronously. Never inside a Kysely transaction. */
  readonly connection: DatabaseSync;
  /** Grows with every statement through `db` that is no query, the end of a transaction included: what was read before may have changed since. */
  readonly changes: () => number;
  /** The first of `count` numbers that nobody was given before. */
  takeBlock(counter: string, count: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens `<dataDir>/pandav.db`, makes it where it is missing and brings it to the newest schema.
 * Throws StorageError `invalid-config` when a newer version wrote it.
 */
export async function openStore(dataDir: string): Promise<Store> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const connection = new DatabaseSync(join(dataDir, "pandav.db"));
  connection.exec("pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000;");
  let changes = 0;
  const db = new Kysely<Schema>({ dialect: sqliteDialect(connection, () => void changes++) });
  try {
    await migrate(db, migrations, "the data folder");
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    dataDir,
    db,
    connection,
    changes: () => changes,
    async takeBlock(counter, count) {
      const row = await db
        .insertInto("counter")
        .values({ name: counter, next: 1 + count })
        .onConflict((c) => c.column("name").doUpdateSet((eb) => ({ next: eb("counter.next", "+", count) })))
        .returning("next")
        .executeTakeFirstOrThrow();
      return row.next - count;
    },
    close: () => db.destroy(),
  };
}
