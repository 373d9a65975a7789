/** Rows of the tree's file and the statements over them, compiled once. */
import type { SQLInputValue } from "node:sqlite";
import { type Insertable, type Selectable, sql } from "kysely";
import type { Entry, Hashes, HashName, Json } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import type { TreeFile } from "./file.ts";
import type { DirectoryTable, EntryTable } from "./schema.ts";
import { keptByKey, prepare, prepareTuples, slot } from "./statement.ts";
import type { TreeNode } from "./tree.ts";

export type EntryRow = Selectable<EntryTable>;
/** The columns that make a node. */
export type NodeRow = Pick<EntryRow, "n" | "parent_n" | keyof Facts>;
export type NewRow = Insertable<EntryTable>;
export type DirectoryRow = Selectable<DirectoryTable>;

/** What an entry says about itself, as columns. */
export type Facts = Pick<
  EntryRow,
  | "name"
  | "raw"
  | "id"
  | "is_directory"
  | "size"
  | "size_is"
  | "modified_at"
  | "created_at"
  | "version"
  | "hashes"
  | "detail"
  | "pending"
>;

const FACTS = [
  "name",
  "raw",
  "id",
  "is_directory",
  "size",
  "size_is",
  "modified_at",
  "created_at",
  "version",
  "hashes",
  "detail",
  "pending",
] as const satisfies readonly (keyof Facts)[];

const COLUMNS = ["n", "parent_n", "mount_id", ...FACTS, "since", "until"] as const satisfies readonly (keyof NewRow)[];

/** An entry as columns under a visible name. */
export function factsOf(entry: Entry, name: string, ids: Traits["ids"], pending = false): Facts {
  return {
    name,
    raw: entry.name === name ? null : JSON.stringify(entry.name),
    id: ids === "path" ? null : entry.id,
    is_directory: Number(entry.kind === "directory"),
    size: entry.size ?? null,
    size_is: entry.sizeIs ?? null,
    modified_at: entry.modifiedAt ?? null,
    created_at: entry.createdAt ?? null,
    version: entry.version ?? null,
    hashes: hashesText(entry.hashes),
    detail: entry.detail === undefined ? null : JSON.stringify(entry.detail),
    pending: Number(pending),
  };
}

export function sameFacts(row: EntryRow, facts: Facts): boolean {
  return FACTS.every((column) => row[column] === facts[column]);
}

/**
 * True where an entry says of itself exactly what a row says under that visible name, so that nothing need be written. May say false of a row that
 * differs in form only: the slow way then finds them the same.
 */
export function saysWhatIsKnown(tuple: NodeTuple, entry: Entry, name: string, ids: Traits["ids"]): boolean {
  const [, , knownName, raw, id, isDirectory, size, sizeIs, modifiedAt, createdAt, version, hashes, detail, pending] =
    tuple;
  if (knownName !== name || raw !== null || entry.name !== name || pending === 1) return false;
  if (ids === "stable" && id !== entry.id) return false;
  if ((isDirectory === 1) !== (entry.kind === "directory")) return false;
  if (size !== (entry.size ?? null) || sizeIs !== (entry.sizeIs ?? null) || version !== (entry.version ?? null))
    return false;
  if (modifiedAt !== (entry.modifiedAt ?? null) || createdAt !== (entry.createdAt ?? null)) return false;
  if (detail !== (entry.detail === undefined ? null : JSON.stringify(entry.detail))) return false;
  if (entry.hashes) return hashes === hashesText(entry.hashes);
  // Digests that we know of content that is dated the same stay known (`keepHashes`).
  return hashes === null || (isDirectory === 0 && (version !== null || modifiedAt !== null));
}

/** The facts with the row's digests, where what the upstream now says leaves no doubt that they are of the same content. */
export function keepHashes(row: EntryRow, facts: Facts): Facts {
  if (row.hashes === null || row.hashes === facts.hashes || row.size !== facts.size || facts.is_directory) return facts;
  const known = JSON.parse(row.hashes) as Hashes;
  if (facts.hashes !== null) {
    const told = Object.entries(JSON.parse(facts.hashes) as Hashes) as [HashName, string][];
    return told.every(([name, value]) => known[name] === value) ? { ...facts, hashes: row.hashes } : facts;
  }
  const isDated = facts.version !== null || facts.modified_at !== null;
  const isSame = isDated && row.version === facts.version && row.modified_at === facts.modified_at;
  return isSame ? { ...facts, hashes: row.hashes } : facts;
}

/** The row's name at the upstream. */
export function rawNameOf(row: Pick<EntryRow, "name" | "raw">): string {
  return row.raw === null ? row.name : (JSON.parse(row.raw) as string);
}

/** A visible row as an array: what nodes are made of, in the order of `NODE_COLUMNS`. */
export type NodeTuple = readonly [
  n: number,
  parentN: number,
  name: string,
  raw: string | null,
  id: string | null,
  isDirectory: number,
  size: number | null,
  sizeIs: "exact" | "about" | null,
  modifiedAt: number | null,
  createdAt: number | null,
  version: string | null,
  hashes: string | null,
  detail: string | null,
  pending: number,
];
const NODE_COLUMNS = ["n", "parent_n", ...FACTS] as const;

/** The row as a node below a directory of that id. */
export function toNode(row: NodeRow, parentId: string, ids: Traits["ids"]): TreeNode {
  return new RowNode(NODE_COLUMNS.map((column) => row[column]) as unknown as NodeTuple, parentId, ids);
}

/** The array as a node below a directory of that id. */
export function tupleToNode(tuple: NodeTuple, parentId: string, ids: Traits["ids"]): TreeNode {
  return new RowNode(tuple, parentId, ids);
}

/** A node of one shape, whatever its row lacks; the texts of digests and details are parsed when somebody asks. */
class RowNode implements TreeNode {
  readonly n: number;
  readonly parentN: number;
  readonly name: string;
  readonly rawName: string;
  readonly id: string;
  readonly kind: Entry["kind"];
  readonly size: number | undefined;
  readonly sizeIs: "exact" | "about" | undefined;
  readonly modifiedAt: number | undefined;
  readonly createdAt: number | undefined;
  readonly version: string | undefined;
  readonly pending: boolean;
  readonly #hashes: string | null;
  readonly #detail: string | null;

  constructor(tuple: NodeTuple, parentId: string, ids: Traits["ids"]) {
    const [n, parentN, name, raw, id, isDirectory, size, sizeIs, modifiedAt, createdAt, version] = tuple;
    this.n = n;
    this.parentN = parentN;
    this.name = name;
    this.rawName = raw === null ? name : rawNameOf({ name, raw });
    this.id = ids === "stable" ? (id ?? "") : parentId === "" ? this.rawName : `${parentId}/${this.rawName}`;
    this.kind = isDirectory === 1 ? "directory" : "file";
    this.size = size ?? undefined;
    this.sizeIs = sizeIs ?? undefined;
    this.modifiedAt = modifiedAt ?? undefined;
    this.createdAt = createdAt ?? undefined;
    this.version = version ?? undefined;
    this.#hashes = tuple[11];
    this.#detail = tuple[12];
    this.pending = tuple[13] === 1;
  }

  get hashes(): Hashes | undefined {
    return this.#hashes === null ? undefined : (JSON.parse(this.#hashes) as Hashes);
  }

  get detail(): Json | undefined {
    return this.#detail === null ? undefined : (JSON.parse(this.#detail) as Json);
  }
}

function hashesText(hashes: Hashes | undefined): string | null {
  if (!hashes) return null;
  const names = (Object.keys(hashes) as HashName[]).filter((name) => hashes[name] !== undefined).sort();
  return names.length === 0 ? null : JSON.stringify(Object.fromEntries(names.map((name) => [name, hashes[name]])));
}

/** All statements of the tree, prepared on its connection. */
export type Rows = ReturnType<typeof prepareRows>;

/** Rows of directories kept in memory: every answer about a directory begins with its row. */
const KEPT_DIRECTORIES = 10_000;

export function prepareRows({ db, connection, onRollback }: TreeFile) {
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
  const valuesOf = (row: NewRow) => COLUMNS.map((c) => row[c] as SQLInputValue);
  const directory = keptByKey(
    prepare(connection, db.selectFrom("directory").selectAll().where("n", "=", slot(0))),
    KEPT_DIRECTORIES,
  );
  onRollback(directory.forgetAll);
  return {
    root: prepare(connection, current.where("parent_n", "=", 0).where("mount_id", "=", slot(0))),
    lookup: prepare(connection, visible.where("e.parent_n", "=", slot(0)).where("e.name", "=", slot(1))),
    /** The visible child of a name at a generation. */
    child: prepareTuples<NodeTuple>(connection, visibleAt.where("name", "=", slot(2))),
    children: prepareTuples<NodeTuple>(connection, visibleAt.orderBy("name").limit(slot<number>(2))),
    childrenAfter: prepareTuples<NodeTuple>(
      connection,
      visibleAt.where("name", ">", slot(3)).orderBy("name").limit(slot<number>(2)),
    ),
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
    insert: (row: NewRow) => insert.insert(...valuesOf(row)),
    replace: (r: number, row: NewRow) => replace.run(...valuesOf(row), r),
    end: prepare(
      connection,
      db
        .updateTable("entry")
        .set({ until: slot(1) })
        .where("r", "=", slot(0))
        .where("until", "is", null),
    ),
    revive: prepare(connection, db.updateTable("entry").set({ until: null }).where("r", "=", slot(0))),
    delete: prepare(connection, db.deleteFrom("entry").where("r", "=", slot(0))),
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
    newDirectory: directory.changedBy(
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
    ),
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
    touch: directory.changedBy(
      prepare(
        connection,
        db
          .updateTable("directory")
          .set((eb) => ({ version: eb("version", "+", 1), count: eb("count", "+", slot<number>(1)) }))
          .where("n", "=", slot(0)),
      ),
    ),
    addOrphan: prepare(
      connection,
      db
        .insertInto("orphan")
        .values({ n: slot(0) })
        .onConflict((c) => c.doNothing()),
    ),
  };
}
