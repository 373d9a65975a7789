/** What a mount is: the one interface that every storage driver implements and only `server/vfs` calls. */
import type { Readable } from "node:stream";
import type { StorageError } from "./errors.ts";
import type { MountPath } from "./path.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Content digests: sha1, md5 and sha256 in lower-case hex, crc64 in decimal. */
export type Hashes = Partial<Record<HashName, string>>;
export type HashName = "sha1" | "md5" | "sha256" | "crc64";

/** Bytes `offset` … `offset + length - 1`; without `length`, to the end. HTTP's inclusive end exists only in `server/http`. */
export interface ByteRange {
  readonly offset: number;
  readonly length?: number;
}

/** A file or directory as the upstream has it. Immutable; ids never leave the server. */
export interface Entry {
  /** The upstream's identity, opaque to all but the driver. With trait `ids: "path"`: the path from the mount's root, `""` for the root, segments joined by `/`. */
  readonly id: string;
  /** One path segment as the upstream has it. Bytes that are not UTF-8 travel as lone surrogates U+DC80–DCFF. The root's is `""`. */
  readonly name: string;
  readonly kind: "file" | "directory";
  /** Bytes; absent when unknown, and for directories. */
  readonly size?: number;
  /** `about`: no Range and no Content-Length are derived from it. Absent means exact. */
  readonly sizeIs?: "exact" | "about";
  /** Milliseconds since the epoch, fractions allowed; absent when the service has none. */
  readonly modifiedAt?: number;
  readonly createdAt?: number;
  /** Changes when the content does (an etag, a revision); never taken for a hash. */
  readonly version?: string;
  readonly hashes?: Hashes;
  /** What the driver needs again about this entry (a pickcode); stored with it. */
  readonly detail?: Json;
}

export type Priority = "interactive" | "upload" | "background";

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly priority?: Priority;
}

/** What to do when the target's name is taken: fail `already-exists`, replace what is there, or choose another name. */
export type Conflict = "fail" | "replace" | "rename";

export interface MoveOptions extends CallOptions {
  /** The new name, where one entry is moved; absent keeps the entry's own. */
  readonly name?: string;
  readonly conflict: Conflict;
}

export interface CopyOptions extends MoveOptions {
  readonly checkpoint?: Checkpoint;
  /** Called with the bytes copied so far, cumulative. */
  onProgress?(bytes: number): void;
}

export interface UploadOptions extends CallOptions {
  readonly conflict: Conflict;
  readonly checkpoint?: Checkpoint;
  /** Called with the bytes stored upstream so far, cumulative. */
  onProgress?(bytes: number): void;
}

/** Where a long operation keeps its state, so that it goes on after a restart. */
export interface Checkpoint {
  load(): Promise<Json | undefined>;
  save(state: Json): Promise<void>;
  clear(): Promise<void>;
}

export interface RemoveOptions extends CallOptions {
  /** `trash` is asked only of a mount that has a `trash`. */
  readonly mode: "trash" | "permanent";
}

/** One outcome per input, in order. Neither field: done, and the entry's new state is unknown (list again). */
export interface BatchOutcome {
  readonly entry?: Entry;
  readonly error?: StorageError;
}
export type BatchResult = readonly BatchOutcome[];

/** Who will fetch a link: a redirected client by itself, or this server on its behalf. */
export interface ClientHints {
  readonly purpose: "redirect" | "proxy";
  readonly userAgent?: string;
  readonly address?: string;
}

/** Where the bytes of a file are, and under which conditions they can be fetched. */
export interface Link {
  readonly url: string;
  /** Headers that the fetcher must send. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  readonly boundTo: readonly ("user-agent" | "client-ip" | "cookie")[];
  readonly maxConnections?: number;
  /** How long a closed connection still counts at the upstream, in milliseconds. */
  readonly slotReleaseMs?: number;
  readonly acceptsRanges: boolean;
  readonly reusable: boolean;
  /** Exact size in bytes, where resolving the link taught it. */
  readonly size?: number;
  /** Called when the link is used up: temporary copies may go. */
  release?(): Promise<void>;
  /** What a refused download means; undefined when the driver cannot tell. */
  explain?(
    status: number,
    headers: Readonly<Record<string, string>>,
    head: Uint8Array,
  ): "expired" | "busy" | "refused" | "changed" | undefined;
}

/** The bytes to store. `stream`: can be opened once; `seekable`: any range any number of times; `lazy`: opening costs upstream calls, so try hashes first. */
export interface UploadSource {
  /** Bytes; absent only where the driver's trait `upload.size` is `optional`. */
  readonly size?: number;
  /** Milliseconds since the epoch: the time that the file should have, where the mount can set times. */
  readonly modifiedAt?: number;
  /** What is known before the first byte. */
  readonly hashes: Hashes;
  readonly kind: "stream" | "seekable" | "lazy";
  open(range?: ByteRange): Promise<Readable>;
  /**
   * A digest of the content or of a range of it; of a `stream` only whole, and it settles after the body ended. Those that the driver's trait `hashes`
   * names are computed while the content passes: once it was read whole, they cost nothing, and no driver need compute its own.
   */
  digest(name: HashName, range?: ByteRange): Promise<string>;
}

/** Bytes; a field is absent when the service does not tell it. */
export interface Usage {
  readonly used?: number;
  readonly total?: number;
  readonly trashed?: number;
}

export interface TrashedEntry {
  readonly id: string;
  readonly name: string;
  readonly kind: Entry["kind"];
  readonly size?: number;
  /** Milliseconds since the epoch. */
  readonly removedAt?: number;
  /** Where it was, and comes back to; absent when the service does not tell. */
  readonly originalPath?: MountPath;
}

/** The service's own recycle bin. */
export interface Trash {
  list(o: CallOptions): AsyncIterable<readonly TrashedEntry[]>;
  restore(ids: readonly string[], o: CallOptions): Promise<BatchResult>;
  purge(ids: readonly string[], o: CallOptions & { readonly secret?: string }): Promise<BatchResult>;
  empty(o: CallOptions & { readonly secret?: string }): Promise<void>;
}

export interface OfflineTask {
  readonly id: string;
  readonly name: string;
  readonly url?: string;
  readonly size?: number;
  /** 0 … 1. */
  readonly progress: number;
  readonly state: "waiting" | "running" | "done" | "failed";
  readonly error?: string;
}

/** Downloads that the service makes by itself into a directory of the mount. */
export interface OfflineDownloads {
  add(urls: readonly string[], parent: Entry, o: CallOptions): Promise<readonly (OfflineTask | StorageError)[]>;
  list(o: CallOptions): AsyncIterable<readonly OfflineTask[]>;
  remove(ids: readonly string[], o: CallOptions & { readonly files: boolean }): Promise<void>;
  clear(which: "done" | "failed" | "all", o: CallOptions): Promise<void>;
  quota(o: CallOptions): Promise<{ used: number; total: number }>;
}

/**
 * One opened storage. A method that is absent means that the storage cannot do it: there are no stubs.
 * Where only the service can tell, a call may fail `unsupported`, and the vfs withdraws the ability until the mount is opened again.
 * Every method takes a signal; when it aborts, the method throws `signal.reason` and lets go of what it holds.
 */
export interface Mount {
  /** `"115:<uid>"`: entries of any mount in the same realm are legal arguments. */
  readonly realm?: string;
  /** The root directory. Makes the mount's first upstream call; throws `unauthenticated`, `not-found`, `unavailable`, … */
  root(o: CallOptions): Promise<Entry>;
  /**
   * Pages of a directory's entries as they arrive. Ends only when the listing is complete; anything else throws.
   * Throws `not-found`, `not-a-directory`.
   */
  list(directory: Entry, o: CallOptions): AsyncIterable<readonly Entry[]>;
  /** One entry by its path, only where that is cheaper than walking. Throws `not-found`; `not-a-directory` when a file stands in the way. */
  stat?(path: MountPath, o: CallOptions): Promise<Entry>;

  /** Where the bytes of a file are. Throws `not-found`, `is-a-directory`. */
  link?(file: Entry, client: ClientHints, o: CallOptions): Promise<Link>;
  /**
   * The bytes of a file: exactly the range, or the stream fails with `incomplete`. A range that ends past the file is cut to it;
   * one that begins past it is `range-not-satisfiable`. Throws `not-found`, `is-a-directory`, and `precondition-failed` where it can tell that the
   * content is another than the entry says (its `version` or size).
   */
  read?(file: Entry, range: ByteRange | undefined, o: CallOptions): Promise<Readable>;

  /** Throws `already-exists`, `not-found` (the parent), `invalid-name`. */
  createDirectory?(parent: Entry, name: string, o: CallOptions): Promise<Entry>;
  /** Moves entries into `parent`; one entry with `o.name` may be a rename. Undoes the first of two upstream calls when the second fails; if that fails too, `incomplete`. */
  move?(entries: readonly Entry[], parent: Entry, o: MoveOptions): Promise<BatchResult>;
  /** Copies entries with all they contain, at the service. */
  copy?(entries: readonly Entry[], parent: Entry, o: CopyOptions): Promise<BatchResult>;
  /** Removes entries; directories with all they contain. */
  remove?(entries: readonly Entry[], o: RemoveOptions): Promise<BatchResult>;
  /** Stores a file and returns it as stored. With `replace` the old file lives until the new one is complete. */
  upload?(parent: Entry, name: string, source: UploadSource, o: UploadOptions): Promise<Entry>;
  /** Lets go of what a checkpoint holds at the service. */
  abandonUpload?(state: Json, o: CallOptions): Promise<void>;
  setModifiedAt?(entry: Entry, ms: number, o: CallOptions): Promise<Entry>;
  /** Takes entries of another driver's mount at the service (115 from a 115 share). */
  receive?(
    entries: readonly Entry[],
    source: { readonly driver: string; readonly settings: Json },
    parent: Entry,
    o: CopyOptions,
  ): Promise<BatchResult>;
  /** Where a preview is, about `size` pixels wide; fetched by the server, never given to a client. */
  thumbnailLink?(file: Entry, size: number, o: CallOptions): Promise<Link>;

  usage?(o: CallOptions): Promise<Usage>;
  /** Calls `changed` soon after a directory's entries change by another's hand, until the signal aborts. Throws where watching is impossible. */
  watch?(directory: Entry, changed: () => void, signal: AbortSignal): void;
  readonly offline?: OfflineDownloads;
  readonly trash?: Trash;
  close?(): Promise<void>;
}

/** The methods of a mount that do something at the service, in interface order. */
export const OPERATIONS = [
  "root",
  "list",
  "stat",
  "link",
  "read",
  "createDirectory",
  "move",
  "copy",
  "remove",
  "upload",
  "abandonUpload",
  "setModifiedAt",
  "receive",
  "thumbnailLink",
  "usage",
] as const;
export type Operation = (typeof OPERATIONS)[number];
