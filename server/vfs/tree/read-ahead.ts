/** Lookups of children by name. Where a client walks a directory in order, the next ones are read some at a time instead of one by one. */
import { LRUCache } from "lru-cache";
import type { DirectoryRow, NodeTuple } from "./rows.ts";
import type { Rows } from "./statements.ts";

/** Directories that are being walked through, the last ones asked about. */
const MOST_WALKS = 64;

/** Children of one directory that were found one by one and are kept. */
const MOST_FOUND = 64;

/**
 * Points that make a walk. A name after all before it gives `FURTHER`, any other takes one: names in no order have ever fewer of the first, while in
 * a walk of eight requests side by side, which overtake each other, they are some third.
 */
const IS_A_WALK = 16;
const FURTHER = 4;

/** Children read at once: as few at first, twice as many each time that the walk went on past them. */
const FIRST_READ = 8;
const MOST_READ = 64;

/** How far somebody has come in a directory, good while its version is the same. */
interface Walk {
  readonly version: number;
  readonly generation: number;
  /** The furthest name that had to be read on its own. */
  furthest: string;
  points: number;
  size: number;
  /** Requests that come side by side overtake each other, so the children read before these stay too. */
  before: ReadonlyMap<string, NodeTuple>;
  ahead: ReadonlyMap<string, NodeTuple>;
  /** What was found on its own: the way to a directory that is asked for again and again. */
  readonly found: Map<string, NodeTuple>;
}

/** The visible child of a directory by its name, exactly; undefined where there is none. */
export type FindChild = (parentN: number, name: string) => NodeTuple | undefined;

/** Lookups over the tree's rows. Must not be called inside a transaction: what it remembers would outlive a rollback. */
export function createFindChild(rows: Rows): FindChild {
  const walks = new LRUCache<number, Walk>({ max: MOST_WALKS });

  return (parentN, name) => {
    const directory = rows.directory.get(parentN);
    if (!directory) return inUnlisted(parentN, name);
    const walk = walkOf(directory, name);
    const known = walk.ahead.get(name) ?? walk.before.get(name) ?? walk.found.get(name);
    if (known) return known;
    const found = rows.child(parentN, directory.generation, name);
    if (found) {
      if (walk.found.size >= MOST_FOUND) walk.found.clear();
      walk.found.set(name, found);
      goOn(walk, parentN, name);
    }
    return found;
  };

  function inUnlisted(parentN: number, name: string): NodeTuple | undefined {
    let children = rows.inUnlisted.get(parentN);
    const known = children?.get(name);
    if (known !== undefined) return known ?? undefined;
    if (!children || children.size >= MOST_FOUND) {
      children = new Map();
      rows.inUnlisted.set(parentN, children);
    }
    const found = rows.child(parentN, 0, name);
    children.set(name, found ?? null);
    return found;
  }

  function walkOf({ n, version, generation }: DirectoryRow, name: string): Walk {
    const known = walks.get(n);
    if (known?.version === version && known.generation === generation) return known;
    const begun: Walk = {
      version,
      generation,
      furthest: name,
      points: 0,
      size: FIRST_READ,
      before: NOTHING,
      ahead: NOTHING,
      found: new Map(),
    };
    walks.set(n, begun);
    return begun;
  }

  function goOn(walk: Walk, parentN: number, name: string): void {
    // JavaScript's order of names is not quite SQLite's; for a guess it will do.
    if (name <= walk.furthest && walk.points > 0) {
      walk.points -= 1;
      return;
    }
    walk.furthest = name;
    walk.points = Math.min(walk.points + FURTHER, IS_A_WALK);
    if (walk.points < IS_A_WALK) return;
    const next = rows.childrenAfter(parentN, walk.generation, walk.size, name);
    walk.before = walk.ahead;
    walk.ahead = new Map(next.map((child) => [child[2], child]));
    if (next.some(([, , , , , isDirectory]) => isDirectory === 1)) {
      rows.readDirectoriesAfter(parentN, walk.generation, walk.size, name);
    }
    walk.size = Math.min(walk.size * 2, MOST_READ);
  }
}

const NOTHING: ReadonlyMap<string, NodeTuple> = new Map();
