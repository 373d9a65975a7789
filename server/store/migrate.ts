/** Forward-only migrations, and the refusal of a database that a newer version wrote. */
import type { Kysely } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { StorageError } from "#drivers/contract/errors.ts";

export type Migrations = Readonly<Record<string, Pick<Migration, "up">>>;

/** Brings a database to the newest of `migrations`. Throws `invalid-config` when it holds one that is not among them; `what` names it for people. */
export async function migrate<Schema>(db: Kysely<Schema>, migrations: Migrations, what: string): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  await refuseNewer(db, migrations, what);
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

async function refuseNewer<Schema>(db: Kysely<Schema>, migrations: Migrations, what: string): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === "kysely_migration")) return;
  const applied = await (db as unknown as Kysely<{ kysely_migration: { name: string } }>)
    .selectFrom("kysely_migration")
    .select("name")
    .execute();
  const newer = applied.find((row) => !(row.name in migrations));
  if (newer) {
    throw new StorageError(
      "invalid-config",
      `${what} was written by a newer version of Pandav (it knows "${newer.name}"): start that version, or name another folder with --data`,
    );
  }
}
