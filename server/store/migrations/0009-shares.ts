/** What users share with whoever has the address (OpenList's shares, alist-api.md §14). */
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  const text = (name: string) => [name, "text"] as const;
  let table = db.schema
    .createTable("share")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("user_id", "integer", (c) => c.notNull().references("user.id").onDelete("cascade"))
    .addColumn("files", "text", (c) => c.notNull())
    .addColumn("code", "text")
    .addColumn("expires_at", "bigint")
    .addColumn("accessed", "integer", (c) => c.notNull().defaultTo(0))
    .addColumn("max_accessed", "integer", (c) => c.notNull().defaultTo(0))
    .addColumn("disabled", "integer", (c) => c.notNull().defaultTo(0).check(sql`disabled in (0, 1)`))
    .addColumn("created_at", "bigint", (c) => c.notNull());
  for (const [name, type] of ["remark", "readme", "header"].map(text)) {
    table = table.addColumn(name, type, (c) => c.notNull().defaultTo(""));
  }
  await table.execute();
  await db.schema.createIndex("share_user_id").on("share").column("user_id").execute();
}
