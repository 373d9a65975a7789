/** The tables of the tree's own file: what can be listed again. */
import type { Generated } from "kysely";

export interface TreeSchema {
  entry: EntryTable;
  directory: DirectoryTable;
  packed: PackedTable;
  orphan: OrphanTable;
  dropped_mount: DroppedMountTable;
  name_mark: NameMarkTable;
}

/** One entry as one range of generations of its directory saw it: visible at g where `since` ≤ g and (`until` is null or > g). */
export interface EntryTable {
  r: Generated<number>;
  /** The node's key. The same in every version of the entry. */
  n: number;
  /** 0 for roots. */
  parent_n: number;
  mount_id: number;
  /** The visible name. */
  name: string;
  /** The upstream's name as a JSON string (SQLite holds no lone surrogates), null where it is the visible one. */
  raw: string | null;
  /** The upstream's id, null where it is the path. */
  id: string | null;
  is_directory: number;
  size: number | null;
  size_is: "exact" | "about" | null;
  modified_at: number | null;
  created_at: number | null;
  version: string | null;
  /** JSON of `Hashes`, keys in a fixed order. */
  hashes: string | null;
  /** JSON. */
  detail: string | null;
  pending: number;
  since: number;
  until: number | null;
}

/** What is known of a directory's listing. The row may precede the first listing: `listed_at` is null then. */
export interface DirectoryTable {
  n: number;
  mount_id: number;
  generation: number;
  listed_at: number | null;
  version: number;
  count: number;
  /** The generation that a listing has begun to write; it stays behind when the process dies. */
  staging: number | null;
}

/** The visible rows of a small directory in one piece, true while the directory is at that version: one read instead of fifty scattered ones. */
interface PackedTable {
  n: number;
  version: number;
  /** JSON of `NodeTuple`s, by name. */
  body: string;
}

/** A directory that is gone, whose children's rows wait for deletion. */
interface OrphanTable {
  n: number;
}

/** A mount whose rows wait for deletion. */
interface DroppedMountTable {
  mount_id: number;
}

/** A node whose names have changed, in the order of changes. The last row stays, so that no number is used twice. */
interface NameMarkTable {
  seq: Generated<number>;
  n: number;
}
