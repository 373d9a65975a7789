/** Finds out what there is to copy and which way each of it goes, directory after directory, so that a restart goes on with the next one. */
import { StorageError } from "#drivers/contract/errors.ts";
import type { Resource } from "../../vfs/resource.ts";
import { toFailure } from "../failure.ts";
import type { Item, Items, NewItem } from "../items.ts";
import { sameness } from "./equal.ts";
import { inside, makeParents, precisionOf, statOrNothing, type Transfer } from "./transfer.ts";

/** Entries that are compared and written down together, */
const AT_ONCE = 500;
/** and directories: a durable write takes longer than a small one is looked at. */
const DIRECTORIES_AT_ONCE = 50;
/** Summing up takes longer the more there is. */
const COUNT_EVERY_MS = 1_000;

/** Lists what is not listed yet. Throws what a listing failed with: a directory that could not be listed is never taken for an empty one. */
export async function planTransfer(t: Transfer): Promise<void> {
  const { run } = t;
  const { items } = run;
  if (await items.isEmpty()) await planTop(t);
  await items.dropUnfinished();
  run.step("looking at what there is");
  let countedAt = performance.now();
  for (let next = await unlisted(items); next.length > 0; next = await unlisted(items)) {
    await planDirectories(t, next);
    if (performance.now() - countedAt < COUNT_EVERY_MS) continue;
    run.progress(await items.totals());
    countedAt = performance.now();
  }
  if (!run.plan) await run.savePlan(await items.plan());
}

function unlisted(items: Items): Promise<readonly Item[]> {
  return items.inState("unlisted", 0, DIRECTORIES_AT_ONCE);
}

async function planTop(t: Transfer): Promise<void> {
  const { signal } = t.run;
  const source = await t.shown.stat(t.from, { signal, priority: "background" });
  const target = await statOrNothing(t.whole, t.to, signal);
  if (!target && !t.planOnly) await makeParents(t);
  if (target && t.conflict === "fail") {
    throw new StorageError("already-exists", `${t.to} exists already`, { path: t.to });
  }
  await t.run.items.addFirst([decide(t, "", source, target, await t.whole.way(t.how, t.from, t.to))]);
}

async function planDirectories(t: Transfer, directories: readonly Item[]): Promise<void> {
  const { items, signal } = t.run;
  let listed: [Item, readonly NewItem[]][] = [];
  let entries = 0;
  const write = async () => {
    await items.addListed(listed);
    [listed, entries] = [[], 0];
  };
  for (const directory of directories) {
    signal.throwIfAborted();
    try {
      const last = await planDirectory(t, directory);
      listed.push([directory, last]);
      entries += last.length;
    } catch (error) {
      signal.throwIfAborted();
      await write();
      const failure = toFailure(error);
      if (failure.class !== "permanent") throw error;
      await items.dropUnfinished();
      await items.update(directory.n, { state: "failed", failure });
    }
    if (entries >= AT_ONCE) await write();
  }
  await write();
}

/** Plans the entries of a directory, and returns the last of them, which are not written down yet. */
async function planDirectory(t: Transfer, directory: Item): Promise<readonly NewItem[]> {
  const { items, signal } = t.run;
  const listing = await t.shown.list(t.source(directory.path), { signal, priority: "background" });
  if (listing.staleSeconds !== undefined) {
    throw new StorageError("unavailable", `${t.source(directory.path)} cannot be listed now`, { retryable: true });
  }
  let planned: NewItem[] = [];
  for await (const page of listing.entries ? [listing.entries] : listing.pages()) {
    for (let at = 0; at < page.length; at += AT_ONCE) {
      if (planned.length >= AT_ONCE) {
        await items.addSome(directory, planned);
        planned = [];
      }
      planned.push(...(await planEntries(t, directory, page.slice(at, at + AT_ONCE))));
    }
  }
  return planned;
}

async function planEntries(t: Transfer, directory: Item, entries: readonly Resource[]): Promise<readonly NewItem[]> {
  const planned: NewItem[] = [];
  for (const entry of entries) {
    const path = inside(directory.path, entry.name);
    // What is not there has nothing in it.
    const target =
      directory.found === "nothing" ? undefined : await statOrNothing(t.whole, t.target(path), t.run.signal);
    planned.push(decide(t, path, entry, target, "bytes"));
  }
  return planned;
}

function decide(t: Transfer, path: string, source: Resource, target: Resource | undefined, way: Item["way"]): NewItem {
  const { kind, size, etag } = source;
  const isSized = kind === "file" && source.sizeIs !== "about";
  const item: NewItem = {
    ...{ path, kind, way, etag, found: target ? "other" : "nothing", size: isSized ? size : undefined },
    // One call takes a directory with all that is in it.
    state: kind === "directory" && (way === "bytes" || target) ? "unlisted" : "pending",
  };
  if (kind === "directory" && target) Object.assign(item, { way: "bytes" });
  if (!target) return item;
  if (target.kind !== kind) {
    const wrong = target.kind === "file" ? "not-a-directory" : "is-a-directory";
    const error = new StorageError(wrong, `${t.target(path)} is a ${target.kind}`);
    return { ...item, state: "failed", failure: toFailure(error) };
  }
  if (kind === "directory") return item;
  const same = sameness(source, target, precisionOf(t));
  // Before its source goes, a file must be known to be there by more than its time.
  if (same === "by-hash" || (same === "by-time" && t.how === "copy")) {
    return { ...item, found: "equal", way: "skip", state: "skipped" };
  }
  if (t.conflict === "skip") return { ...item, way: "skip", state: "skipped" };
  if (t.conflict === "replace") return item;
  const error = new StorageError("already-exists", `${t.target(path)} exists already, and is another file`);
  return { ...item, state: "failed", failure: toFailure(error) };
}
