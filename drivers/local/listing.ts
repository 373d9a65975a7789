/** Listings: names as bytes, and their facts by the fastest way that never holds up the event loop. */
import { type Dir, lstatSync, type Stats } from "node:fs";
import { lstat, opendir, readdir } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import type { Clock, Log } from "../contract/driver.ts";
import type { Entry } from "../contract/mount.ts";
import { decodeName } from "../kit/bytes.ts";
import { followLink, toEntry } from "./entries.ts";
import { codeOf, notThere } from "./errors.ts";
import { childId } from "./ids.ts";
import type { Directory, DiskPath, Root } from "./root.ts";
import { isHidden } from "./temporary.ts";

/** Entries of one page. */
const PAGE_ENTRIES = 1000;

/** A directory file of more bytes than this (some 2,000 names on ext4) is read in parts, because all its names at once would block for long. */
const LARGE_DIRECTORY_BYTES = 64 * 1024;

/** How long synchronous calls may go on before others have their turn, in milliseconds. */
const SLICE_MS = 2;

/** lstat calls in flight where they are made asynchronously; libuv has four threads. */
const PARALLEL = 8;

export interface ListingContext {
  readonly root: Root;
  readonly clock: Clock;
  readonly log: Log;
  /** Called for every temporary file met. */
  foundTemporary(directory: Directory, name: string): Promise<void>;
}

/** The directory's entries in pages. Throws `not-found` when it vanishes meanwhile: what was read then may be part of it only. */
export async function* listDirectory(
  context: ListingContext,
  directory: Directory,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Entry[]> {
  const stats = await directory.stat();
  const quick = context.root.isQuick(stats);
  let leftOut = 0;
  for await (const names of stats.size > LARGE_DIRECTORY_BYTES ? readInParts(directory) : readAtOnce(directory)) {
    signal.throwIfAborted();
    const shown: string[] = [];
    for (const name of names) {
      if (isHidden(name)) await context.foundTemporary(directory, name);
      else shown.push(name);
    }
    const facts = await statAll(shown, pathMaker(directory), quick, context.clock, signal);
    const page: Entry[] = [];
    for (const [i, name] of shown.entries()) {
      const fact = facts[i];
      if (!fact) continue; // removed since its name was read
      const entry = fact.isSymbolicLink()
        ? await linkEntry(context.root, directory, id, name)
        : toEntry(childId(id, name), name, fact);
      if (entry) page.push(entry);
      else leftOut++;
    }
    signal.throwIfAborted();
    if (page.length > 0) yield page;
  }
  if (!(await directory.isStillThere())) throw notThere();
  if (leftOut > 0) {
    context.log.debug(
      { path: id, leftOut },
      "links that leave the root or lead nowhere, and special files, are not listed",
    );
  }
}

async function linkEntry(root: Root, directory: Directory, id: string, name: string): Promise<Entry | undefined> {
  const followed = await followLink(root, directory, name);
  return followed && toEntry(childId(id, name), name, followed.stats);
}

async function* readAtOnce(directory: Directory): AsyncGenerator<readonly string[]> {
  // Latin-1 keeps every byte, and most names need no other look.
  const names = (await readdir(directory.at(""), { encoding: "latin1" })).map(fromLatin1);
  for (let at = 0; at < names.length; at += PAGE_ENTRIES) yield names.slice(at, at + PAGE_ENTRIES);
}

async function* readInParts(directory: Directory): AsyncGenerator<readonly string[]> {
  const open: Dir = await opendir(directory.at(""), { encoding: "latin1", bufferSize: PAGE_ENTRIES });
  try {
    for (let ended = false; !ended; ) {
      const names: string[] = [];
      while (names.length < PAGE_ENTRIES) {
        const found = await open.read();
        if (!found) {
          ended = true;
          break;
        }
        names.push(fromLatin1(found.name));
      }
      yield names;
    }
  } finally {
    await open.close();
  }
}

function fromLatin1(name: string): string {
  return /[\x80-\xff]/.test(name) ? decodeName(Buffer.from(name, "latin1")) : name;
}

/**
 * The real path is twice as fast as the one through the descriptor. What remains: a directory swapped for a link and back while its listing runs
 * could show sizes and times of files of the same names elsewhere; never a name or a byte of them.
 */
function pathMaker(directory: Directory): (name: string) => DiskPath {
  const prefix = directory.realPath === "/" ? "/" : `${directory.realPath}/`;
  if (!prefix.isWellFormed()) return directory.at;
  return (name) => (name.isWellFormed() ? prefix + name : directory.at(name));
}

/** Stats of each name, links not followed; undefined where it no longer exists. */
async function statAll(
  names: readonly string[],
  pathOf: (name: string) => DiskPath,
  quick: boolean,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly (Stats | undefined)[]> {
  const facts: (Stats | undefined)[] = [];
  let synchronous = quick;
  // A disk that sleeps or seeks shows it here, where nobody waits for it.
  if (names[0] !== undefined) {
    const before = clock.now();
    facts.push(await statOne(pathOf(names[0])));
    if (clock.now() - before > SLICE_MS) synchronous = false;
  }
  while (facts.length < names.length) {
    signal.throwIfAborted();
    if (!synchronous) {
      const some = names.slice(facts.length, facts.length + PARALLEL);
      facts.push(...(await Promise.all(some.map((name) => statOne(pathOf(name))))));
      continue;
    }
    if (facts.length > 1) await turn();
    synchronous = statSlice(names, pathOf, facts, clock);
  }
  return facts;
}

/** Goes on synchronously for as long as a slice lasts. False when one call alone took that long: the disk is not as quick as it seemed. */
function statSlice(
  names: readonly string[],
  pathOf: (name: string) => DiskPath,
  facts: (Stats | undefined)[],
  clock: Clock,
): boolean {
  const started = clock.now();
  let now = started;
  while (facts.length < names.length && now - started < SLICE_MS) {
    const before = now;
    facts.push(lstatSync(pathOf(names[facts.length]!), { throwIfNoEntry: false }));
    now = clock.now();
    if (now - before > SLICE_MS) return false;
  }
  return true;
}

async function statOne(path: DiskPath): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

let lastTurn: Promise<unknown> = Promise.resolve();

/** Waits for the next round of the event loop that no other listing takes a slice of. */
function turn(): Promise<unknown> {
  lastTurn = lastTurn.then(() => setImmediate());
  return lastTurn;
}
