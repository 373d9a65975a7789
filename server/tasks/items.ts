/** The files and directories of a task, each with how far it is: what makes a task go on after a restart where it was. */
import type { Kysely, Selectable } from "kysely";
import type { ErrorKind } from "#drivers/contract/errors.ts";
import type { Schema } from "../store/schema.ts";
import type { TaskItemTable } from "../store/tables/tasks.ts";
import type { Amount, FailedItem, Plan, Totals } from "./api.ts";
import type { Failure } from "./failure.ts";

/** `unlisted`: a directory whose entries are not known yet. `cleared`: moved away, and gone from where it was. */
export type ItemState = "unlisted" | "pending" | "done" | "skipped" | "cleared" | "failed";

export interface Item {
  readonly n: number;
  readonly parent: number | null;
  readonly path: string;
  readonly kind: "file" | "directory";
  readonly state: ItemState;
  /** `service` and `receive`: one call does it, with all that is in a directory. */
  readonly way: "service" | "receive" | "bytes" | "skip";
  readonly found: "nothing" | "other" | "equal";
  readonly made: boolean;
  readonly size: number | undefined;
  readonly etag: string | undefined;
}

export interface NewItem extends Pick<Item, "path" | "kind" | "state" | "way" | "found" | "size" | "etag"> {
  readonly failure?: Failure;
}

export interface ItemPatch {
  readonly state?: ItemState;
  readonly way?: Item["way"];
  readonly made?: boolean;
  readonly size?: number | undefined;
  readonly etag?: string | undefined;
  readonly failure?: Failure;
}

/** Rows of one statement. */
const ROWS_AT_ONCE = 500;

export class Items {
  readonly #db: Kysely<Schema>;
  readonly #taskId: string;
  #next: number | undefined;

  constructor(db: Kysely<Schema>, taskId: string) {
    this.#db = db;
    this.#taskId = taskId;
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#select().select("n").limit(1).executeTakeFirst()) === undefined;
  }

  /** Adds what there is at the top. */
  async addFirst(items: readonly NewItem[]): Promise<void> {
    await this.#insert(null, items);
  }

  /** Forgets what was added of directories that were not listed to their end. */
  async dropUnfinished(): Promise<void> {
    const unlisted = this.#select().select("n").where("state", "=", "unlisted");
    await this.#db
      .deleteFrom("task_item")
      .where("task_id", "=", this.#taskId)
      .where("parent", "in", unlisted)
      .execute();
  }

  /** Adds some of the entries of a directory, which is not listed yet. */
  async addSome(parent: Item, items: readonly NewItem[]): Promise<void> {
    await this.#insert(parent.n, items);
  }

  /** Adds the entries, or the last of them, of directories that are listed with them. */
  async addListed(listed: readonly (readonly [parent: Item, entries: readonly NewItem[]])[]): Promise<void> {
    if (listed.length === 0) return;
    await this.#countOn();
    const rows = listed.flatMap(([parent, entries]) => entries.map((entry) => this.#rowOf(parent.n, entry)));
    await this.#db.transaction().execute(async (db) => {
      for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
        await db
          .insertInto("task_item")
          .values(rows.slice(from, from + ROWS_AT_ONCE))
          .execute();
      }
      await this.#update(
        db,
        listed.map(([{ n }]) => n),
        { state: "pending" },
      );
    });
  }

  /** Items in a state, in order, from after `n`. */
  async inState(state: ItemState, after: number, limit = ROWS_AT_ONCE): Promise<readonly Item[]> {
    const query = this.#select().selectAll().where("state", "=", state).where("n", ">", after);
    return (await query.orderBy("n").limit(limit).execute()).map(toItem);
  }

  /** The files right in a directory in one of the states; `null`: those at the top. */
  async filesIn(parent: number | null, states: readonly ItemState[]): Promise<readonly Item[]> {
    const rows = await this.#select()
      .selectAll()
      .where("parent", parent === null ? "is" : "=", parent)
      .where("kind", "=", "file")
      .where("state", "in", states)
      .orderBy("n")
      .execute();
    return rows.map(toItem);
  }

  /** Directories in a state, in order, from after `n`. */
  async directoriesDown(state: ItemState, after: number): Promise<readonly Item[]> {
    const query = this.#select().selectAll().where("kind", "=", "directory").where("state", "=", state);
    return (await query.where("n", ">", after).orderBy("n").limit(ROWS_AT_ONCE).execute()).map(toItem);
  }

  /** Directories in a state, deepest first, from before `n`. */
  async directoriesUp(state: ItemState, before: number): Promise<readonly Item[]> {
    const query = this.#select().selectAll().where("kind", "=", "directory").where("state", "=", state);
    return (await query.where("n", "<", before).orderBy("n", "desc").limit(ROWS_AT_ONCE).execute()).map(toItem);
  }

  async update(n: number, patch: ItemPatch): Promise<void> {
    await this.updateAll([n], patch);
  }

  async updateAll(numbers: readonly number[], patch: ItemPatch): Promise<void> {
    await this.#update(this.#db, numbers, patch);
  }

  /** Changes many items, each in its own way, all or none. */
  async updateMany(changes: readonly (readonly [n: number, patch: ItemPatch])[]): Promise<void> {
    if (changes.length === 0) return;
    const alike = Map.groupBy(changes, ([, patch]) => JSON.stringify(patch));
    await this.#db.transaction().execute(async (db) => {
      for (const some of alike.values()) {
        await this.#update(
          db,
          some.map(([n]) => n),
          some[0]![1],
        );
      }
    });
  }

  /** A directory that cannot be made fails with all that goes into it. */
  async failBelow(directory: Item, failure: Failure): Promise<void> {
    const below = directory.path === "" ? "" : `${directory.path}/`;
    await this.#db
      .updateTable("task_item")
      .set({ state: "failed", error: failure.message, error_kind: failure.kind ?? null })
      .where("task_id", "=", this.#taskId)
      .where("state", "in", ["pending", "unlisted"])
      .where((eb) =>
        eb.or([
          eb("n", "=", directory.n),
          // "0" comes right after "/".
          ...(below === ""
            ? [eb("n", ">", directory.n)]
            : [eb.and([eb("path", ">", below), eb("path", "<", `${directory.path}0`)])]),
        ]),
      )
      .execute();
  }

  /** Gives what failed another chance. */
  async retryFailed(): Promise<void> {
    const set = (kind: "file" | "directory", state: ItemState) =>
      this.#db
        .updateTable("task_item")
        .set({ state, error: "", error_kind: null })
        .where("task_id", "=", this.#taskId)
        .where("state", "=", "failed")
        .where("kind", "=", kind);
    await set("file", "pending").execute();
    // One that was never listed is listed now; one that was is made again.
    const listed = this.#db
      .selectFrom("task_item")
      .select("parent")
      .where("task_id", "=", this.#taskId)
      .where("parent", "is not", null);
    await set("directory", "pending")
      .where("n", "in", listed as never)
      .execute();
    await set("directory", "unlisted").execute();
  }

  /** How many directories are done, and what was noted as their size in all. */
  async doneDirectories(): Promise<{ readonly count: number; readonly size: number }> {
    return this.#select()
      .select((eb) => [
        eb.fn.countAll<number>().as("count"),
        eb.fn.coalesce(eb.fn.sum<number>("size"), eb.lit(0)).as("size"),
      ])
      .where("state", "=", "done")
      .where("kind", "=", "directory")
      .executeTakeFirstOrThrow();
  }

  async failed(limit: number): Promise<readonly FailedItem[]> {
    const rows = await this.#select().selectAll().where("state", "=", "failed").orderBy("n").limit(limit).execute();
    return rows.map(({ path, error, error_kind }) => ({
      path,
      message: error,
      ...(error_kind !== null && { kind: error_kind as ErrorKind }),
    }));
  }

  async clear(): Promise<void> {
    await this.#db.deleteFrom("task_item").where("task_id", "=", this.#taskId).execute();
  }

  /** Sums of all items. */
  async totals(): Promise<Totals> {
    const totals = { files: 0, filesDone: 0, filesSkipped: 0, filesFailed: 0, directories: 0, bytes: 0, bytesDone: 0 };
    for (const { kind, state, way, count, bytes } of await this.#groups()) {
      if (kind === "directory" && way === "bytes") {
        totals.directories += count;
        continue;
      }
      totals.files += count;
      if (state === "skipped" || way === "skip") {
        totals.filesSkipped += count;
        continue;
      }
      totals.bytes += bytes;
      if (state === "failed") totals.filesFailed += count;
      if (state !== "done" && state !== "cleared") continue;
      totals.filesDone += count;
      totals.bytesDone += bytes;
    }
    return totals;
  }

  /** What goes which way, of all items. */
  async plan(): Promise<Plan> {
    const plan: Record<Item["way"], { files: number; bytes: number }> = {
      skip: { files: 0, bytes: 0 },
      service: { files: 0, bytes: 0 },
      receive: { files: 0, bytes: 0 },
      bytes: { files: 0, bytes: 0 },
    };
    for (const { kind, way, count, bytes } of await this.#groups()) {
      if (kind === "directory" && way === "bytes") continue;
      const amount = plan[way as Item["way"]];
      amount.files += count;
      amount.bytes += bytes;
    }
    return plan satisfies Record<Item["way"], Amount>;
  }

  #groups() {
    return this.#select()
      .select((eb) => [
        "kind",
        "state",
        "way",
        eb.fn.countAll<number>().as("count"),
        eb.fn.coalesce(eb.fn.sum<number>("size"), eb.lit(0)).as("bytes"),
      ])
      .groupBy(["kind", "state", "way"])
      .execute();
  }

  #select() {
    return this.#db.selectFrom("task_item").where("task_id", "=", this.#taskId);
  }

  async #update(db: Kysely<Schema>, numbers: readonly number[], { failure, made, ...rest }: ItemPatch): Promise<void> {
    if (numbers.length === 0) return;
    await db
      .updateTable("task_item")
      .set({
        ...rest,
        ...(made !== undefined && { made: made ? 1 : 0 }),
        ...(failure && { error: failure.message, error_kind: failure.kind ?? null }),
      })
      .where("task_id", "=", this.#taskId)
      .where("n", "in", numbers)
      .execute();
  }

  async #insert(parent: number | null, items: readonly NewItem[]): Promise<void> {
    await this.#countOn();
    const rows = items.map((item) => this.#rowOf(parent, item));
    for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
      await this.#db
        .insertInto("task_item")
        .values(rows.slice(from, from + ROWS_AT_ONCE))
        .execute();
    }
  }

  /** New items are counted on from the last. */
  async #countOn(): Promise<void> {
    if (this.#next !== undefined) return;
    const last = await this.#select()
      .select((eb) => eb.fn.max("n").as("n"))
      .executeTakeFirst();
    this.#next = 1 + (last?.n ?? 0);
  }

  #rowOf(parent: number | null, { failure, size, etag, ...item }: NewItem): TaskItemTable {
    return {
      ...item,
      task_id: this.#taskId,
      n: this.#next!++,
      parent,
      made: 0,
      size: size ?? null,
      etag: etag ?? null,
      error: failure?.message ?? "",
      error_kind: failure?.kind ?? null,
    };
  }
}

function toItem(row: Selectable<TaskItemTable>): Item {
  return {
    n: row.n,
    parent: row.parent,
    path: row.path,
    kind: row.kind as Item["kind"],
    state: row.state as ItemState,
    way: row.way as Item["way"],
    found: row.found as Item["found"],
    made: row.made !== 0,
    size: row.size ?? undefined,
    etag: row.etag ?? undefined,
  };
}
