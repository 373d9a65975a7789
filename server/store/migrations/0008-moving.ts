/** Moves on their way, so that a crash parts nothing from what is remembered of it. */
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("moving")
    .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
    .addColumn("storage_id", "integer", (c) => c.notNull().references("storage.id").onDelete("cascade"))
    .addColumn("state", "text", (c) => c.notNull())
    .execute();
}
