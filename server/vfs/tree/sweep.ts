/** What is swept behind the tree's back: ended rows, orphans, dropped mounts, settled overlay rows; in pieces that leave the event loop free. */
import { setImmediate } from "node:timers/promises";
import type { MountContext, TreeCore } from "./core.ts";
import { isAheadOf, type LocalChange } from "./overlay.ts";
import { Pace, PIECE_ROWS, untilDone } from "./pieces.ts";
import { prepare, slot } from "./statement.ts";

/** How long a local change stays in the overlay at least, in milliseconds, so that a crash of the machine cannot take it from the tree. */
const KEPT_MS = 10 * 60_000;

/** Rows of a mount that are deleted in one transaction: each costs four index entries anywhere in the file. */
const PURGED_ROWS = 100;

export interface Sweeper {
  /** Sweeps all once. */
  sweep(): Promise<void>;
  /** Deletes what a dropped mount left behind. */
  purge(mountId: number): Promise<void>;
}

/** `contexts` are the open mounts by id; sweeping ends early once `signal` aborts. */
export function createSweeper(
  core: TreeCore,
  contexts: ReadonlyMap<number, MountContext>,
  signal: AbortSignal,
): Sweeper {
  const { file, rows } = core;
  const statements = prepareSweep(core);

  async function ended(): Promise<void> {
    for (let after = -1; !signal.aborted; ) {
      const directory = statements.endedIn.get(after)?.parent_n;
      if (directory === undefined) return;
      after = directory;
      await untilDone(file, new Pace(), () => {
        // Readers still page through the generation that these rows belong to.
        if (signal.aborted || core.readers.has(directory)) return false;
        const some = statements.ended.all(directory, rows.directory.get(directory)?.generation ?? 0, PIECE_ROWS);
        deleteRows(some);
        return some.length === PIECE_ROWS;
      });
      await setImmediate();
    }
  }

  async function orphans(): Promise<void> {
    for (let after = -1; !signal.aborted; ) {
      const orphan = statements.orphanAfter.get(after)?.n;
      if (orphan === undefined) return;
      after = orphan;
      await untilDone(file, new Pace(), () => {
        if (signal.aborted || core.readers.has(orphan)) return false;
        // It lives on in another place.
        if (rows.byNode.get(orphan)) return statements.deleteOrphan.run(orphan) < 0;
        // First what is known of its listing: should it come back, nobody may take half of it for all.
        statements.deleteDirectory.run(orphan);
        const some = statements.below.all(orphan, PIECE_ROWS);
        deleteRows(some);
        if (some.some((row) => row.is_directory && row.n < orphan)) after = -1;
        if (some.length < PIECE_ROWS) statements.deleteOrphan.run(orphan);
        return some.length === PIECE_ROWS;
      });
      const changes = [...(core.overlay.in(orphan)?.values() ?? [])].filter((change) => change.state !== "pending");
      if (changes.length > 0 && !rows.byNode.get(orphan)) await core.overlay.drop(changes);
      await setImmediate();
    }
  }

  function deleteRows(some: readonly { r: number; n: number; is_directory: number }[]): void {
    for (const row of some) {
      rows.delete.run(row.r);
      if (row.is_directory) rows.addOrphan.run(row.n);
    }
  }

  async function purge(mountId: number): Promise<void> {
    const pace = new Pace();
    for (const table of [statements.entries, statements.directories]) {
      let after = -1;
      await untilDone(file, pace, () => {
        if (signal.aborted) return false;
        const range = table.range.all(after, PURGED_ROWS);
        const last = range.at(-1)?.key;
        if (last === undefined) return false;
        table.delete.run(mountId, after, last);
        after = last;
        return true;
      });
    }
    rows.directory.forgetAll();
    if (!signal.aborted) statements.forgetMount.run(mountId);
  }

  async function overlay(): Promise<void> {
    const now = core.clock.now();
    const settled = core.overlay.all().filter((change) => isSettled(change, now));
    if (file.checkpoint() && settled.length > 0) await core.overlay.drop(settled);
  }

  function isSettled(change: LocalChange, now: number): boolean {
    const context = contexts.get(change.mountId);
    if (!context || change.state !== "committed" || now - change.at < KEPT_MS) return false;
    const settles = context.traits.settlesWithinMs ?? 0;
    const listing = core.active.get(change.parentN);
    return !isAheadOf(change, now, settles) && !(listing && isAheadOf(change, listing.startedAt, settles));
  }

  return {
    async sweep() {
      await ended();
      await orphans();
      for (const { mount_id } of statements.dropped.all()) await purge(mount_id);
      if (!signal.aborted) await overlay();
    },
    purge,
  };
}

function prepareSweep({ file: { connection, db }, rows }: TreeCore) {
  return {
    endedIn: prepare(
      connection,
      db
        .selectFrom("entry")
        .select("parent_n")
        .where("until", "is not", null)
        .where("parent_n", ">", slot(0))
        .orderBy("parent_n")
        .limit(1),
    ),
    ended: prepare(
      connection,
      db
        .selectFrom("entry")
        .select(["r", "n", "is_directory"])
        .where("until", "is not", null)
        .where("parent_n", "=", slot(0))
        .where("until", "<=", slot(1))
        .limit(slot<number>(2)),
    ),
    below: prepare(
      connection,
      db.selectFrom("entry").select(["r", "n", "is_directory"]).where("parent_n", "=", slot(0)).limit(slot<number>(1)),
    ),
    orphanAfter: prepare(
      connection,
      db.selectFrom("orphan").select("n").where("n", ">", slot(0)).orderBy("n").limit(1),
    ),
    deleteOrphan: prepare(connection, db.deleteFrom("orphan").where("n", "=", slot(0))),
    deleteDirectory: rows.directory.changedBy(prepare(connection, db.deleteFrom("directory").where("n", "=", slot(0)))),
    dropped: prepare(connection, db.selectFrom("dropped_mount").select("mount_id")),
    forgetMount: prepare(connection, db.deleteFrom("dropped_mount").where("mount_id", "=", slot(0))),
    entries: {
      range: prepare(
        connection,
        db.selectFrom("entry").select("r as key").where("r", ">", slot(0)).orderBy("r").limit(slot<number>(1)),
      ),
      delete: prepare(
        connection,
        db.deleteFrom("entry").where("mount_id", "=", slot(0)).where("r", ">", slot(1)).where("r", "<=", slot(2)),
      ),
    },
    directories: {
      range: prepare(
        connection,
        db.selectFrom("directory").select("n as key").where("n", ">", slot(0)).orderBy("n").limit(slot<number>(1)),
      ),
      delete: prepare(
        connection,
        db.deleteFrom("directory").where("mount_id", "=", slot(0)).where("n", ">", slot(1)).where("n", "<=", slot(2)),
      ),
    },
  };
}
