/** The tree as the index reads it, on a connection of its own: names, marks, and where a node is. */
import { DatabaseSync, type StatementSync } from "node:sqlite";

/** Where a name that was found is: the names that lead to it from one of the directories that were searched. */
export interface Hit {
  /** The key of that directory. */
  readonly within: number;
  readonly n: number;
  /** The last is its own. */
  readonly names: readonly string[];
  readonly kind: "file" | "directory";
  readonly size: number | undefined;
  readonly sizeIs: "exact" | "about" | undefined;
  readonly modifiedAt: number | undefined;
}

/** A way down to a directory from one of those that were searched. */
interface Way {
  readonly within: number;
  readonly names: readonly string[];
}

/** Directories on the way whose place is remembered during one search. */
const MOST_WAYS = 100_000;
/** Places of one directory that are told: it may be listed where it was and where it is, until both are listed anew. */
const MOST_PLACES = 8;
/** Deeper than this nothing is looked for: it would be a circle. */
const DEEPEST = 500;

interface ChildRow {
  readonly n: number;
  readonly name: string;
  readonly is_directory: number;
}

interface PlaceRow {
  readonly parent_n: number;
  readonly name: string;
  readonly is_directory: number;
  readonly size: number | null;
  readonly size_is: "exact" | "about" | null;
  readonly modified_at: number | null;
}

export class NamesInTree {
  readonly #db: DatabaseSync;
  readonly #marks: StatementSync;
  readonly #names: StatementSync;
  readonly #nodes: StatementSync;
  readonly #places: StatementSync;
  readonly #like: StatementSync;
  readonly #children: StatementSync;
  readonly #last: StatementSync;

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { readOnly: true });
    this.#marks = this.#db.prepare("select seq, n from name_mark where seq > ? order by seq limit ?");
    this.#last = this.#db.prepare("select max(seq) as last from name_mark");
    this.#names = this.#db.prepare("select distinct name from entry where n = ? and parent_n <> 0");
    this.#nodes = this.#db.prepare("select n, name from entry where n > ? and parent_n <> 0 order by n limit ?");
    this.#places = this.#db.prepare(
      `select e.parent_n, e.name, e.is_directory, e.size, e.size_is, e.modified_at from entry e
       left join directory d on d.n = e.parent_n
       where e.n = ? and e.parent_n <> 0 and e.since <= coalesce(d.generation, 0)
       and (e.until is null or e.until > coalesce(d.generation, 0))`,
    );
    this.#children = this.#db.prepare("select n, name, is_directory from entry where parent_n = ?");
    // The names alone stand in an index, which is a fifth of the rows.
    this.#like = this.#db.prepare("select r from entry where name like ? escape '\\'");
  }

  /** Marks from after one on. */
  marks(after: number, limit: number): { readonly seq: number; readonly n: number }[] {
    return this.#marks.all(after, limit) as { seq: number; n: number }[];
  }

  lastMark(): number {
    return (this.#last.get() as { last: number | null }).last ?? 0;
  }

  /** All names that rows of a node have: those of its visible generation, and of others that may become so. */
  namesOf(n: number): readonly string[] {
    return (this.#names.all(n) as { name: string }[]).map(({ name }) => name);
  }

  /** Nodes with all their names, from after one on, in the order of their keys; `end` where there are no more. */
  nodesAfter(
    after: number,
    limit: number,
  ): { readonly nodes: readonly (readonly [number, string[]])[]; readonly end: boolean } {
    const rows = this.#nodes.all(after, limit) as { n: number; name: string }[];
    const end = rows.length < limit;
    // The last node may have rows beyond the limit.
    const last = end ? undefined : rows.at(-1)?.n;
    const nodes = new Map<number, string[]>();
    for (const { n, name } of rows) {
      const known = nodes.get(n);
      if (!known) nodes.set(n, [name]);
      else if (!known.includes(name)) known.push(name);
    }
    if (last !== undefined) nodes.set(last, [...this.namesOf(last)]);
    return { nodes: [...nodes], end };
  }

  /** Keys of nodes whose name contains a text, whatever the case of Latin letters; at most `limit`. */
  containing(text: string, limit: number): number[] {
    const found = new Set<number>();
    const nodeOf = this.#db.prepare("select n from entry where r = ? and parent_n <> 0");
    const pattern = `%${text.replace(/[\\%_]/g, "\\$&")}%`;
    for (const { r } of this.#like.iterate(pattern) as Iterable<{ r: number }>) {
      const row = nodeOf.get(r) as { n: number } | undefined;
      if (row) found.add(row.n);
      if (found.size >= limit) break;
    }
    return [...found].sort((a, b) => a - b);
  }

  /** Keys of the nodes below some directories whose name is meant, in order; undefined where more than `limit` names lie there. */
  below(within: readonly number[], isMeant: (name: string) => boolean, limit: number): number[] | undefined {
    const found = new Set<number>();
    const directories = new Set(within);
    let names = 0;
    for (const directory of directories) {
      for (const row of this.#children.iterate(directory)) {
        const { n, name, is_directory } = row as unknown as ChildRow;
        if (++names > limit) return undefined;
        if (is_directory === 1) directories.add(n);
        if (isMeant(name)) found.add(n);
      }
    }
    return [...found].sort((a, b) => a - b);
  }

  /** Finds where nodes are, below some directories. Valid for one search: what it remembers grows old. */
  locate(within: ReadonlySet<number>): (n: number) => readonly Hit[] {
    const ways = new Map<number, readonly Way[]>();
    const placesOf = (n: number) => this.#places.all(n) as unknown as PlaceRow[];
    const waysTo = (directory: number, depth = 0): readonly Way[] => {
      if (within.has(directory)) return [{ within: directory, names: [] }];
      const known = ways.get(directory);
      if (known) return known;
      const places = depth < DEEPEST ? placesOf(directory) : [];
      const found = places.flatMap(({ parent_n, name }) =>
        waysTo(parent_n, depth + 1).map((way) => ({ within: way.within, names: [...way.names, name] })),
      );
      if (ways.size >= MOST_WAYS) ways.clear();
      ways.set(directory, found.slice(0, MOST_PLACES));
      return found.slice(0, MOST_PLACES);
    };
    return (n) =>
      placesOf(n).flatMap((place) =>
        waysTo(place.parent_n).map((way) => ({
          within: way.within,
          n,
          names: [...way.names, place.name],
          kind: place.is_directory === 1 ? ("directory" as const) : ("file" as const),
          size: place.size ?? undefined,
          sizeIs: place.size_is ?? undefined,
          modifiedAt: place.modified_at ?? undefined,
        })),
      );
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }
}
