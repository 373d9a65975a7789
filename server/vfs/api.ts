/** What the fronts may ask of the vfs. Paths are absolute and normalised (`drivers/contract/path.ts`); errors are StorageErrors. */
import type { Usage } from "#drivers/contract/mount.ts";
import type { Capabilities } from "#drivers/contract/traits.ts";
import type { AccountInfo } from "../accounts/api.ts";
import type { ResourceLocks } from "./locks/api.ts";
import type { PendingUploads } from "./pending/api.ts";
import type { PendingTotals } from "./pending/pending.ts";
import type { ReplyMode } from "./pending/reply-mode.ts";
import type { Prepared } from "./prepared.ts";
import type { PropertyPatch } from "./properties/properties.ts";
import type { Removal } from "./removing.ts";
import type {
  DeliverOptions,
  Delivery,
  Listing,
  ListOptions,
  OpenFile,
  PlainLink,
  RemovalOptions,
  Resource,
  TransferOptions,
  TransferResult,
  TransferWay,
  VfsOptions,
  WriteOptions,
  WriteResult,
  WriteSource,
} from "./resource.ts";
import type { Crawling } from "./search/crawling.ts";
import type { NameIndex } from "./search/name-index.ts";
import type { FoundName, SearchOptions } from "./search/searching.ts";
import type { Wanted } from "./search/words.ts";
import type { GatheredFile } from "./spool.ts";
import type { TrashBins } from "./trashing.ts";

export interface Vfs {
  /** Throws `not-found` only when the storage said so, within the listing's freshness. */
  stat(path: string, o: VfsOptions): Promise<Resource>;
  /** Throws `not-a-directory`, `not-found`, or what the storage failed with: a failure is never an empty listing. */
  list(path: string, o: ListOptions): Promise<Listing>;
  /** Throws `is-a-directory`, `not-found`. No content call is made before `read`. */
  open(path: string, o: VfsOptions): Promise<OpenFile>;
  /** Redirect or proxy, as mount, link and client allow. */
  deliver(path: string, o: DeliverOptions): Promise<Delivery>;
  /**
   * Stores a file: when it resolves, the content is stored and verified, or kept here durably where the storage is set up so (`writeMode`), and every front sees it.
   * Throws `not-found` when the parent is missing, `is-a-directory`, `not-a-directory`, `quota-exceeded`, `incomplete`, `unsupported`, …; the old file is then as it was.
   */
  write(path: string, source: WriteSource, o: WriteOptions): Promise<WriteResult>;
  /**
   * Room on our own disk for a body that comes in pieces, in any order: who has all of them writes the file from there, and gives the room back.
   * Throws what `write` would throw before its first byte, and `quota-exceeded` where there is no room.
   */
  gather(path: string, size: number, o: WriteOptions): Promise<GatheredFile>;
  /** Throws `already-exists`, `not-found` (the parent). */
  makeDirectory(path: string, o: VfsOptions): Promise<Resource>;
  /** Removes a file, or a directory with all in it. Mount points and what contains one: `permission-denied`, reason `mount-inside`. */
  remove(path: string, o: RemovalOptions): Promise<void>;
  /** As `remove` for each, in few calls to each storage: one outcome per path, in order. */
  removeAll(paths: readonly string[], o: RemovalOptions): Promise<readonly Removal[]>;
  move(from: string, to: string, o: TransferOptions): Promise<TransferResult>;
  copy(from: string, to: string, o: TransferOptions): Promise<TransferResult>;
  /** How `copy` or `move` would go between two paths, of which neither need exist. Throws `not-found` where no storage holds one of them, and what opening a storage fails with. */
  way(how: "move" | "copy", from: string, to: string): Promise<TransferWay>;
  /** Where a client can fetch a file by itself, with no header of ours. Throws `unsupported`, saying why, where the storage gives no such link. */
  link(path: string, o: VfsOptions): Promise<PlainLink>;
  /** As `patchProperties` with a time alone. */
  setModifiedAt(path: string, ms: number, o: VfsOptions): Promise<Resource>;
  /**
   * Changes what clients keep with a resource, and its time, all or nothing; the time is remembered where the storage does not take it.
   * Throws PropertyLimitError (`quota-exceeded`), `not-found`, `permission-denied` for what belongs to no storage.
   */
  patchProperties(path: string, patch: PropertyPatch, o: VfsOptions): Promise<Resource>;
  /** Undefined where the storage does not tell, and for directories that belong to no mount. */
  usage(path: string, o: VfsOptions): Promise<Usage | undefined>;
  /** Undefined for directories that belong to no mount, which are read-only. */
  capabilities(path: string): Capabilities | undefined;
  /**
   * What was ever listed below a path and has the wanted name, in batches; no storage is asked. Nothing where the path is not known.
   * Throws `unsupported` where names are not indexed, `unavailable`.
   */
  search(path: string, wanted: Wanted, o: SearchOptions): AsyncIterable<readonly FoundName[]>;
  /** For the task that lists what nobody has asked for yet: whoever uses it has the right to read everything. */
  readonly crawling: Crawling;
  /** The index behind `search`; undefined where there is none. */
  readonly nameIndex: Omit<NameIndex, "search" | "close"> | undefined;
  readonly storages: Storages;
  /** Write locks: every change above heeds them and throws `locked` for who does not hold them. */
  readonly locks: ResourceLocks;
  /** The recycle bins of the storages. */
  readonly trash: TrashBins;
  /** What was accepted and waits here for its upload. */
  readonly pending: PendingUploads;
  /** Where fronts keep the bytes that they made of listings, across restarts. */
  readonly prepared: Omit<Prepared, "close">;
  /** Stops taking work, waits for what runs (until the signal aborts), and closes every mount. */
  close(signal: AbortSignal): Promise<void>;
}

/** How old a listing may grow before the storage is asked again. */
export interface Freshness {
  /** Milliseconds, or only when somebody asks. */
  readonly default: number | "manual";
  /** First match wins; globs are on the path inside the mount, such as `/Movies/**`. */
  readonly rules?: readonly { readonly glob: string; readonly age: number | "manual" }[];
}

/** How to mount a storage. */
export interface StorageInput {
  readonly mountPath: string;
  /** Driver id or alias. */
  readonly driver: string;
  /** Checked by the driver's schema. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly order?: number;
  readonly remark?: string;
  readonly freshness?: Freshness;
  readonly delivery?: "auto" | "proxy" | "redirect";
  /** Empty files and file managers' own, such as `.DS_Store`: `keep` them here until content comes, `pass` them to the service, or as the driver says. */
  readonly placeholders?: "auto" | "keep" | "pass";
  /** When a write is answered; `default`: `auto` where the driver needs the whole body before it begins, else `through`. */
  readonly writeMode?: ReplyMode | "default";
  /** How long `auto` waits for the storage, in milliseconds; default one minute. */
  readonly replyWithinMs?: number;
  /** Id of the account that the driver works with. Absent: the one it has, or the only one of the kind where the driver needs one. */
  readonly account?: number;
}

/** A storage as it is now. */
export interface StorageInfo {
  readonly id: number;
  readonly mountPath: string;
  /** Driver id. */
  readonly driver: string;
  /** AList's name of the driver. */
  readonly provider: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly order: number;
  readonly remark: string;
  readonly disabled: boolean;
  readonly freshness?: Freshness;
  readonly delivery: "auto" | "proxy" | "redirect";
  readonly placeholders: "auto" | "keep" | "pass";
  /** As its owner chose; absent: as the driver needs. */
  readonly writeMode?: ReplyMode;
  readonly replyWithinMs?: number;
  /** What was accepted and waits here for its upload. */
  readonly pending: PendingTotals;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  /** `starting` until the first call to the storage ended; `failed` mounts are tried again when somebody asks. */
  readonly state: "starting" | "working" | "failed" | "disabled";
  /** What a failed mount failed with; holds no secret. */
  readonly error?: string;
  readonly capabilities?: Capabilities;
  readonly account?: AccountInfo;
  /** True for one of another server that cannot be mounted yet: its settings lie sealed beside it. */
  readonly isKept?: true;
}

/** A storage that comes from elsewhere: taken on as it is told, whether or not it opens. */
export interface PlacedStorage extends StorageInput {
  readonly disabled: boolean;
  /** Sealed: what its settings are made of once its driver is there. Such a storage is disabled, whatever its driver is called. */
  readonly kept?: string;
}

/** The mount table's administration. */
export interface Storages {
  list(): readonly StorageInfo[];
  get(id: number): StorageInfo | undefined;
  /** The storage that holds a path, and undefined for a path that belongs to none. */
  at(path: string): StorageInfo | undefined;
  /** Throws `already-exists` (the mount path is taken), `invalid-config` (unknown driver or setting, naming the field), or what opening failed with; nothing is stored then. */
  add(input: StorageInput, o: VfsOptions): Promise<StorageInfo>;
  /** Changes a storage; the driver cannot change. Throws as `add`, and `not-found`. */
  update(id: number, input: StorageInput, o: VfsOptions): Promise<StorageInfo>;
  /** Takes a storage on without asking it anything; an enabled one opens behind. Throws `already-exists`, `invalid-config`. */
  place(storage: PlacedStorage): Promise<StorageInfo>;
  /** What `kept` of a placed storage was. */
  kept(id: number): string | undefined;
  /** Gives a kept storage its settings; it stays disabled. Throws as `update`. */
  fill(id: number, input: StorageInput): Promise<StorageInfo>;
  /** Forgets a storage and its tree; nothing at the service is touched. */
  remove(id: number): Promise<void>;
  enable(id: number, o: VfsOptions): Promise<StorageInfo>;
  disable(id: number): Promise<StorageInfo>;
}
