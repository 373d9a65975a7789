/** How each storage is crawled for the index of names. */
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("crawl_rule")
    .addColumn("storage_id", "integer", (c) => c.primaryKey().references("storage.id").onDelete("cascade"))
    .addColumn("interval_ms", "bigint")
    .addColumn("rate", "integer")
    .addColumn("max_depth", "integer")
    .addColumn("include", "text", (c) => c.notNull().defaultTo(""))
    .addColumn("exclude", "text", (c) => c.notNull().defaultTo(""))
    .addColumn("begun_at", "bigint")
    .execute();
}
