/** Second factors, API tokens, and the rules of folders (AList's metas). */
import { type ColumnDefinitionBuilder, type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("user").addColumn("totp", "text").execute();
  await db.schema
    .alterTable("user")
    .addColumn("totp_step", "bigint", (c) => c.notNull().defaultTo(0))
    .execute();
  await db.schema
    .createTable("api_token")
    .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
    .addColumn("user_id", "integer", (c) => c.notNull().references("user.id").onDelete("cascade"))
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("hash", "text", (c) => c.notNull().unique())
    .addColumn("scope", "text", (c) => c.notNull().check(sql`scope in ('read', 'write', 'admin')`))
    .addColumn("path", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("expires_at", "bigint")
    .addColumn("last_used_at", "bigint")
    .execute();
  await db.schema.createIndex("api_token_user_id").on("api_token").column("user_id").execute();
  const flag = (c: ColumnDefinitionBuilder) => c.notNull().defaultTo(0);
  await db.schema
    .createTable("meta")
    .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
    .addColumn("path", "text", (c) => c.notNull().unique())
    .addColumn("password", "text")
    .addColumn("p_sub", "integer", flag)
    .addColumn("write", "integer", flag)
    .addColumn("w_sub", "integer", flag)
    .addColumn("hide", "text", (c) => c.notNull().defaultTo(""))
    .addColumn("h_sub", "integer", flag)
    .addColumn("readme", "text", (c) => c.notNull().defaultTo(""))
    .addColumn("r_sub", "integer", flag)
    .addColumn("header", "text", (c) => c.notNull().defaultTo(""))
    .addColumn("header_sub", "integer", flag)
    .execute();
}
