import { expect, it } from "vitest";
import { fuzz } from "./fuzz-run.ts";

/** Another one in every run finds more; this one is the same for everybody, so that a failure can be made again. */
const SEED = 20_260_711;

it("survives 2,000 generated requests: it serves, keeps no descriptor and no temporary file, and nothing outside the folder is reached (webdav.md §8)", async () => {
  const { executed, statuses } = await fuzz({ seed: SEED, count: 2_000 });
  console.log(`fuzzing: ${executed} requests executed, seed ${SEED}, ${shown(statuses)}`);
  expect(executed).toBe(2_000);
  // Enough of it reaches the storage to matter.
  for (const status of [200, 201, 204, 207, 400, 401, 403, 404, 405, 409]) {
    expect([status, (statuses.get(status) ?? 0) > 0]).toEqual([status, true]);
  }
}, 120_000);

function shown(statuses: ReadonlyMap<number, number>): string {
  return [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, times]) => `${status || "none"}: ${times}`)
    .join(", ");
}
