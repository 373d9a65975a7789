/** Moves, copies and removals of single entries. */
import type { Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import { StorageError } from "../contract/errors.ts";
import type { CopyOptions, Entry, MoveOptions } from "../contract/mount.ts";
import { copyTree } from "./copying.ts";
import { entryAt } from "./entries.ts";
import { codeOf } from "./errors.ts";
import { checkNewName, splitId } from "./ids.ts";
import type { ListingContext } from "./listing.ts";
import { place } from "./placing.ts";
import type { Directory } from "./root.ts";
import type { TemporaryNames } from "./temporary.ts";
import { removeTree } from "./trees.ts";

export interface ChangeContext extends ListingContext {
  readonly temporary: TemporaryNames;
}

/**
 * Moves one entry into an open directory. To where it is already, nothing happens.
 * Throws `invalid-name` for a directory that is to go into itself.
 */
export async function moveEntry(
  context: ChangeContext,
  entry: Entry,
  to: Directory,
  parentId: string,
  o: MoveOptions,
): Promise<Entry> {
  const { parent, name } = splitId(entry.id);
  const wanted = o.name ?? name;
  checkNewName(wanted);
  using from = await context.root.open(parent);
  const stats = await lstat(from.at(name));
  refuseIntoItself(from, name, to);
  if (from.realId === to.realId && wanted === name) return entryAt(context.root, to, parentId, name);
  const placed = await placeOrCarry(context, { from, name, stats, id: entry.id }, to, wanted, o);
  await to.sync();
  if (from.realId !== to.realId) await from.sync();
  return entryAt(context.root, to, parentId, placed);
}

/** Copies one entry with all in it into an open directory; nothing of it shows before it is whole. Throws as `moveEntry`. */
export async function copyEntry(
  context: ChangeContext,
  entry: Entry,
  to: Directory,
  parentId: string,
  o: CopyOptions,
): Promise<Entry> {
  const { parent, name } = splitId(entry.id);
  const wanted = o.name ?? name;
  checkNewName(wanted);
  using from = await context.root.open(parent);
  refuseIntoItself(from, name, to);
  const { kind } = await entryAt(context.root, from, parent, name);
  const ontoItself = from.realId === to.realId && wanted === name;
  if (ontoItself && o.conflict === "replace") return entryAt(context.root, to, parentId, name);
  const placed = await carry(context, entry.id, kind === "directory", to, wanted, o);
  await to.sync();
  return entryAt(context.root, to, parentId, placed);
}

/** Removes one entry with all in it; of a link the link alone. */
export async function removeEntry(context: ChangeContext, entry: Entry, signal: AbortSignal): Promise<undefined> {
  const { parent, name } = splitId(entry.id);
  using from = await context.root.open(parent);
  await removeTree(from.at(name), signal);
}

interface Source {
  readonly from: Directory;
  readonly name: string;
  readonly stats: Stats;
  readonly id: string;
}

async function placeOrCarry(
  context: ChangeContext,
  source: Source,
  to: Directory,
  wanted: string,
  o: MoveOptions,
): Promise<string> {
  const path = source.from.at(source.name);
  const isDirectory = source.stats.isDirectory();
  try {
    return await place(path, isDirectory, to, wanted, o.conflict, context.temporary);
  } catch (error) {
    if (codeOf(error) !== "EXDEV") throw error;
  }
  // Another disk is mounted inside the root: copy, and remove what was copied.
  const { kind } = await entryAt(context.root, source.from, splitId(source.id).parent, source.name);
  const placed = await carry(context, source.id, kind === "directory", to, wanted, o);
  try {
    await removeTree(path, o.signal);
  } catch (error) {
    o.signal.throwIfAborted();
    throw new StorageError("incomplete", `copied as ${placed}, but the source could not be removed`, { cause: error });
  }
  return placed;
}

async function carry(
  context: ChangeContext,
  id: string,
  isDirectory: boolean,
  to: Directory,
  wanted: string,
  o: CopyOptions,
): Promise<string> {
  const temporary = await context.temporary.take();
  try {
    await copyTree(context, id, isDirectory, to.at(temporary), o, { bytes: 0 });
    o.signal.throwIfAborted();
    return await place(to.at(temporary), isDirectory, to, wanted, o.conflict, context.temporary);
  } catch (error) {
    await removeTree(to.at(temporary), new AbortController().signal).catch(() => undefined);
    throw error;
  } finally {
    context.temporary.release(temporary);
  }
}

function refuseIntoItself(from: Directory, name: string, to: Directory): void {
  const real = from.realPath === "/" ? `/${name}` : `${from.realPath}/${name}`;
  if (to.realPath === real || to.realPath.startsWith(`${real}/`)) {
    throw new StorageError("invalid-name", "a folder cannot be put into itself");
  }
}
