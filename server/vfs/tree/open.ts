/** Opens the persistent tree: its file, its keys, its overlay, and the sweeping behind it. */
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import type { Store } from "../../store/store.ts";
import { createNameCodec } from "../names.ts";
import type { HotDirectory, MountContext, TreeCore } from "./core.ts";
import { openTreeFile, type TreeFile } from "./file.ts";
import { NodeKeys } from "./keys.ts";
import { createMountTree } from "./mount-tree.ts";
import { createNameMarks } from "./name-marks.ts";
import { Overlay } from "./overlay.ts";
import { reapply } from "./reapply.ts";
import { prepareRows } from "./statements.ts";
import { createSweeper } from "./sweep.ts";
import type { Tree } from "./tree.ts";

/** Most entries of hot directories kept in memory. */
const HOT_ENTRIES = 50_000;

/** Directories of which it is remembered that somebody asked for them. */
const ASKED_DIRECTORIES = 10_000;

/** Directories whose children are kept for the reader that had them listed. */
const JUST_LISTED = 16;

/** How often the tree sweeps by itself, in milliseconds. */
const SWEEP_EVERY_MS = 60_000;

export interface OpenTreeOptions {
  readonly store: Store;
  /** The tree's file; default `<data folder>/tree.db`. */
  readonly path?: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Opens the tree of a data folder. A file that is damaged or of a newer version is set aside, logged, and made anew. */
export async function openTree({ store, path, clock, log }: OpenTreeOptions): Promise<Tree> {
  const at = path ?? join(store.dataDir, "tree.db");
  const file = await openTreeFile(at, log);
  const nameMarks = createNameMarks(file, at);
  const closing = new AbortController();
  const contexts = new Map<number, MountContext>();
  let last: Promise<unknown> = Promise.resolve();
  const core: TreeCore = {
    file,
    rows: prepareRows(file, nameMarks.touched),
    keys: new NodeKeys(store),
    overlay: await Overlay.load(store),
    clock,
    log,
    hot: new LRUCache<number, HotDirectory>({
      maxSize: HOT_ENTRIES,
      sizeCalculation: (directory) => directory.nodes.length + 1,
    }),
    listed: new LRUCache<number, HotDirectory>({ max: JUST_LISTED }),
    asked: new LRUCache<number, number>({ max: ASKED_DIRECTORIES }),
    active: new Map(),
    readers: new Map(),
    serial(work) {
      const turn = last.then(work);
      last = turn.catch(() => undefined);
      return turn;
    },
  };
  const sweeper = createSweeper(core, contexts, closing.signal);
  const background = new Set<Promise<void>>();
  let sweeping: Promise<void> | undefined;

  function inBackground(work: Promise<void>): Promise<void> {
    background.add(work);
    const settle = () => background.delete(work);
    work.then(settle, settle);
    return work;
  }

  function sweep(): Promise<void> {
    sweeping ??= inBackground(
      sweeper.sweep().finally(() => {
        sweeping = undefined;
      }),
    );
    return sweeping;
  }

  async function sweepForEver(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await clock.sleep(SWEEP_EVERY_MS, closing.signal);
        await sweep();
      } catch (error) {
        if (closing.signal.aborted) return;
        log.warn({ error: error instanceof Error ? error.message : String(error) }, "sweeping the tree failed");
      }
    }
  }
  void sweepForEver();

  return {
    birth: await birthOf(file, store),
    nameMarks,
    async openMount(mountId, traits) {
      const context: MountContext = { mountId, traits, codec: createNameCodec(traits.names) };
      contexts.set(mountId, context);
      await core.serial(() => reapply(core, context));
      return createMountTree(core, context);
    },
    holds: (n) => core.rows.isNode(n).length > 0,
    async dropMount(mountId) {
      contexts.delete(mountId);
      await core.serial(() => core.overlay.dropMount(mountId));
      const root = core.rows.root.get(mountId);
      await file.db
        .insertInto("dropped_mount")
        .values({ mount_id: mountId })
        .onConflict((c) => c.doNothing())
        .execute();
      if (root) core.rows.delete.run(root.r);
      await inBackground(sweeper.purge(mountId).finally(nameMarks.touched));
    },
    sweep,
    async close() {
      closing.abort(new Error("the tree is closing"));
      await Promise.allSettled([last, ...background]);
      await file.close();
    },
  };
}

/** The number of the file; one that has none yet gets the next. */
async function birthOf({ connection }: TreeFile, store: Store): Promise<number> {
  const { user_version: known } = connection.prepare("pragma user_version").get() as { user_version: number };
  if (known !== 0) return known;
  const birth = await store.takeBlock("tree", 1);
  connection.exec(`pragma user_version = ${birth}`);
  return birth;
}
