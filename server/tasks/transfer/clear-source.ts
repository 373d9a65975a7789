/** The end of a move: what was copied and verified goes from where it was, and nothing else does. */
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import { parentOf } from "#drivers/contract/path.ts";
import { toFailure } from "../failure.ts";
import type { Item } from "../items.ts";
import { sameness } from "./equal.ts";
import { listAgain, type Transfer } from "./transfer.ts";

/** Files removed in one call. */
const AT_ONCE = 200;

/**
 * Removes each file that is still the one that was copied, then the directories that are empty by then. Files that have changed since, appeared since
 * or were left alone stay. Throws what the storage failed with; a file that changed is left as a failed item.
 */
export async function clearSource(t: Transfer): Promise<void> {
  const { items, signal } = t.run;
  t.run.step("removing what was moved");
  t.demand("");
  await clearFiles(t, undefined);
  for (let after = 0; ; ) {
    const directories = await items.directoriesDown("done", after);
    if (directories.length === 0) break;
    for (const directory of directories) {
      signal.throwIfAborted();
      await clearFiles(t, directory);
      after = directory.n;
    }
  }
  await clearDirectories(t);
}

async function clearFiles(t: Transfer, directory: Item | undefined): Promise<void> {
  const { items } = t.run;
  // Equal ones were there already; ones that were left alone differ, and stay.
  const files = (await items.filesIn(directory?.n ?? null, ["done", "skipped"])).filter(
    ({ state, found }) => state === "done" || found === "equal",
  );
  if (files.length === 0) return;
  // What the storage has now decides, not what was known when it was copied.
  await listAgain(t, directory ? t.source(directory.path) : parentOf(t.from));
  for (let from = 0; from < files.length; from += AT_ONCE) {
    const some = files.slice(from, from + AT_ONCE);
    const removals = await removeUnchanged(
      t,
      some.map(({ path }) => t.source(path)),
      some.map(({ etag }) => etag),
    );
    const cleared: number[] = [];
    for (const [i, item] of some.entries()) {
      const error = removals[i]?.error;
      if (error === undefined || kindOf(error) === "not-found" || (await isClearedAfterAll(t, item, error))) {
        cleared.push(item.n);
      } else {
        await items.update(item.n, { state: "failed", failure: toFailure(error) });
      }
    }
    await items.updateAll(cleared, { state: "cleared" });
    t.run.cameFurther();
  }
}

/** An etag holds the key of its file, so that one of the list is the right one. */
function removeUnchanged(t: Transfer, paths: readonly string[], etags: readonly (string | undefined)[]) {
  const { signal } = t.run;
  const copied = new Set(etags);
  return t.whole.removeAll(paths, {
    ...{ signal, mode: "permanent", recursive: false, priority: "background" },
    check(existing) {
      if (existing.kind !== "file" || !copied.has(existing.etag)) throw new Changed(existing.path);
    },
  });
}

class Changed extends StorageError {
  constructor(path: string) {
    super("precondition-failed", `${path} has changed since it was copied, and stays where it is`, { path });
  }
}

/** Where the tree was lost meanwhile it knows the same file under another key: then its hash decides. Throws failures that are about no single file. */
async function isClearedAfterAll(t: Transfer, { path }: Item, error: unknown): Promise<boolean> {
  if (!(error instanceof Changed)) throw error;
  const at = (file: string) => t.whole.stat(file, { signal: t.run.signal, priority: "background" });
  const [source, target] = [await at(t.source(path)), await at(t.target(path))];
  if (sameness(source, target, 0) !== "by-hash") return false;
  const [removal] = await removeUnchanged(t, [source.path], [source.etag]);
  return removal?.error === undefined;
}

/** Deepest first; one that is not empty stays, with those around it. */
async function clearDirectories(t: Transfer): Promise<void> {
  const { items, signal } = t.run;
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const directories = await items.directoriesUp("done", before);
    if (directories.length === 0) return;
    for (const { n, path } of directories) {
      signal.throwIfAborted();
      before = n;
      const o = { signal, mode: "permanent", onlyEmpty: true, priority: "background" } as const;
      const [removal] = await t.whole.removeAll([t.source(path)], o);
      const kind = kindOf(removal?.error);
      if (kind === "not-empty") continue;
      if (removal?.error !== undefined && kind !== "not-found") throw removal.error;
      await items.update(n, { state: "cleared" });
    }
  }
}
