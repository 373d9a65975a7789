/** Rows of the tree's file: entries as columns, columns as nodes, and when the two say the same. */
import type { Insertable, Selectable } from "kysely";
import type { Entry, Hashes, HashName, Json } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import type { DirectoryTable, EntryTable } from "./schema.ts";
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

/** All columns but the row's own number. */
export const COLUMNS = [
  "n",
  "parent_n",
  "mount_id",
  ...FACTS,
  "since",
  "until",
] as const satisfies readonly (keyof NewRow)[];

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
export const NODE_COLUMNS = ["n", "parent_n", ...FACTS] as const;

export const DIRECTORY_COLUMNS = [
  "n",
  "mount_id",
  "generation",
  "listed_at",
  "version",
  "count",
  "staging",
] as const satisfies readonly (keyof DirectoryRow)[];

/** A directory's row as an array, in the order of `DIRECTORY_COLUMNS`; all null where a join found none. */
export type DirectoryTuple = readonly [
  n: number | null,
  mountId: number,
  generation: number,
  listedAt: number | null,
  version: number,
  count: number,
  staging: number | null,
];

/** The array as a row; undefined where a join found none. */
export function directoryOf(tuple: DirectoryTuple): DirectoryRow | undefined {
  const [n, mount_id, generation, listed_at, version, count, staging] = tuple;
  return n === null ? undefined : { n, mount_id, generation, listed_at, version, count, staging };
}

/** The row as a node below a directory of that id. */
export function toNode(row: NodeRow, parentId: string, ids: Traits["ids"]): RowNode {
  return new RowNode(NODE_COLUMNS.map((column) => row[column]) as unknown as NodeTuple, parentId, ids);
}

/** The array as a node below a directory of that id. */
export function tupleToNode(tuple: NodeTuple, parentId: string, ids: Traits["ids"]): RowNode {
  return new RowNode(tuple, parentId, ids);
}

/** A node over its row, which stays at hand for comparisons; the texts of digests and details are parsed when somebody asks. */
export class RowNode implements TreeNode {
  readonly tuple: NodeTuple;
  readonly rawName: string;
  readonly id: string;

  constructor(tuple: NodeTuple, parentId: string, ids: Traits["ids"]) {
    const name = tuple[2];
    const raw = tuple[3];
    this.tuple = tuple;
    this.rawName = raw === null ? name : rawNameOf({ name, raw });
    this.id = ids === "stable" ? (tuple[4] ?? "") : parentId === "" ? this.rawName : `${parentId}/${this.rawName}`;
  }

  get n(): number {
    return this.tuple[0];
  }
  get parentN(): number {
    return this.tuple[1];
  }
  get name(): string {
    return this.tuple[2];
  }
  get kind(): Entry["kind"] {
    return this.tuple[5] === 1 ? "directory" : "file";
  }
  get size(): number | undefined {
    return this.tuple[6] ?? undefined;
  }
  get sizeIs(): "exact" | "about" | undefined {
    return this.tuple[7] ?? undefined;
  }
  get modifiedAt(): number | undefined {
    return this.tuple[8] ?? undefined;
  }
  get createdAt(): number | undefined {
    return this.tuple[9] ?? undefined;
  }
  get version(): string | undefined {
    return this.tuple[10] ?? undefined;
  }
  get hashes(): Hashes | undefined {
    return this.tuple[11] === null ? undefined : (JSON.parse(this.tuple[11]) as Hashes);
  }
  get detail(): Json | undefined {
    return this.tuple[12] === null ? undefined : (JSON.parse(this.tuple[12]) as Json);
  }
  get pending(): boolean {
    return this.tuple[13] === 1;
  }
}

function hashesText(hashes: Hashes | undefined): string | null {
  if (!hashes) return null;
  const names = (Object.keys(hashes) as HashName[]).filter((name) => hashes[name] !== undefined).sort();
  return names.length === 0 ? null : JSON.stringify(Object.fromEntries(names.map((name) => [name, hashes[name]])));
}
