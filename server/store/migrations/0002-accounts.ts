/** Logins at services, and which storage uses which. */
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("account")
    .addColumn("id", "integer", (c) => c.primaryKey())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("user_id", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("credential", "text")
    .addColumn("health", "text", (c) => c.notNull())
    .addColumn("until", "bigint")
    .addColumn("reason", "text")
    .addColumn("rate", "double precision")
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("modified_at", "bigint", (c) => c.notNull())
    .addUniqueConstraint("account_identity", ["kind", "user_id"])
    .execute();
  await db.schema
    .alterTable("storage")
    .addColumn("account_id", "integer", (c) => c.references("account.id").onDelete("restrict"))
    .execute();
}
