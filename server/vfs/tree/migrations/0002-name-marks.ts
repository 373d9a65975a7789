/** Which names an index beside the tree has to look at again (decision 0022). Nothing is written here before an index asks for it. */
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("name_mark")
    .addColumn("seq", "integer", (c) => c.primaryKey())
    .addColumn("n", "bigint", (c) => c.notNull())
    .execute();
}
