/** What a crash took from the tree's file and the durable overlay still holds, put back. */
import { type Place, removeRow, visibleRow, writeAt } from "./changes.ts";
import type { MountContext, TreeCore } from "./core.ts";
import { isAheadOf, type LocalChange } from "./overlay.ts";
import { inPieces, Pace } from "./pieces.ts";
import { factsOf, keepHashes, sameFacts } from "./rows.ts";

/** Applies the mount's changes that the tree lacks. Applying one twice does nothing. Committed changes of directories that the tree does not know are dropped. */
export async function reapply(core: TreeCore, mount: MountContext): Promise<void> {
  let waiting = core.overlay.all().filter((change) => change.mountId === mount.mountId);
  const superseded: LocalChange[] = [];
  // A directory made here may come later than what was put into it, so go round until nothing more is known.
  for (let before = -1; waiting.length !== before && waiting.length > 0; ) {
    before = waiting.length;
    const unknown: LocalChange[] = [];
    await inPieces(core.file, new Pace(), waiting, (change) => {
      if (!core.rows.byNode.get(change.parentN)) unknown.push(change);
      else if (isSuperseded(core, mount, change)) superseded.push(change);
      else apply(core, mount, change);
    });
    waiting = unknown;
  }
  const stranded = waiting.filter((change) => change.state === "placeholder");
  if (stranded.length > 0) {
    core.log.warn(
      { mount: mount.mountId, count: stranded.length },
      "empty files and file managers' own that were kept here are gone with the directories that they were in",
    );
  }
  await core.overlay.drop([...superseded, ...waiting.filter((change) => change.state !== "pending")]);
}

/** A listing that knew better was committed before the process ended. */
function isSuperseded(core: TreeCore, mount: MountContext, change: LocalChange): boolean {
  const listedAt = core.rows.directory.get(change.parentN)?.listed_at;
  if (change.state === "placeholder") {
    // It had given way, and the process ended before that was durable.
    return listedAt != null && listedAt > change.at && visibleRow(core, change.parentN, change.name)?.pending === 0;
  }
  return listedAt != null && !isAheadOf(change, listedAt, mount.traits.settlesWithinMs ?? 0);
}

function apply(core: TreeCore, mount: MountContext, change: LocalChange): void {
  const row = visibleRow(core, change.parentN, change.name);
  if (change.op === "remove") {
    if (row) removeRow(core, row);
    return;
  }
  if (!change.entry) return;
  const fresh = factsOf(change.entry, change.name, mount.traits.ids, change.state !== "committed");
  if (row?.n === change.n && sameFacts(row, keepHashes(row, fresh))) return;
  const place: Place = { name: change.name, row, former: undefined };
  writeAt(core, mount, change.parentN, place, change.n, fresh);
}
