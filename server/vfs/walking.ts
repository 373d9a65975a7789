/** All that lies below a directory, listing after listing, in memory that the depth bounds and not the number of entries. */
import { kindOf } from "#drivers/contract/errors.ts";
import type { Vfs } from "./api.ts";
import type { Listing, Resource, VfsOptions } from "./resource.ts";

/** Rows handed on at once. */
const ROWS_AT_ONCE = 500;

/** Longest time that found rows wait for others while the storage is asked, in milliseconds. */
const FLUSH_AFTER_MS = 200;

export interface WalkOptions extends VfsOptions {
  /** 0: the path itself alone, 1: what is in it, …; absent: everything. */
  readonly maxDepth?: number;
  /** `down`: each directory before what is in it. `listings`: each directory's entries together, directories first, then the same of each directory in it. Default `down`. */
  readonly order?: "down" | "listings";
  /** False: without names that begin with a dot, and what is in them. Default true. */
  readonly hidden?: boolean;
}

/** One entry on the way, or a directory that could not be listed. The path that was asked for has depth 0 and comes first. */
export interface Walked {
  readonly resource: Resource;
  readonly depth: number;
  /** True for the last entry of its directory, in the order `down`. */
  readonly isLast: boolean;
  /** True where the entries of this directory, which has come before, follow: in the order `listings`. */
  readonly isEntered?: true;
  /** Why the entries of this directory are missing; it has come before without an error. */
  readonly error?: unknown;
}

/**
 * Walks a directory, or gives the one file. Listings are taken one after the other, from the tree where it knows them.
 * Throws what the path itself fails with; a directory below that cannot be listed comes once more, with its error.
 */
export async function* walk(
  vfs: Pick<Vfs, "stat" | "list">,
  path: string,
  o: WalkOptions,
): AsyncGenerator<readonly Walked[]> {
  const { signal, maxDepth = Number.POSITIVE_INFINITY } = o;
  const asked = { signal, ...(o.priority && { priority: o.priority }) };
  const top = await vfs.stat(path, asked);
  let rows: Walked[] = [{ resource: top, depth: 0, isLast: true }];
  if (top.kind === "file" || maxDepth < 1) {
    yield rows;
    return;
  }
  const open: Frame[] = [frameOf(await vfs.list(path, asked), 1, o)];
  let handedOnAt = performance.now();
  try {
    for (let frame = open.at(-1); frame; frame = open.at(-1)) {
      const step = await next(frame);
      if (!step) {
        open.pop();
        continue;
      }
      const { resource, isShown, isEntered } = step;
      if (isShown) rows.push({ resource, depth: frame.depth, isLast: step.isLast });
      if (rows.length >= ROWS_AT_ONCE || performance.now() - handedOnAt > FLUSH_AFTER_MS) {
        if (rows.length > 0) yield rows;
        rows = [];
        handedOnAt = performance.now();
      }
      if (!isEntered || resource.kind !== "directory" || frame.depth >= maxDepth) continue;
      try {
        const listing = await vfs.list(resource.path, asked);
        open.push(frameOf(listing, frame.depth + 1, o));
        if (o.order === "listings") rows.push({ resource, depth: frame.depth, isLast: step.isLast, isEntered: true });
      } catch (error) {
        signal.throwIfAborted();
        // Gone since its parent was listed: as if it had not been there.
        if (kindOf(error) !== "not-found") rows.push({ resource, depth: frame.depth, isLast: step.isLast, error });
      }
    }
    if (rows.length > 0) yield rows;
  } finally {
    for (const { steps } of open) await steps.return?.(undefined);
  }
}

/** What a directory's turn consists of: show an entry, or enter a directory, or both at once. */
interface Step {
  readonly resource: Resource;
  readonly isShown: boolean;
  readonly isEntered: boolean;
}

/** One directory that is being walked. */
interface Frame {
  readonly depth: number;
  readonly steps: AsyncGenerator<readonly Step[]>;
  page: readonly Step[];
  at: number;
}

function frameOf(listing: Listing, depth: number, { order = "down", hidden = true }: WalkOptions): Frame {
  const isMeant = hidden ? undefined : ({ name }: Resource) => !name.startsWith(".");
  const pages = () => pagesOf(listing, isMeant);
  return { depth, steps: order === "down" ? down(pages) : listings(pages), page: [], at: 0 };
}

async function next(frame: Frame): Promise<(Step & { readonly isLast: boolean }) | undefined> {
  await turn(frame);
  const step = frame.page[frame.at++];
  if (!step) return undefined;
  await turn(frame);
  return { ...step, isLast: frame.at >= frame.page.length };
}

/** Goes on to the next page that has steps, where this one is used up and there is one. */
async function turn(frame: Frame): Promise<void> {
  while (frame.at >= frame.page.length) {
    const { value, done } = await frame.steps.next();
    if (done) return;
    frame.page = value;
    frame.at = 0;
  }
}

type Pages = () => AsyncIterable<readonly Resource[]>;

async function* down(pages: Pages): AsyncGenerator<readonly Step[]> {
  for await (const page of pages()) {
    yield page.map((resource) => ({ resource, isShown: true, isEntered: true }));
  }
}

/** A directory is read three times rather than held: its listing is in the tree, and may be long. */
async function* listings(pages: Pages): AsyncGenerator<readonly Step[]> {
  for (const kind of ["directory", "file"] as const) {
    yield* only(pages, kind, { isShown: true, isEntered: false });
  }
  yield* only(pages, "directory", { isShown: false, isEntered: true });
}

async function* only(
  pages: Pages,
  kind: Resource["kind"],
  what: Omit<Step, "resource">,
): AsyncGenerator<readonly Step[]> {
  for await (const page of pages()) {
    yield page.filter((resource) => resource.kind === kind).map((resource) => ({ resource, ...what }));
  }
}

async function* pagesOf(
  listing: Listing,
  isMeant: ((resource: Resource) => boolean) | undefined,
): AsyncGenerator<readonly Resource[]> {
  const { entries } = listing;
  for await (const page of entries ? [entries] : listing.pages()) yield isMeant ? page.filter(isMeant) : page;
}
