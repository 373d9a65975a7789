/** The statements over the tree's rows, built and compiled once. */
import type { SQLInputValue } from "node:sqlite";
import { sql } from "kysely";
import { LRUCache } from "lru-cache";
import type { TreeFile } from "./file.ts";
import {
  COLUMNS,
  DIRECTORY_COLUMNS,
  type DirectoryRow,
  type DirectoryTuple,
  directoryOf,
  type NewRow,
  NODE_COLUMNS,
  type NodeTuple,
} from "./rows.ts";
import { keptByKey, prepare, prepareTuples, slot } from "./statement.ts";

/** All statements of the tree, prepared on its connection. */
export type Rows = ReturnType<typeof prepareRows>;

/** Rows of directories kept in memory: every answer about a directory begins with its row. */
const KEPT_DIRECTORIES = 10_000;

/** Directories that were never listed whose children are kept as they are found: those that somebody is copying into. */
const KEPT_UNLISTED = 256;

/** `touched` is called after every change that may concern a name. */
export function prepareRows({ db, connection, onRollback }: TreeFile, touched: () => void) {
  const generation = sql<number>`coalesce(d.generation, 0)`;
  const visible = db
    .selectFrom("entry as e")
    .leftJoin("directory as d", "d.n", "e.parent_n")
    .selectAll("e")
    .where("e.since", "<=", generation)
    .where((eb) => eb.or([eb("e.until", "is", null), eb("e.until", ">", generation)]));
  const visibleAt = db
    .selectFrom("entry")
    .select(NODE_COLUMNS)
    .where("parent_n", "=", slot(0))
    .where("since", "<=", slot(1))
    .where((eb) => eb.or([eb("until", "is", null), eb("until", ">", slot<number>(1))]));
  const current = db.selectFrom("entry").selectAll().where("until", "is", null);
  const insert = prepare(
    connection,
    db.insertInto("entry").values(Object.fromEntries(COLUMNS.map((c, i) => [c, slot(i)])) as unknown as NewRow),
  );
  const replace = prepare(
    connection,
    db
      .updateTable("entry")
      .set(Object.fromEntries(COLUMNS.map((c, i) => [c, slot(i)])) as unknown as NewRow)
      .where("r", "=", slot(COLUMNS.length)),
  );
  const remove = prepare(connection, db.deleteFrom("entry").where("r", "=", slot(0)));
  const valuesOf = (row: NewRow) => COLUMNS.map((c) => row[c] as SQLInputValue);
  const directory = keptByKey(
    prepare(connection, db.selectFrom("directory").selectAll().where("n", "=", slot(0))),
    KEPT_DIRECTORIES,
  );
  onRollback(directory.forgetAll);
  /** By directory, children by name; null: there is none. Nothing counts the versions of a directory that has no row of its own. */
  const inUnlisted = new LRUCache<number, Map<string, NodeTuple | null>>({ max: KEPT_UNLISTED });
  const newDirectory = directory.changedBy(
    prepare(
      connection,
      db.insertInto("directory").values({
        n: slot(0),
        mount_id: slot(1),
        generation: 0,
        listed_at: null,
        version: 0,
        count: 0,
        staging: null,
      }),
    ),
  );
  const touch = directory.changedBy(
    prepare(
      connection,
      db
        .updateTable("directory")
        .set((eb) => ({ version: eb("version", "+", 1), count: eb("count", "+", slot<number>(1)) }))
        .where("n", "=", slot(0)),
    ),
  );
  const directoriesAfter = prepare(
    connection,
    db
      .selectFrom("entry as e")
      .leftJoin("directory as d", "d.n", "e.n")
      .selectAll("d")
      .where("e.parent_n", "=", slot(0))
      .where("e.since", "<=", slot(1))
      .where((eb) => eb.or([eb("e.until", "is", null), eb("e.until", ">", slot<number>(1))]))
      .where("e.name", ">", slot(3))
      .orderBy("e.name")
      .limit(slot<number>(2)),
  );
  const childAndDirectory = prepareTuples<readonly [...NodeTuple, ...DirectoryTuple]>(
    connection,
    db
      .selectFrom("entry as e")
      .leftJoin("directory as d", "d.n", "e.n")
      .select(NODE_COLUMNS.map((column) => `e.${column}` as const))
      .select(DIRECTORY_COLUMNS.map((column) => `d.${column} as d_${column}` as const))
      .where("e.parent_n", "=", slot(0))
      .where("e.since", "<=", slot(1))
      .where((eb) => eb.or([eb("e.until", "is", null), eb("e.until", ">", slot<number>(1))]))
      .where("e.name", "=", slot(2)),
  );
  return {
    root: prepare(connection, current.where("parent_n", "=", 0).where("mount_id", "=", slot(0))),
    lookup: prepare(connection, visible.where("e.parent_n", "=", slot(0)).where("e.name", "=", slot(1))),
    /** The visible child of a name at a generation. Reads what is known of a directory with it, for that is asked for next. */
    child(parentN: number, generation: number, name: string): NodeTuple | undefined {
      const [found] = childAndDirectory(parentN, generation, name);
      if (!found) return undefined;
      const known = directoryOf(found.slice(NODE_COLUMNS.length) as unknown as DirectoryTuple);
      if (known) directory.keep(known.n, known);
      return found.slice(0, NODE_COLUMNS.length) as unknown as NodeTuple;
    },
    children: prepareTuples<NodeTuple>(connection, visibleAt.orderBy("name").limit(slot<number>(2))),
    childrenAfter: prepareTuples<NodeTuple>(
      connection,
      visibleAt.where("name", ">", slot(3)).orderBy("name").limit(slot<number>(2)),
    ),
    /** Reads what is known of the directories among the next children, so that it need not be asked for one by one. */
    readDirectoriesAfter(parentN: number, generation: number, limit: number, name: string): void {
      for (const row of directoriesAfter.all(parentN, generation, limit, name)) {
        if (row.n !== null) directory.keep(row.n, row as DirectoryRow);
      }
    },
    /** Rows of every generation of one name. */
    named: prepare(
      connection,
      db.selectFrom("entry").selectAll().where("parent_n", "=", slot(0)).where("name", "=", slot(1)),
    ),
    /** Rows that live on into the next generation, by name. */
    currentAfter: prepare(
      connection,
      current
        .where("parent_n", "=", slot(0))
        .where((eb) => eb(eb.refTuple("name", "r"), ">", eb.tuple(slot<string>(1), slot<number>(2))))
        .orderBy("name")
        .orderBy("r")
        .limit(slot<number>(3)),
    ),
    /** Rows of every generation, by name. */
    allAfter: prepare(
      connection,
      db
        .selectFrom("entry")
        .select(["r", "name", "since", "until"])
        .where("parent_n", "=", slot(0))
        .where((eb) => eb(eb.refTuple("name", "r"), ">", eb.tuple(slot<string>(1), slot<number>(2))))
        .orderBy("name")
        .orderBy("r")
        .limit(slot<number>(3)),
    ),
    byId: prepare(
      connection,
      db
        .selectFrom("entry")
        .selectAll()
        .where("id", "=", slot(0))
        .where("mount_id", "=", slot(1))
        .orderBy("until")
        .limit(50),
    ),
    packed: prepareTuples<readonly [version: number, body: string]>(
      connection,
      db.selectFrom("packed").select(["version", "body"]).where("n", "=", slot(0)),
    ),
    setPacked: prepare(
      connection,
      db
        .insertInto("packed")
        .values({ n: slot(0), version: slot(1), body: slot(2) })
        .onConflict((c) => c.column("n").doUpdateSet({ version: slot(1), body: slot(2) })),
    ),
    /** Whether any row has the node. */
    isNode: prepareTuples<readonly [number]>(
      connection,
      db.selectFrom("entry").select("r").where("n", "=", slot(0)).limit(1),
    ),
    byNode: prepare(connection, db.selectFrom("entry").selectAll().where("n", "=", slot(0))),
    /** Returns the row's `r`. */
    insert(row: NewRow): number {
      touched();
      return insert.insert(...valuesOf(row));
    },
    replace(r: number, row: NewRow): number {
      touched();
      return replace.run(...valuesOf(row), r);
    },
    end: prepare(
      connection,
      db
        .updateTable("entry")
        .set({ until: slot(1) })
        .where("r", "=", slot(0))
        .where("until", "is", null),
    ),
    revive: prepare(connection, db.updateTable("entry").set({ until: null }).where("r", "=", slot(0))),
    delete: {
      run(r: number): number {
        touched();
        return remove.run(r);
      },
    },
    countVisible: prepare(
      connection,
      db
        .selectFrom("entry")
        .select((eb) => eb.fn.countAll<number>().as("count"))
        .where("parent_n", "=", slot(0))
        .where("since", "<=", slot(1))
        .where((eb) => eb.or([eb("until", "is", null), eb("until", ">", slot<number>(1))])),
    ),
    directory,
    newDirectory: {
      run(n: number, mountId: number): void {
        inUnlisted.delete(n);
        newDirectory.run(n, mountId);
      },
    },
    setListedAt: directory.changedBy(
      prepare(
        connection,
        db
          .updateTable("directory")
          .set({ listed_at: slot(1) })
          .where("n", "=", slot(0)),
      ),
    ),
    setStaging: directory.changedBy(
      prepare(
        connection,
        db
          .updateTable("directory")
          .set({ staging: slot(1) })
          .where("n", "=", slot(0)),
      ),
    ),
    flip: directory.changedBy(
      prepare(
        connection,
        db
          .updateTable("directory")
          .set((eb) => ({
            generation: slot<number>(1),
            listed_at: slot<number>(2),
            version: eb("version", "+", slot<number>(3)),
            count: slot<number>(4),
            staging: null,
          }))
          .where("n", "=", slot(0)),
      ),
    ),
    inUnlisted,
    /** Says that the visible children of a directory are others now, and by how many there are more. */
    touch: {
      run(n: number, more: number): void {
        inUnlisted.delete(n);
        touch.run(n, more);
      },
    },
    addOrphan: prepare(
      connection,
      db
        .insertInto("orphan")
        .values({ n: slot(0) })
        .onConflict((c) => c.doNothing()),
    ),
  };
}
