/** What came from another server, storages whose driver is not here yet, and what the owner has been told of. */
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("storage").addColumn("kept", "text").execute();
  await db.schema
    .createTable("imported")
    .addColumn("what", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("digest", "text", (c) => c.notNull())
    .addColumn("at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("imported_key", ["what", "name"])
    .execute();
  await db.schema
    .createTable("adopted_login")
    .addColumn("user_id", "integer", (c) => c.primaryKey().references("user.id").onDelete("cascade"))
    .addColumn("issued_until", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("ended_token")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("notice")
    .addColumn("subject", "text", (c) => c.primaryKey())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("at", "bigint", (c) => c.notNull())
    .addColumn("waiting", "text")
    .execute();
  await db.schema
    .createTable("notice_channel")
    .addColumn("kind", "text", (c) => c.primaryKey())
    .addColumn("settings", "text", (c) => c.notNull())
    .addColumn("secrets", "text")
    .addColumn("last_at", "bigint")
    .addColumn("last_error", "text")
    .execute();
}
