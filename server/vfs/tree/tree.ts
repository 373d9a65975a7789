/** The persistent tree: what every listing said, kept with keys of our own. It is *the* metadata cache (architecture.md §5). */
import type { Entry, Hashes, Json } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import type { NameMarks } from "./name-marks.ts";
import type { Also, LocalChange, PlaceholderTotals } from "./overlay.ts";

/** One row of the tree as of the directory's visible generation. Immutable. */
export interface TreeNode {
  /** Key of our own, never used twice; stable across listings, moves (trait `ids: "stable"`) and overwrites. */
  readonly n: number;
  /** The parent's key; 0 for a mount's root. */
  readonly parentN: number;
  /** The visible name: unique in its directory, well-formed, free of `/`, NUL and control characters (`names.ts`); `""` for a root. */
  readonly name: string;
  /** The upstream's name. */
  readonly rawName: string;
  /** The upstream's id; for `ids: "path"` rebuilt from the chain of names. */
  readonly id: string;
  readonly kind: Entry["kind"];
  readonly size?: number | undefined;
  readonly sizeIs?: "exact" | "about" | undefined;
  readonly modifiedAt?: number | undefined;
  readonly createdAt?: number | undefined;
  readonly version?: string | undefined;
  readonly hashes?: Hashes | undefined;
  readonly detail?: Json | undefined;
  /** True while only we have it. */
  readonly pending: boolean;
}

export interface ChangeOptions {
  /** `pending`: only we have the content. Default `committed`. */
  readonly state?: "pending" | "committed";
  /** Written together with the change: after a crash both are so or neither. */
  readonly also?: Also | undefined;
}

/** What is known of a directory's listing. */
export interface DirectoryState {
  /** When the visible listing was begun, ms since the epoch. */
  readonly listedAt: number;
  /** Grows with every visible change. */
  readonly version: number;
  /** Number of visible entries. */
  readonly count: number;
}

/** A listing on its way in. Nothing of it is visible before `commit`. */
export interface Staging {
  /** Takes one page in bounded batches, yielding to the event loop between them. After an error, only `abandon` is of use. */
  add(page: readonly Entry[]): Promise<void>;
  /** Makes the listing visible by one row flip; `changed` is false when it says what was known. */
  commit(): Promise<{ readonly changed: boolean; readonly state: DirectoryState }>;
  /** Leaves the tree as it was. */
  abandon(): Promise<void>;
}

/** The tree of one mount. Methods that only read are synchronous and never wait for a writer. */
export interface MountTree {
  /** Undefined before the first `setRoot`. */
  root(): TreeNode | undefined;
  setRoot(entry: Entry): Promise<TreeNode>;
  /** The visible child of that visible name, exactly. */
  lookup(parent: TreeNode, name: string): TreeNode | undefined;
  /** Undefined for a directory that was never listed whole. */
  directory(node: TreeNode): DirectoryState | undefined;
  /** All visible children by name; undefined where there are more than `HOT_LIMIT`. Kept in memory while hot, checked against the version. */
  children(node: TreeNode): readonly TreeNode[] | undefined;
  /** The visible children in pages by name, yielding between pages; as of the first page, whatever is listed meanwhile. Renames here never show an entry twice. */
  pages(node: TreeNode): AsyncGenerator<readonly TreeNode[], void, undefined>;
  /**
   * Begins a listing of a directory, `startedAt` being when the storage was first asked; one at a time per directory (the caller merges calls), and each ends in
   * `commit` or `abandon`. Throws `not-found` when the directory is gone from the tree meanwhile, as do `add` and `commit`.
   */
  stage(node: TreeNode, startedAt: number): Promise<Staging>;
  /**
   * A local change: overlay row first (durable), then the tree. An existing node of that visible name keeps its key, less its content hashes.
   * Where the entry's id is listed in the directory already, its node is meant, under whatever marked name it has. Throws `not-found` when the parent is gone.
   */
  put(parent: TreeNode, entry: Entry, state?: ChangeOptions["state"], also?: Also): Promise<TreeNode>;
  /**
   * A file that the storage does not have and that we keep until content comes under its name: shown, durable with its content, never asked of the
   * storage. It gives way to what a listing or `note` has under its name. Otherwise as `put`.
   */
  putPlaceholder(parent: TreeNode, entry: Entry, content: Buffer): Promise<TreeNode>;
  /** True while the node is a placeholder. */
  isPlaceholder(node: TreeNode): boolean;
  /** What a placeholder holds; undefined where the node, as it was read, is none any more. */
  contentOf(node: TreeNode): Promise<Buffer | undefined>;
  /** The placeholders of the mount. */
  placeholders(): Iterable<Pick<LocalChange, "parentN" | "name" | "n" | "at" | "entry">>;
  placeholderTotals(): PlaceholderTotals;
  /** Where pending content is shown, by the version of its entry; the directory may be gone. */
  pending(version: string): Pick<LocalChange, "parentN" | "name" | "n" | "entry"> | undefined;
  /** Forgets where pending content was shown whose directory is gone. */
  dropPending(version: string): Promise<void>;
  /** Shows pending content in another directory of the same path, or of its new one: that in which it was is not known any more. */
  reseat(parent: TreeNode, entry: Entry, also?: Also): Promise<TreeNode>;
  /** A local removal of a visible name, with the subtree below it. */
  remove(parent: TreeNode, name: string, also?: Also): Promise<void>;
  /**
   * A local move or rename: the node and its subtree keep their keys, a file of unchanged size its hashes. `entry` is the entry as it now stands;
   * what had its visible name in `toParent` is replaced. Throws `not-found` when `toParent` is gone.
   */
  move(parent: TreeNode, name: string, toParent: TreeNode, entry: Entry, o?: ChangeOptions): Promise<TreeNode>;
  /** A fact learnt from the storage outside a listing (a `stat`): no overlay row. A placeholder gives way to it. */
  note(parent: TreeNode, entry: Entry): Promise<TreeNode>;
  /** What is shown of an entry of the directory has changed, though its row has not: the directory has another version from now on. */
  touch(directory: TreeNode): void;
  /** Makes the row of a node outlast a power cut, as what hangs on its key does. */
  secure(node: TreeNode): void;
  /** The visible names from below a directory down to the node of a key; undefined for a node that is not below it. */
  namesBelow(directory: TreeNode, n: number): readonly string[] | undefined;
  /** Learnt from the storage that a name is gone: no overlay row. Not for placeholders, which the storage never had. */
  forget(parent: TreeNode, name: string): Promise<void>;
  /** The visible name under which an upstream name is listed, and the other way round. */
  toVisible(rawName: string): string;
  /** Throws StorageError `invalid-name` where the service cannot hold it. */
  toUpstream(name: string): string;
}

export interface Tree {
  /** Tells this tree file from one that was lost: the keys of that one name nothing in this. */
  readonly birth: number;
  /** What an index of names has to look at again. */
  readonly nameMarks: NameMarks;
  /** The tree of a mount; reapplies what the overlay holds and the tree may have lost. */
  openMount(mountId: number, traits: Traits): Promise<MountTree>;
  /** True while any mount has the node of that key. */
  holds(n: number): boolean;
  /** Forgets all of a mount, in the background of other work. */
  dropMount(mountId: number): Promise<void>;
  /** Sweeps old generations and settled overlay rows once; runs by itself while open. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

/** Directories of up to this many entries are read at once and may be kept in memory. */
export const HOT_LIMIT = 2000;

/** A node as a driver's argument. */
export function entryOf(node: TreeNode): Entry {
  return {
    id: node.id,
    name: node.rawName,
    kind: node.kind,
    ...(node.size !== undefined && { size: node.size }),
    ...(node.sizeIs !== undefined && { sizeIs: node.sizeIs }),
    ...(node.modifiedAt !== undefined && { modifiedAt: node.modifiedAt }),
    ...(node.createdAt !== undefined && { createdAt: node.createdAt }),
    ...(node.version !== undefined && { version: node.version }),
    ...(node.hashes !== undefined && { hashes: node.hashes }),
    ...(node.detail !== undefined && { detail: node.detail }),
  };
}
