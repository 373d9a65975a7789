/** Content that was accepted and waits in the spool for its upload; how a storage answers writes; the etag that a file keeps when its upload ends (architecture.md §6). */
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("pending_upload")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("storage_id", "integer", (c) => c.notNull())
    .addColumn("inside", "text", (c) => c.notNull())
    .addColumn("moving_to", "text")
    .addColumn("removing", "integer", (c) => c.notNull().defaultTo(0))
    .addColumn("raw_name", "text", (c) => c.notNull())
    .addColumn("size", "bigint", (c) => c.notNull())
    .addColumn("hashes", "text", (c) => c.notNull())
    .addColumn("claimed", "integer", (c) => c.notNull())
    .addColumn("modified_at", "bigint", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("base", "text")
    .addColumn("leftover", "text")
    .addColumn("conflict", "text", (c) => c.notNull())
    .addColumn("user_id", "integer")
    .addColumn("at", "bigint", (c) => c.notNull())
    .addColumn("started", "integer", (c) => c.notNull().defaultTo(0))
    .addColumn("failure", "text")
    .execute();
  await db.schema.alterTable("storage").addColumn("write_mode", "text").execute();
  await db.schema.alterTable("storage").addColumn("reply_within", "bigint").execute();
  await db.schema.alterTable("remembered").addColumn("etag", "text").execute();
}
