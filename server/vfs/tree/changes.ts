/** Changes of single rows in place, at the directory's visible generation. Each function runs inside the caller's transaction. */
import type { Entry } from "#drivers/contract/mount.ts";
import { generationOf, isVisible, knownKey, type MountContext, type TreeCore } from "./core.ts";
import { type EntryRow, type Facts, factsOf, keepHashes, rawNameOf, sameFacts } from "./rows.ts";

/** Where an entry goes in a directory: its visible name, the row that it replaces, and the row of its id under another name. */
export interface Place {
  readonly name: string;
  readonly row: EntryRow | undefined;
  readonly former: EntryRow | undefined;
}

/** The visible row of a name. */
export function visibleRow(core: TreeCore, parentN: number, name: string): EntryRow | undefined {
  return core.rows.lookup.get(parentN, name);
}

/** The place of an entry: under the name that its id has already, even a marked one, else under its own. */
export function placeOf(core: TreeCore, mount: MountContext, parentN: number, entry: Entry): Place {
  const bare = mount.codec.toVisible(entry.name);
  const former =
    mount.traits.ids === "stable" && entry.id !== ""
      ? core.rows.byId
          .all(entry.id, mount.mountId)
          .find((r) => r.parent_n === parentN && !r.pending && isVisible(r, generationOf(core, parentN)))
      : undefined;
  if (former && rawNameOf(former) === entry.name) return { name: former.name, row: former, former: undefined };
  const row = visibleRow(core, parentN, bare);
  return { name: bare, row, former: former?.r === row?.r ? undefined : former };
}

/** The key of the node that an entry will be at its place. `take` gives a new one. */
export function keyAt(
  core: TreeCore,
  mount: MountContext,
  parentN: number,
  place: Place,
  entry: Entry,
  pending: boolean,
): number {
  const isDirectory = Number(entry.kind === "directory");
  if (place.row?.is_directory === isDirectory) return place.row.n;
  if (place.former?.is_directory === isDirectory) return place.former.n;
  return (pending ? undefined : knownKey(core, mount, entry, parentN)) ?? core.keys.take();
}

/** Writes the node `n` at its place and returns the row. */
export function writeAt(
  core: TreeCore,
  mount: MountContext,
  parentN: number,
  place: Place,
  n: number,
  facts: Facts,
): EntryRow {
  const generation = generationOf(core, parentN);
  const staging = core.active.get(parentN);
  staging?.overrule(place.name, n);
  if (place.former) removeRow(core, place.former, n);
  const row: Omit<EntryRow, "r"> = {
    ...facts,
    n,
    parent_n: parentN,
    mount_id: mount.mountId,
    since: place.row?.since ?? generation,
    until: null,
  };
  let r: number;
  if (place.row) {
    r = place.row.r;
    core.rows.replace(r, row);
    if (place.row.is_directory && place.row.n !== n) core.rows.addOrphan.run(place.row.n);
    staging?.changed({
      kept: n,
      ...(place.row.n !== n && { gone: place.row.n }),
      added: place.row.until === null ? 0 : 1,
    });
  } else {
    r = core.rows.insert(row);
    staging?.changed({ kept: n, added: 1 });
  }
  core.rows.touch.run(parentN, place.row ? 0 : 1);
  return { ...row, r };
}

/** Takes a visible row out, with what a running listing has written in its place. `movedAs` is its node's key where it lives on elsewhere. */
export function removeRow(core: TreeCore, row: EntryRow, movedAs?: number): void {
  const staging = core.active.get(row.parent_n);
  staging?.overrule(row.name, row.n);
  core.rows.delete.run(row.r);
  if (row.is_directory && row.n !== movedAs) core.rows.addOrphan.run(row.n);
  staging?.changed({ gone: row.n, added: row.until === null ? -1 : 0 });
  core.rows.touch.run(row.parent_n, -1);
}

/** Writes what a `stat` taught; nothing where it is known. A pending entry stays as it is: only we have it; but a placeholder gives way. */
export function noteAt(core: TreeCore, mount: MountContext, parentN: number, entry: Entry): EntryRow {
  const place = placeOf(core, mount, parentN, entry);
  if (place.row?.pending && core.overlay.in(parentN)?.get(place.name)?.state !== "placeholder") return place.row;
  const fresh = factsOf(entry, place.name, mount.traits.ids);
  const facts = place.row ? keepHashes(place.row, fresh) : fresh;
  if (place.row && !place.former && sameFacts(place.row, facts)) return place.row;
  return writeAt(core, mount, parentN, place, keyAt(core, mount, parentN, place, entry, false), facts);
}
