/** Tables of the import (`server/import`). */

export interface ImportTables {
  imported: ImportedTable;
}

/** What an import has taken over, so that the next one leaves it alone. */
export interface ImportedTable {
  /** `user`, `storage`, `meta`, `share` or `setting`. */
  what: string;
  /** What the other server calls it: a name, a path, a key. */
  name: string;
  /** SHA-256 of what tells it from another one of that name; of no secret. */
  digest: string;
  at: number;
}
