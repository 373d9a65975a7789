/** The durable database as the first release made it. */
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("setting")
    .addColumn("key", "text", (c) => c.primaryKey())
    .addColumn("value", "text", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("counter")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("next", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("storage")
    .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
    .addColumn("mount_path", "text", (c) => c.notNull().unique())
    .addColumn("driver", "text", (c) => c.notNull())
    .addColumn("settings", "text", (c) => c.notNull())
    .addColumn("sort_order", "integer", (c) => c.notNull().defaultTo(0))
    .addColumn("remark", "text", (c) => c.notNull().defaultTo(""))
    .addColumn("disabled", "integer", (c) => c.notNull().defaultTo(0))
    .addColumn("freshness", "text")
    .addColumn("delivery", "text", (c) => c.notNull().defaultTo("auto"))
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("modified_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("storage_state")
    .addColumn("storage_id", "integer", (c) => c.notNull().references("storage.id").onDelete("cascade"))
    .addColumn("key", "text", (c) => c.notNull())
    .addColumn("value", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("storage_state_key", ["storage_id", "key"])
    .execute();
  await db.schema
    .createTable("user")
    .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
    .addColumn("name", "text", (c) => c.notNull().unique())
    .addColumn("password", "text", (c) => c.notNull())
    .addColumn("password_changed_at", "bigint", (c) => c.notNull().defaultTo(0))
    .addColumn("role", "text", (c) => c.notNull().check(sql`role in ('admin', 'general', 'guest')`))
    .addColumn("base_path", "text", (c) => c.notNull().defaultTo("/"))
    .addColumn("permission", "integer", (c) => c.notNull().defaultTo(0))
    .addColumn("disabled", "integer", (c) => c.notNull().defaultTo(0))
    .execute();
  await db.schema
    .createTable("session")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("user_id", "integer", (c) => c.notNull().references("user.id").onDelete("cascade"))
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .addColumn("last_used_at", "bigint", (c) => c.notNull())
    .addColumn("user_agent", "text", (c) => c.notNull().defaultTo(""))
    .execute();
  await db.schema.createIndex("session_expires_at").on("session").column("expires_at").execute();
  await db.schema
    .createTable("overlay")
    .addColumn("storage_id", "integer", (c) => c.notNull())
    .addColumn("parent_n", "bigint", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("n", "bigint", (c) => c.notNull())
    .addColumn("op", "text", (c) => c.notNull().check(sql`op in ('put', 'remove')`))
    .addColumn("entry", "text")
    .addColumn("state", "text", (c) => c.notNull().check(sql`state in ('pending', 'committed')`))
    .addColumn("at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("overlay_key", ["parent_n", "name"])
    .execute();
  await db.schema
    .createTable("replacement")
    .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
    .addColumn("storage_id", "integer", (c) => c.notNull().references("storage.id").onDelete("cascade"))
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("at", "bigint", (c) => c.notNull())
    .execute();
}
