/** Long work that outlives requests and restarts, and what each task has to do. */
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("task")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("number", "integer", (c) => c.notNull().unique())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("user_id", "integer", (c) => c.notNull())
    .addColumn("creator", "text", (c) => c.notNull())
    .addColumn("role", "text", (c) => c.notNull())
    .addColumn("base_path", "text", (c) => c.notNull())
    .addColumn("permission", "integer", (c) => c.notNull())
    .addColumn("input", "text", (c) => c.notNull())
    .addColumn("step", "text", (c) => c.notNull())
    .addColumn("error", "text", (c) => c.notNull())
    .addColumn("error_kind", "text")
    .addColumn("error_class", "text")
    .addColumn("tries", "integer", (c) => c.notNull())
    .addColumn("next_at", "bigint")
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("started_at", "bigint")
    .addColumn("ended_at", "bigint")
    .addColumn("totals", "text", (c) => c.notNull())
    .addColumn("plan", "text")
    .execute();
  await db.schema.createIndex("task_state").on("task").columns(["state", "number"]).execute();
  await db.schema
    .createTable("task_item")
    .addColumn("task_id", "text", (c) => c.notNull().references("task.id").onDelete("cascade"))
    .addColumn("n", "integer", (c) => c.notNull())
    .addColumn("parent", "integer")
    .addColumn("path", "text", (c) => c.notNull())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("state", "text", (c) => c.notNull())
    .addColumn("way", "text", (c) => c.notNull())
    .addColumn("found", "text", (c) => c.notNull())
    .addColumn("made", "integer", (c) => c.notNull())
    .addColumn("size", "bigint")
    .addColumn("etag", "text")
    .addColumn("error", "text", (c) => c.notNull())
    .addColumn("error_kind", "text")
    .addPrimaryKeyConstraint("task_item_key", ["task_id", "n"])
    .execute();
  await db.schema.createIndex("task_item_state").on("task_item").columns(["task_id", "state", "n"]).execute();
  await db.schema.createIndex("task_item_parent").on("task_item").columns(["task_id", "parent"]).execute();
}
