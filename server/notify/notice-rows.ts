/** How everything is that the owner was told of, and what he is still to be told: it outlives restarts. */
import { z } from "zod";
import type { Log } from "#drivers/contract/driver.ts";
import type { Store } from "../store/store.ts";
import type { Notice, NoticeState } from "./notifier.ts";

/** Longest that a failed task's row is kept after it was told of: retried ones are told of anew, and old ones are gone. */
const TASKS_KEPT_MS = 30 * 86_400_000;

/** A notice that some channels have not delivered yet. */
export interface Waiting {
  readonly notice: Notice;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Kinds of the channels that have not. */
  readonly left: readonly string[];
}

export interface NoticeRow {
  readonly state: NoticeState;
  readonly waiting?: Waiting;
}

export interface NoticeRows {
  readonly all: ReadonlyMap<string, NoticeRow>;
  /** Known at once, durable soon. A row that says nothing is forgotten. Never throws. */
  set(key: string, row: NoticeRow, at: number): void;
  delete(key: string): void;
  /** Resolves when all is written. */
  settled(): Promise<void>;
}

const waitingSchema = z.object({
  notice: z.custom<Notice>((value) => typeof value === "object" && value !== null),
  at: z.number(),
  left: z.array(z.string()),
});

/** The rows of a store. */
export async function openNoticeRows({ db }: Pick<Store, "db">, now: number, log: Log): Promise<NoticeRows> {
  await db
    .deleteFrom("notice")
    .where("subject", "like", "task:%")
    .where("waiting", "is", null)
    .where("at", "<", now - TASKS_KEPT_MS)
    .execute();
  const all = new Map<string, NoticeRow>();
  for (const { subject, state, waiting } of await db.selectFrom("notice").selectAll().execute()) {
    const parsed = waiting === null ? undefined : waitingSchema.safeParse(JSON.parse(waiting)).data;
    all.set(subject, { state: state as NoticeState, ...(parsed && { waiting: parsed }) });
  }
  let last: Promise<void> = Promise.resolve();
  const write = (key: string, run: () => Promise<unknown>) => {
    last = last.then(run).then(
      () => {},
      (error: unknown) => log.warn({ err: error, subject: key }, "a notice could not be written down"),
    );
  };
  const remove = (key: string) => {
    if (!all.delete(key)) return;
    write(key, () => db.deleteFrom("notice").where("subject", "=", key).execute());
  };
  return {
    all,
    set(key, row, at) {
      if (row.state === "ok" && !row.waiting) return remove(key);
      all.set(key, row);
      const values = { state: row.state, at, waiting: row.waiting ? JSON.stringify(row.waiting) : null };
      write(key, () =>
        db
          .insertInto("notice")
          .values({ subject: key, ...values })
          .onConflict((c) => c.column("subject").doUpdateSet(values))
          .execute(),
      );
    },
    delete: remove,
    settled: () => last,
  };
}
