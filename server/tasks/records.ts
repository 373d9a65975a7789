/** Tasks as they are kept: rows of the durable database, and what a row means. */
import type { Kysely, Selectable } from "kysely";
import type { ErrorKind } from "#drivers/contract/errors.ts";
import type { User } from "../auth/users.ts";
import type { Schema } from "../store/schema.ts";
import type { TaskTable } from "../store/tables/tasks.ts";
import {
  ENDED_STATES,
  type FailureClass,
  type Plan,
  type Task,
  type TaskQuery,
  type TaskState,
  type Totals,
} from "./api.ts";
import type { Asker } from "./asker.ts";

/** One task in memory. What changes is written to its row by `save`. */
export interface TaskRecord extends Asker {
  readonly id: string;
  readonly number: number;
  readonly kind: string;
  /** JSON. */
  readonly input: string;
  readonly createdAt: number;
  state: TaskState;
  step: string;
  error: Task["error"] | undefined;
  tries: number;
  nextAt: number | undefined;
  startedAt: number | undefined;
  endedAt: number | undefined;
  totals: Totals;
  plan: Plan | undefined;
}

/** Tasks that have ended are kept so long, in milliseconds, */
const KEPT_MS = 30 * 24 * 3600_000;
/** and so many. */
const MOST_KEPT = 10_000;

export class TaskRecords {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async insert(record: TaskRecord): Promise<void> {
    const { id, number, kind, input, userId, creator, role, basePath, permission, createdAt } = record;
    const fixed = { id, number, kind, input, user_id: userId, creator, role, base_path: basePath, permission };
    await this.#db
      .insertInto("task")
      .values({ ...fixed, created_at: createdAt, ...changing(record) })
      .execute();
  }

  async save(record: TaskRecord): Promise<void> {
    await this.#db.updateTable("task").set(changing(record)).where("id", "=", record.id).execute();
  }

  async get(id: string): Promise<TaskRecord | undefined> {
    const row = await this.#db.selectFrom("task").selectAll().where("id", "=", id).executeTakeFirst();
    return row && toRecord(row);
  }

  /** Those that have not ended, in the order of asking. */
  async open(): Promise<readonly TaskRecord[]> {
    const rows = this.#db
      .selectFrom("task")
      .selectAll()
      .where("state", "not in", [...ENDED_STATES]);
    return (await rows.orderBy("number").execute()).map(toRecord);
  }

  /** The newest of those that have ended, in the order of asking. */
  async ended({ kind, userId, limit }: TaskQuery & { readonly limit: number }): Promise<readonly TaskRecord[]> {
    let rows = this.#db
      .selectFrom("task")
      .selectAll()
      .where("state", "in", [...ENDED_STATES]);
    if (kind !== undefined) rows = rows.where("kind", "=", kind);
    if (userId !== undefined) rows = rows.where("user_id", "=", userId);
    return (await rows.orderBy("number", "desc").limit(limit).execute()).map(toRecord).reverse();
  }

  async remove(id: string): Promise<void> {
    await this.#db.deleteFrom("task").where("id", "=", id).execute();
  }

  /** Forgets what ended long ago, what is too much, and the items of tasks that are done. */
  async sweep(now: number): Promise<void> {
    const done = this.#db.selectFrom("task").select("id").where("state", "=", "succeeded");
    await this.#db.deleteFrom("task_item").where("task_id", "in", done).execute();
    const ended = () => this.#db.selectFrom("task").where("state", "in", [...ENDED_STATES]);
    const last = await ended().select("number").orderBy("number", "desc").offset(MOST_KEPT).limit(1).executeTakeFirst();
    await this.#db
      .deleteFrom("task")
      .where("state", "in", [...ENDED_STATES])
      // Content that waits keeps the task that is about it.
      .where("id", "not in", this.#db.selectFrom("pending_upload").select("id"))
      .where((eb) => eb.or([eb("ended_at", "<", now - KEPT_MS), eb("number", "<=", last?.number ?? -1)]))
      .execute();
  }
}

type Row = Selectable<TaskTable>;
type Changing = Pick<
  Row,
  | "state"
  | "step"
  | "error"
  | "error_kind"
  | "error_class"
  | "tries"
  | "next_at"
  | "started_at"
  | "ended_at"
  | "totals"
  | "plan"
>;

function changing({ state, step, error, tries, nextAt, startedAt, endedAt, totals, plan }: TaskRecord): Changing {
  return {
    state,
    step,
    error: error?.message ?? "",
    error_kind: error?.kind ?? null,
    error_class: error?.class ?? null,
    tries,
    next_at: nextAt ?? null,
    started_at: startedAt ?? null,
    ended_at: endedAt ?? null,
    totals: JSON.stringify(totals),
    plan: plan ? JSON.stringify(plan) : null,
  };
}

function toRecord(row: Row): TaskRecord {
  const error = row.error_class !== null && {
    message: row.error,
    ...(row.error_kind !== null && { kind: row.error_kind as ErrorKind }),
    class: row.error_class as FailureClass,
  };
  return {
    id: row.id,
    number: row.number,
    kind: row.kind,
    input: row.input,
    userId: row.user_id,
    creator: row.creator,
    role: row.role as User["role"],
    basePath: row.base_path,
    permission: row.permission,
    createdAt: row.created_at,
    state: row.state as TaskState,
    step: row.step,
    error: error || undefined,
    tries: row.tries,
    nextAt: row.next_at ?? undefined,
    startedAt: row.started_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
    totals: JSON.parse(row.totals) as Totals,
    plan: row.plan === null ? undefined : (JSON.parse(row.plan) as Plan),
  };
}
