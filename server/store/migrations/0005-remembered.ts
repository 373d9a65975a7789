/** What is remembered of files and directories beside what their storage keeps: dead properties, and times and checksums (architecture.md §5). */
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("remembered")
    .addColumn("m", "integer", (c) => c.primaryKey().autoIncrement())
    .addColumn("storage_id", "integer", (c) => c.notNull().references("storage.id").onDelete("cascade"))
    .addColumn("n", "bigint", (c) => c.unique())
    .addColumn("tree", "bigint", (c) => c.notNull())
    .addColumn("id", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("size", "bigint")
    .addColumn("version", "text")
    .addColumn("dated", "double precision")
    .addColumn("modified_at", "double precision")
    .addColumn("hashes", "text")
    .addColumn("properties", "text")
    .addColumn("at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("remembered_id").on("remembered").columns(["storage_id", "id"]).execute();
}
