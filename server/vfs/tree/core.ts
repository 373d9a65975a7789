/** What the parts of one open tree share. */
import type { LRUCache } from "lru-cache";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Entry } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import type { NameCodec } from "../names.ts";
import type { TreeFile } from "./file.ts";
import type { NodeKeys } from "./keys.ts";
import type { Overlay } from "./overlay.ts";
import type { EntryRow, RowNode } from "./rows.ts";
import type { Rows } from "./statements.ts";
import type { TreeNode } from "./tree.ts";

/** Children kept in memory, good while the directory's version and its own id are the same. */
export interface HotDirectory {
  readonly version: number;
  readonly id: string;
  readonly nodes: readonly RowNode[];
}

/** A listing on its way, as local changes see it. */
export interface ActiveStaging {
  readonly startedAt: number;
  /** Rows of a name or node that the listing has written are taken out: the local change knows better. Inside the caller's transaction. */
  overrule(name: string, n: number): void;
  /** The visible rows changed by a local change: `kept` is a node that the listing must leave in, `gone` one that is no more, `added` how many rows live on. */
  changed(change: { kept?: number; gone?: number; added: number }): void;
  /** A local change failed half way: the listing's bookkeeping is no longer sure. */
  spoil(error: unknown): void;
}

/** A reader of pages, as renames in the directory see it. */
export interface PageReader {
  /** The last name given out. */
  after: string;
  /** Nodes that were given out and would come again under a later name. */
  readonly skip: Set<number>;
  /** Nodes that were not given out and were renamed to where the reader has been. */
  readonly late: Map<number, TreeNode>;
}

export interface TreeCore {
  readonly file: TreeFile;
  readonly rows: Rows;
  readonly keys: NodeKeys;
  readonly overlay: Overlay;
  readonly clock: Clock;
  readonly log: Log;
  readonly hot: LRUCache<number, HotDirectory>;
  /** Children of the directories that were listed last: whoever listed them asks for them next. */
  readonly listed: LRUCache<number, HotDirectory>;
  /** The version at which a directory was last read whole, by its key. */
  readonly asked: LRUCache<number, number>;
  /** Listings on their way, by the directory's key. */
  readonly active: Map<number, ActiveStaging>;
  readonly readers: Map<number, Set<PageReader>>;
  /** Runs local changes one after the other. */
  serial<T>(work: () => Promise<T>): Promise<T>;
}

/** A mount within the tree. */
export interface MountContext {
  readonly mountId: number;
  readonly traits: Traits;
  readonly codec: NameCodec;
}

/** The children of a directory where they are in memory and still true. */
export function knownChildren(core: TreeCore, { n, id }: Pick<TreeNode, "n" | "id">): readonly RowNode[] | undefined {
  const version = core.rows.directory.get(n)?.version;
  for (const known of [core.hot.get(n), core.listed.get(n)]) {
    if (known && known.version === version && known.id === id) return known.nodes;
  }
  return undefined;
}

/** The visible generation of a directory; 0 before the first listing. */
export function generationOf(core: TreeCore, n: number): number {
  return core.rows.directory.get(n)?.generation ?? 0;
}

export function isVisible(row: EntryRow, generation: number): boolean {
  return row.since <= generation && (row.until === null || row.until > generation);
}

/** Throws `not-found` when the directory is gone from the tree. */
export function requireDirectory(core: TreeCore, directory: TreeNode): void {
  if (core.rows.isNode(directory.n).length > 0) return;
  throw new StorageError("not-found", `the directory ${JSON.stringify(directory.name)} was removed meanwhile`);
}

/**
 * The key by which the tree already knows an entry of a mount with stable ids: an entry that moved at the upstream stays the same node.
 * Undefined where it is new, or where keeping the key would put a directory below itself while an older listing still shows it at its former place.
 */
export function knownKey(core: TreeCore, mount: MountContext, entry: Entry, parentN: number): number | undefined {
  if (mount.traits.ids !== "stable" || entry.id === "") return undefined;
  const isDirectory = Number(entry.kind === "directory");
  const row = core.rows.byId
    .all(entry.id, mount.mountId)
    .find((r) => !r.pending && r.is_directory === isDirectory && r.parent_n !== 0);
  if (!row || (row.is_directory && isAncestor(core, row.n, parentN))) return undefined;
  // An overwrite may have given the node another id since.
  const isTaken = core.rows.byNode.all(row.n).some((r) => r.until === null && r.id !== entry.id);
  return isTaken ? undefined : row.n;
}

function isAncestor(core: TreeCore, n: number, of: number): boolean {
  const seen = new Set([of]);
  for (const current of seen) {
    if (current === n) return true;
    for (const row of core.rows.byNode.all(current)) seen.add(row.parent_n);
  }
  return false;
}
