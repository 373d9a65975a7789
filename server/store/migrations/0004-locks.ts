/** Write locks of WebDAV clients, so that a restart takes none from whoever holds it (webdav.md §5.1). */
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("lock")
    .addColumn("token", "text", (c) => c.primaryKey())
    .addColumn("storage_id", "integer", (c) => c.notNull().references("storage.id").onDelete("cascade"))
    .addColumn("n", "bigint", (c) => c.notNull())
    .addColumn("entry_id", "text", (c) => c.notNull())
    .addColumn("path", "text", (c) => c.notNull())
    .addColumn("scope", "text", (c) => c.notNull().check(sql`scope in ('exclusive', 'shared')`))
    .addColumn("depth", "text", (c) => c.notNull().check(sql`depth in ('0', 'infinity')`))
    .addColumn("owner", "text", (c) => c.notNull())
    .addColumn("user_id", "integer", (c) => c.notNull())
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("lock_expires_at").on("lock").column("expires_at").execute();
}
