/** The tree's file as the first release made it. */
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("entry")
    .addColumn("r", "integer", (c) => c.primaryKey())
    .addColumn("n", "bigint", (c) => c.notNull())
    .addColumn("parent_n", "bigint", (c) => c.notNull())
    .addColumn("mount_id", "integer", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("raw", "text")
    .addColumn("id", "text")
    .addColumn("is_directory", "integer", (c) => c.notNull())
    .addColumn("size", "bigint")
    .addColumn("size_is", "text")
    .addColumn("modified_at", "double precision")
    .addColumn("created_at", "double precision")
    .addColumn("version", "text")
    .addColumn("hashes", "text")
    .addColumn("detail", "text")
    .addColumn("pending", "integer", (c) => c.notNull())
    .addColumn("since", "bigint", (c) => c.notNull())
    .addColumn("until", "bigint")
    .execute();
  await db.schema.createIndex("entry_name").on("entry").columns(["parent_n", "name"]).execute();
  await db.schema.createIndex("entry_n").on("entry").column("n").execute();
  await db.schema
    .createIndex("entry_id")
    .on("entry")
    .columns(["id", "mount_id"])
    .where(sql.ref("id"), "is not", null)
    .execute();
  await db.schema
    .createIndex("entry_ended")
    .on("entry")
    .column("parent_n")
    .where(sql.ref("until"), "is not", null)
    .execute();
  await db.schema
    .createTable("directory")
    .addColumn("n", "integer", (c) => c.primaryKey())
    .addColumn("mount_id", "integer", (c) => c.notNull())
    .addColumn("generation", "bigint", (c) => c.notNull())
    .addColumn("listed_at", "double precision")
    .addColumn("version", "bigint", (c) => c.notNull())
    .addColumn("count", "bigint", (c) => c.notNull())
    .addColumn("staging", "bigint")
    .execute();
  await db.schema
    .createTable("packed")
    .addColumn("n", "integer", (c) => c.primaryKey().references("directory.n").onDelete("cascade"))
    .addColumn("version", "bigint", (c) => c.notNull())
    .addColumn("body", "text", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("orphan")
    .addColumn("n", "integer", (c) => c.primaryKey())
    .execute();
  await db.schema
    .createTable("dropped_mount")
    .addColumn("mount_id", "integer", (c) => c.primaryKey())
    .execute();
}
