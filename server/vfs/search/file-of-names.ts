/** The file of the index: every name of the tree by its node's key, and how much of the tree it has seen. Used by its own thread alone. */
import { rmSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { createPrivately } from "../../store/data-folder.ts";
import { indexedText } from "./words.ts";

/** Grows when names are kept in another form: an older file is made anew. */
const FORM = 1;

/** How long to wait for the file, in milliseconds. */
const BUSY_MS = 2_000;

/** Pages that are joined in one turn: some 8 ms. */
const MERGED_PAGES = 64;

/** What the index knows of itself. `building`: it has looked at the tree's nodes up to `position` only. `cleared`: somebody emptied it, and it stays so. */
export interface IndexState {
  readonly state: "building" | "ready" | "cleared";
  readonly position: number;
  /** The last of the tree's marks that it has heeded. */
  readonly heeded: number;
  /** Which tree it is of. */
  readonly birth: number;
}

export class FileOfNames {
  readonly #db: DatabaseSync;
  readonly #add: StatementSync;
  readonly #remove: StatementSync;
  readonly #find: StatementSync;
  readonly #count: StatementSync;
  readonly #setState: StatementSync;
  readonly #merge: StatementSync;
  #state: IndexState;

  private constructor(db: DatabaseSync, birth: number) {
    this.#db = db;
    db.exec("pragma journal_mode = wal; pragma synchronous = normal; pragma journal_size_limit = 16777216;");
    const { user_version: form } = db.prepare("pragma user_version").get() as { user_version: number };
    if (form !== 0 && form !== FORM) throw new Error(`the index is of form ${form}`);
    db.exec(SCHEMA);
    db.exec(`pragma user_version = ${FORM}`);
    this.#add = db.prepare("insert into name (rowid, words) values (?, ?)");
    this.#remove = db.prepare("delete from name where rowid = ?");
    this.#find = db.prepare("select rowid as n from name where name match ? and rowid > ? order by rowid limit ?");
    this.#count = db.prepare("select count(*) as count from name_docsize");
    this.#merge = db.prepare("insert into name (name, rank) values ('merge', ?)");
    this.#setState = db.prepare(
      "insert into state (one, state, position, heeded, birth) values (1, ?, ?, ?, ?) on conflict (one) do update set state = excluded.state, position = excluded.position, heeded = excluded.heeded, birth = excluded.birth",
    );
    const known = db.prepare("select state, position, heeded, birth from state").get() as IndexState | undefined;
    this.#state = known ?? { state: "building", position: 0, heeded: 0, birth };
  }

  /** Opens the file of the tree of that birth. What cannot be used is made anew: all of it is in the tree. */
  static open(path: string, birth: number): FileOfNames {
    createPrivately(path);
    try {
      const names = FileOfNames.#open(path, birth);
      if (names.state.birth === birth) return names;
      names.close();
    } catch {
      // Damaged, or of another version.
    }
    FileOfNames.discard(path);
    createPrivately(path);
    return FileOfNames.#open(path, birth);
  }

  static #open(path: string, birth: number): FileOfNames {
    // The thread before this one may still be closing it.
    const db = new DatabaseSync(path, { timeout: BUSY_MS });
    try {
      return new FileOfNames(db, birth);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Removes the file. It must not be open. */
  static discard(path: string): void {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
  }

  get state(): IndexState {
    return this.#state;
  }

  /** How many nodes it has names of. */
  count(): number {
    return (this.#count.get() as { count: number }).count;
  }

  /** Keys of nodes that match, from after `after`, in their order. */
  find(match: string, after: number, limit: number): number[] {
    return (this.#find.all(match, after, limit) as { n: number }[]).map(({ n }) => n);
  }

  /** Takes the names of nodes as they are now (none: it is gone), and the state that is reached with them, in one transaction. */
  take(names: Iterable<readonly [n: number, names: readonly string[]]>, state: Partial<IndexState>): void {
    this.#inOne(() => {
      for (const [n, some] of names) {
        this.#remove.run(n);
        if (some.length > 0) this.#add.run(n, some.map(indexedText).join(" \u0001 "));
      }
      this.#set(state);
    });
  }

  /** Forgets all names. */
  empty(state: Partial<IndexState>): void {
    this.#inOne(() => {
      this.#db.exec("insert into name (name) values ('delete-all')");
      this.#set(state);
    });
  }

  setState(state: Partial<IndexState>): void {
    this.#inOne(() => this.#set(state));
  }

  /** Joins what was written in pieces, some of it; `begin`: of all that there is. True while there is more to do. */
  merge(begin: boolean): boolean {
    const changes = () => (this.#db.prepare("select total_changes() as count").get() as { count: number }).count;
    const before = changes();
    this.#merge.run(begin ? -MERGED_PAGES : MERGED_PAGES);
    // FTS5 (section 6.8): less than two changes mean that nothing was left to do.
    return changes() - before > 1;
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #set(state: Partial<IndexState>): void {
    const next = { ...this.#state, ...state };
    this.#setState.run(next.state, next.position, next.heeded, next.birth);
    this.#state = next;
  }

  #inOne(work: () => void): void {
    const before = this.#state;
    this.#db.exec("begin immediate");
    try {
      work();
      this.#db.exec("commit");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("rollback");
      this.#state = before;
      throw error;
    }
  }
}

/** The names themselves are in the tree. Words come folded, so that nothing is left to the tokenizer but the spaces. */
const SCHEMA = `
create virtual table if not exists name using fts5(words, content='', contentless_delete=1, tokenize='ascii');
create table if not exists state (
  one integer primary key check (one = 1), state text not null, position integer not null, heeded integer not null,
  birth integer not null
);`;
