/** Lists a directory of another process's tree anew, for ever, until it is killed. Argument: the data folder. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Entry } from "#drivers/contract/mount.ts";
import { openStore } from "#server/store/store.ts";
import { openTree } from "#server/vfs/tree/open.ts";

const ENTRIES = 1500;

const store = await openStore(process.argv[2]!);
const tree = await openTree({
  store,
  clock: { now: Date.now, sleep: (ms, signal) => sleep(ms, undefined, { signal }) },
  log: { debug() {}, info() {}, warn() {} },
});
const mount = await tree.openMount(1, {
  ids: "stable",
  names: {},
  hashes: [],
  replace: "atomic",
  collision: "error",
});
const root = await mount.setRoot({ id: "", name: "", kind: "directory" });
process.stdout.write("listing\n");
for (let round = 1; ; round++) {
  const entries = Array.from({ length: ENTRIES }, (_, i): Entry => {
    return { id: `${i % 2 ? i : `${round}-${i}`}`, name: `f${i}`, kind: "file", size: round };
  });
  const staging = await mount.stage(root, Date.now());
  for (let i = 0; i < ENTRIES; i += 500) await staging.add(entries.slice(i, i + 500));
  await staging.commit();
}
