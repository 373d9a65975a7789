/** Reads the database file of another server without touching it: a copy is opened, with what SQLite has beside it. */
import { copyFileSync, existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { notOne } from "./dump.ts";

/** What a running server may have written and not yet moved into the file (sqlite.org/wal.html, sqlite.org/tempfiles.html). */
const BESIDE = ["", "-wal", "-journal"];

/** How often a file that changes while it is copied is copied anew. */
const MOST_COPIES = 5;

/** The beginning of every SQLite file (sqlite.org/fileformat2.html §1.3). */
export const SQLITE_MAGIC = "SQLite format 3\0";

/** Tables whose rows are told of by their number alone. */
const COUNTED: Readonly<Record<string, string>> = {
  ssh_public_keys: "SSH keys",
  task_items: "tasks",
  search_nodes: "entries of the search index",
  sessions: "device sessions",
  labels: "labels",
  label_file_bindings: "labelled files",
  shares: "shares of AList's own kind",
};

/** What `parseDump` reads, of the database `file`. `scratch`: an empty folder that only its owner may read, and that the caller removes. Throws `invalid-config`. */
export function readDatabase(file: string, scratch: string): Readonly<Record<string, unknown>> {
  const copy = join(scratch, "copy.db");
  copyWhole(file, copy);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(copy);
    return readTables(db);
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_SQLITE_ERROR") throw error;
    throw notOne((error as Error).message);
  } finally {
    db?.close();
  }
}

/** Copies the file and what lies beside it, as they were at one time. */
function copyWhole(file: string, copy: string): void {
  for (let copies = 1; ; copies++) {
    const before = stateOf(file);
    for (const ending of BESIDE) if (existsSync(file + ending)) copyFileSync(file + ending, copy + ending);
    if (stateOf(file) === before) return;
    if (copies === MOST_COPIES) throw notOne(`${basename(file)} is being written to: stop the server that has it`);
  }
}

function stateOf(file: string): string {
  return BESIDE.map((ending) => statSync(file + ending, { bigint: true, throwIfNoEntry: false }))
    .map((found) => (found ? `${found.size} ${found.mtimeNs} ${found.ino}` : "-"))
    .join(", ");
}

function readTables(db: DatabaseSync): Readonly<Record<string, unknown>> {
  const names = db
    .prepare("select name from sqlite_schema where type = 'table'")
    .all()
    .map(({ name }) => String(name));
  const prefix = names.find((name) => name.endsWith("setting_items"))?.slice(0, -"setting_items".length);
  if (prefix === undefined) throw notOne("it has no table of settings");
  const rows = (table: string) =>
    names.includes(prefix + table) ? db.prepare(`select * from "${prefix}${table}"`).all().map(plainRow) : [];
  const counts = Object.entries(COUNTED)
    .filter(([table]) => names.includes(prefix + table))
    .map(([table, what]): [string, number] => [
      what,
      Number(db.prepare(`select count(*) as n from "${prefix}${table}"`).get()?.n),
    ])
    .filter(([, n]) => n > 0);
  return {
    storages: rows("storages"),
    users: rows("users"),
    roles: rows("roles"),
    metas: rows("meta"),
    settings: rows("setting_items"),
    shares: rows("sharing_dbs"),
    others: Object.fromEntries(counts),
  };
}

/** JSON knows no blobs; the ones there are hold text (alist-api.md §20). */
function plainRow(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : value,
    ]),
  );
}
