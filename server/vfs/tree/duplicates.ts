/** Visible names for entries of one name in one directory (architecture.md §3). */
import { createHash } from "node:crypto";
import { MAX_SEGMENT_BYTES } from "#drivers/contract/path.ts";
import { cutToBytes } from "../names.ts";
import type { EntryRow } from "./rows.ts";

/**
 * The visible name of each row of one bare name: the latest created owns it, then the highest id; each other is marked.
 * `named` gives the rows that have a name now, so that no mark is a name in use by a row outside the group.
 */
export function namesApart(
  bare: string,
  group: readonly EntryRow[],
  named: (name: string) => readonly EntryRow[],
): readonly (readonly [row: EntryRow, name: string])[] {
  const members = new Set(group.map((row) => row.r));
  const given = new Set<string>();
  const isFree = (name: string) => !given.has(name) && named(name).every((row) => members.has(row.r));
  return byPrecedence(group).map((row) => {
    let name = bare;
    for (let digits = 6; !isFree(name); digits += 2) name = markedName(bare, row, digits);
    given.add(name);
    return [row, name];
  });
}

/** Rows of one name, the owner of the bare name first: the latest created, then the highest id. */
function byPrecedence(rows: readonly EntryRow[]): EntryRow[] {
  const time = (row: EntryRow) => row.created_at ?? row.modified_at ?? Number.NEGATIVE_INFINITY;
  return [...rows].sort((a, b) => (time(a) === time(b) ? compareIds(b, a) : time(b) - time(a)));
}

/** `stem (~xxxxxx).ext`, x the first `digits` hex digits of a hash of the entry's id. */
function markedName(bare: string, row: EntryRow, digits: number): string {
  // Ids that hash alike, or are none, are told apart by the node's key in the end.
  const identity = row.id && digits <= 16 ? row.id : String(row.n);
  const hash = createHash("sha256").update(identity).digest("hex");
  const dot = row.is_directory ? -1 : bare.lastIndexOf(".");
  const [stem, extension] = dot > 0 ? [bare.slice(0, dot), bare.slice(dot)] : [bare, ""];
  const mark = ` (~${hash.slice(0, digits)})`;
  const room = MAX_SEGMENT_BYTES - mark.length - Buffer.byteLength(extension);
  return room > 0
    ? cutToBytes(stem, room) + mark + extension
    : cutToBytes(bare, MAX_SEGMENT_BYTES - mark.length) + mark;
}

function compareIds(a: EntryRow, b: EntryRow): number {
  const [x, y] = [a.id ?? "", b.id ?? ""];
  if (/^\d+$/.test(x) && /^\d+$/.test(y)) {
    const difference = BigInt(x) - BigInt(y);
    if (difference !== 0n) return difference < 0n ? -1 : 1;
  }
  if (x !== y) return x < y ? -1 : 1;
  return a.n - b.n;
}
