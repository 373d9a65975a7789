/** What an index of names has to look at again: the nodes whose names have changed, noted by the file itself within the change (decision 0022). */
import type { TreeFile } from "./file.ts";
import { Pace } from "./pieces.ts";

/** Marks that one statement forgets. */
const FORGOTTEN_AT_ONCE = 2000;

export interface NameMarks {
  /** The tree's file: whoever keeps an index reads it, and never writes it. */
  readonly path: string;
  /** The last mark when the file was opened. An index that has seen a later one has seen what a crash of the machine took back. */
  readonly lastAtOpen: number;
  /** True while changes are noted. */
  isKept(): boolean;
  /** Notes changes from now on. */
  keep(): void;
  /** Notes nothing any more, and forgets what is noted. */
  drop(): void;
  /** The number of the last mark; 0 where there is none. */
  last(): number;
  /** Forgets the marks up to one, in pieces. */
  forget(upTo: number): Promise<void>;
  /** Calls after changes that may have left marks, some of them before these can be read. One listener at a time. */
  onTouched(listener: () => void): void;
}

export type TouchedNameMarks = NameMarks & { readonly touched: () => void };

/** The marks of an open tree file. */
export function createNameMarks(file: TreeFile, path: string): TouchedNameMarks {
  const { connection } = file;
  const lastOf = connection.prepare("select max(seq) as last from name_mark");
  const triggers = connection.prepare("select count(*) as count from sqlite_master where type = 'trigger'");
  const forget = connection.prepare(
    `delete from name_mark where seq <= ? and seq < (select max(seq) from name_mark)
     and seq < (select min(seq) from name_mark) + ${FORGOTTEN_AT_ONCE}`,
  );
  const last = () => (lastOf.get() as { last: number | null }).last ?? 0;
  let listener = () => {};
  return {
    path,
    lastAtOpen: last(),
    last,
    isKept: () => (triggers.get() as { count: number }).count > 0,
    keep: () => connection.exec(TRIGGERS),
    drop() {
      connection.exec("drop trigger if exists name_added; drop trigger if exists name_changed;");
      connection.exec("drop trigger if exists name_removed;");
      connection.exec("delete from name_mark where seq < (select max(seq) from name_mark);");
    },
    async forget(upTo) {
      const pace = new Pace();
      while (Number(forget.run(upTo).changes) === FORGOTTEN_AT_ONCE) await pace.rest();
    },
    onTouched(heard) {
      listener = heard;
    },
    touched: () => listener(),
  };
}

/**
 * Triggers rather than calls: no way of writing can be forgotten, and a mark stands or falls with its change. A row that ends keeps its name until it
 * is swept, and one that only says something else of the same node under the same name changes nothing.
 */
const TRIGGERS = `
create trigger if not exists name_added after insert on entry
when not exists (select 1 from entry where n = new.n and name = new.name and r <> new.r) begin
  insert into name_mark (n) values (new.n);
end;
create trigger if not exists name_changed after update of n, name on entry
when old.n <> new.n or old.name <> new.name begin
  insert into name_mark (n) values (new.n);
  insert into name_mark (n) select old.n where old.n <> new.n;
end;
create trigger if not exists name_removed after delete on entry
when not exists (select 1 from entry where n = old.n and name = old.name) begin
  insert into name_mark (n) values (old.n);
end;`;
