/** The tree's file: opened, brought to the newest schema, or set aside and made anew. */
import { renameSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import type { Log } from "#drivers/contract/driver.ts";
import { migrate } from "../../store/migrate.ts";
import { sqliteDialect } from "../../store/sqlite.ts";
import { migrations } from "./migrations/index.ts";
import type { TreeSchema } from "./schema.ts";

/** The open file. One connection both reads and writes: its statements are synchronous, so a reader never meets half a transaction. */
export interface TreeFile {
  readonly db: Kysely<TreeSchema>;
  readonly connection: DatabaseSync;
  /** Runs `work`, which must not await, in one transaction. */
  transaction<T>(work: () => T): T;
  /** Called after every transaction that was undone: what was remembered of rows may be of it. */
  onRollback(forget: () => void): void;
  /** Moves the log into the file; true when all of it is there, on the disk. */
  checkpoint(): boolean;
  close(): Promise<void>;
}

/** Opens the file. One that cannot be used (damaged, or of a newer version) is renamed to `<path>.set-aside`: all in it can be listed again. */
export async function openTreeFile(path: string, log: Log): Promise<TreeFile> {
  try {
    return await open(path);
  } catch (error) {
    log.warn(
      { file: path, setAside: `${path}.set-aside`, error: error instanceof Error ? error.message : String(error) },
      "the tree file cannot be used: it was set aside, and directories will be listed again",
    );
    for (const suffix of ["", "-wal", "-shm"]) {
      rmSync(`${path}.set-aside${suffix}`, { force: true });
      try {
        renameSync(path + suffix, `${path}.set-aside${suffix}`);
      } catch (missing) {
        if ((missing as NodeJS.ErrnoException).code !== "ENOENT") throw missing;
      }
    }
    return await open(path);
  }
}

async function open(path: string): Promise<TreeFile> {
  const connection = new DatabaseSync(path);
  const db = new Kysely<TreeSchema>({ dialect: sqliteDialect(connection) });
  try {
    connection.exec("pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 5000;");
    await migrate(db, migrations, "the tree file");
    // Damage at the roots of tables and indices shows here; reading all pages would cost seconds.
    connection.exec("select * from entry order by parent_n, name limit 1; select * from directory limit 1;");
  } catch (error) {
    await db.destroy().catch(() => connection.close());
    if (connection.isOpen) connection.close();
    throw error;
  }
  const begin = connection.prepare("begin");
  const commit = connection.prepare("commit");
  const rollback = connection.prepare("rollback");
  const forgetters: (() => void)[] = [];
  const checkpoint = connection.prepare("pragma wal_checkpoint(passive)");
  return {
    db,
    connection,
    transaction(work) {
      begin.run();
      try {
        const result = work();
        commit.run();
        return result;
      } catch (error) {
        if (connection.isTransaction) rollback.run();
        for (const forget of forgetters) forget();
        throw error;
      }
    },
    onRollback: (forget) => void forgetters.push(forget),
    checkpoint() {
      const row = checkpoint.get() as { busy: number; log: number; checkpointed: number };
      return row.busy === 0 && row.log === row.checkpointed;
    },
    async close() {
      await db.destroy();
      if (connection.isOpen) connection.close();
    },
  };
}
