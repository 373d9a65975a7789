/** Small directories in one piece: rows of one listing lie scattered over the file, and a scan after a restart reads each from the disk. */
import type { DirectoryRow, NodeTuple } from "./rows.ts";
import type { Rows } from "./statements.ts";
import { HOT_LIMIT } from "./tree.ts";

/** Directories of up to this many entries are packed; larger ones are few, and cost more to pack again after each change. */
const PACKED_LIMIT = 256;

/** The visible rows of a directory by name; undefined where there are more than `HOT_LIMIT`. */
export function visibleTuples(
  rows: Rows,
  n: number,
  directory: DirectoryRow | undefined,
): readonly NodeTuple[] | undefined {
  if (directory?.listed_at != null) {
    if (directory.count > HOT_LIMIT) return undefined;
    const packed = packedTuples(rows, n, directory);
    if (packed) return packed;
  }
  const found = rows.children(n, directory?.generation ?? 0, HOT_LIMIT + 1);
  return found.length > HOT_LIMIT ? undefined : found;
}

/** Packs a directory whose listing is whole, where that pays and was not done at this version. Inside a transaction or on its own. */
export function pack(rows: Rows, directory: DirectoryRow, known?: readonly NodeTuple[]): void {
  if (directory.count === 0 || directory.count > PACKED_LIMIT) return;
  if (rows.packed(directory.n)[0]?.[0] === directory.version) return;
  const tuples = known ?? rows.children(directory.n, directory.generation, PACKED_LIMIT + 1);
  if (tuples.length > PACKED_LIMIT) return;
  rows.setPacked.run(directory.n, directory.version, JSON.stringify(tuples));
}

function packedTuples(rows: Rows, n: number, directory: DirectoryRow): readonly NodeTuple[] | undefined {
  if (directory.count > PACKED_LIMIT) return undefined;
  const [packed] = rows.packed(n);
  return packed?.[0] === directory.version ? (JSON.parse(packed[1]) as readonly NodeTuple[]) : undefined;
}
