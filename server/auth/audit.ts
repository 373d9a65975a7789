/** The record of what an owner may want to look up later: logins, changes of rights and storages, deletions. Bounded, and never in the way of what it records. */
import type { Clock, Log } from "#drivers/contract/driver.ts";
import type { Store } from "../store/store.ts";

/** One thing that happened. */
export interface AuditEvent {
  /** `login`, `user.create`, `file.remove`, … */
  readonly action: string;
  readonly ok: boolean;
  /** Name of who did it, or of who he said he was. */
  readonly user?: string;
  /** IP address. */
  readonly address?: string;
  /** What it was done to: a name, an id, a path; never a secret. */
  readonly subject?: string;
}

/** One row of the record. */
export interface AuditRow extends Required<AuditEvent> {
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface AuditQuery {
  /** Rows older than the one with this id. */
  readonly before?: number;
  readonly limit: number;
  /** An action (`login`), or a group of them (`user` for `user.create` and its like). */
  readonly action?: string;
  readonly user?: string;
}

export interface Audit {
  /** Returns at once; the row is durable a moment later. */
  record(event: AuditEvent): void;
  /** Newest first. */
  list(query: AuditQuery): Promise<AuditRow[]>;
  /** Writes what waits. */
  close(): Promise<void>;
}

/** Rows that are written together, for each write waits for the disk. */
const GATHER_MS = 150;
/** More than this waits nowhere: guesses that come faster than the disk are only counted. */
const MOST_WAITING = 2_000;
/** Failures have a room of their own: whoever guesses passwords must not push out what others did. */
const MOST_ROWS = { ok: 20_000, failed: 5_000 } as const;
const KEEP_MS = 365 * 86_400_000;
/** Rows between two looks at what is too old or too many. */
const SWEEP_EVERY = 500;
/** Longest text in a row, in UTF-16 units. */
const MAX_TEXT = 1_024;

interface Waiting {
  readonly at: number;
  readonly action: string;
  readonly ok: number;
  readonly user: string;
  readonly address: string;
  readonly subject: string;
}

/** The record in a store. */
export function openAudit({ db }: Pick<Store, "db">, clock: Clock, log: Log): Audit {
  let waiting: Waiting[] = [];
  let left = 0;
  let sinceSweep = SWEEP_EVERY;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const rows = waiting;
    waiting = [];
    if (rows.length > 0) writing = writing.then(() => write(rows));
    return writing;
  }

  async function write(rows: readonly Waiting[]): Promise<void> {
    try {
      if (left > 0) log.warn({ left }, "attempts to log in came faster than they could be recorded");
      left = 0;
      await db.transaction().execute(async (t) => {
        for (let at = 0; at < rows.length; at += 100) {
          await t
            .insertInto("audit")
            .values(rows.slice(at, at + 100))
            .execute();
        }
      });
      sinceSweep += rows.length;
      if (sinceSweep >= SWEEP_EVERY) {
        sinceSweep = 0;
        await sweep();
      }
    } catch (error) {
      log.warn({ err: error, rows: rows.length }, "what happened could not be recorded");
    }
  }

  async function sweep(): Promise<void> {
    await db
      .deleteFrom("audit")
      .where("at", "<", clock.now() - KEEP_MS)
      .execute();
    for (const [ok, most] of [
      [1, MOST_ROWS.ok],
      [0, MOST_ROWS.failed],
    ] as const) {
      const last = await db
        .selectFrom("audit")
        .select("id")
        .where("ok", "=", ok)
        .orderBy("id", "desc")
        .offset(most)
        .limit(1)
        .executeTakeFirst();
      if (last) await db.deleteFrom("audit").where("ok", "=", ok).where("id", "<=", last.id).execute();
    }
  }

  return {
    record({ action, ok, user = "", address = "", subject = "" }) {
      if (!ok && waiting.length >= MOST_WAITING) {
        left++;
        return;
      }
      waiting.push({
        at: clock.now(),
        action,
        ok: ok ? 1 : 0,
        user: clean(user),
        address: clean(address),
        subject: clean(subject),
      });
      timer ??= setTimeout(flush, GATHER_MS).unref();
    },
    async list({ before, limit, action, user }) {
      await flush();
      let query = db.selectFrom("audit").selectAll().orderBy("id", "desc").limit(limit);
      if (before !== undefined) query = query.where("id", "<", before);
      if (user !== undefined) query = query.where("user", "=", user);
      if (action !== undefined) {
        query = query.where((eb) =>
          // "/" follows "." in ASCII: all that begin with the group's name and a point.
          eb.or([
            eb("action", "=", action),
            eb.and([eb("action", ">", `${action}.`), eb("action", "<", `${action}/`)]),
          ]),
        );
      }
      return (await query.execute()).map((row) => ({ ...row, ok: row.ok === 1 }));
    },
    close: () => flush(),
  };
}

/** One line that SQLite can store: names that people make up may hold anything. */
function clean(text: string): string {
  return text
    .slice(0, MAX_TEXT)
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "�");
}
