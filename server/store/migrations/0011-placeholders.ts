/** Placeholders: files that we keep in the place of a service, their content in their overlay row; and whether a storage has them (webdav.md §5). */
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("overlay").addColumn("content", "text").execute();
  await db.schema
    .alterTable("storage")
    .addColumn("placeholders", "text", (c) => c.notNull().defaultTo("auto"))
    .execute();
}
