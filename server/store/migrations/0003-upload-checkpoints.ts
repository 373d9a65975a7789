/** Where uploads keep how far they are, so that the same file sent again goes on where it was (architecture.md §3, §6). */
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("upload_checkpoint")
    .addColumn("storage_id", "integer", (c) => c.notNull().references("storage.id").onDelete("cascade"))
    .addColumn("parent_id", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("size", "bigint", (c) => c.notNull())
    .addColumn("identity", "text", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("upload_checkpoint_key", ["storage_id", "parent_id", "name", "size", "identity"])
    .execute();
  await db.schema.createIndex("upload_checkpoint_at").on("upload_checkpoint").column("at").execute();
}
