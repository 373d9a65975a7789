/** What a listing leaves behind when it does not end: taken back before the next one. */
import type { TreeCore } from "./core.ts";
import { Pace, PIECE_ROWS, untilDone } from "./pieces.ts";

/** Takes back what a listing wrote and did not commit, in pieces, while no other listing of the directory runs. */
export async function undoStaging(core: TreeCore, n: number): Promise<void> {
  const directory = core.rows.directory.get(n);
  if (directory?.staging == null) return;
  let name = "";
  let r = 0;
  const pace = new Pace();
  await untilDone(core.file, pace, () => {
    const rows = core.rows.allAfter.all(n, name, r, PIECE_ROWS);
    for (const row of rows) {
      if (row.since > directory.generation) core.rows.delete.run(row.r);
      else if (row.until !== null && row.until > directory.generation) core.rows.revive.run(row.r);
    }
    const last = rows.at(-1);
    if (last) ({ name, r } = last);
    return rows.length === PIECE_ROWS;
  });
  core.rows.setStaging.run(n, null);
}
