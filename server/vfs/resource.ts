/** What the fronts see of the filesystem: paths outside, never an id. */
import type { Readable } from "node:stream";
import type { ByteRange, ClientHints, Conflict, Hashes, Priority, RemoveOptions } from "#drivers/contract/mount.ts";
import type { LockHolder } from "./locks/lock.ts";
import type { PendingFailure } from "./pending/record.ts";
import type { DeadProperty } from "./properties/dead-properties.ts";

export interface VfsOptions {
  readonly signal: AbortSignal;
  readonly priority?: Priority;
  /** Who asks for a change, and the lock tokens that he submits. Absent: nobody, against whom every lock stands. */
  readonly holder?: LockHolder;
}

/** A file or directory at a path. Immutable. */
export interface Resource {
  /** Absolute and normalised (`drivers/contract/path.ts`). */
  readonly path: string;
  /** The last segment, well-formed and free of control characters; `""` for `/`. */
  readonly name: string;
  readonly kind: "file" | "directory";
  /** Bytes; absent when unknown, and for directories. */
  readonly size?: number | undefined;
  /** `about`: no Range and no Content-Length may be derived from `size`. Absent means exact. */
  readonly sizeIs?: "exact" | "about" | undefined;
  /** Milliseconds since the epoch; for virtual directories the time their mount was last changed. */
  readonly modifiedAt?: number | undefined;
  readonly createdAt?: number | undefined;
  readonly hashes?: Hashes | undefined;
  /** Strong and quoted, the same in every answer about this content (RFC 9110 §8.8.3); files only. */
  readonly etag?: string | undefined;
  /** The node's key, never used twice; 0 for directories that exist only because a mount lies below them. */
  readonly key: number;
  /** The mount that holds it; absent for directories that exist only because a mount lies below them. */
  readonly mountPath?: string | undefined;
  /** True for a mount's root, and for a directory that holds mount points only. */
  readonly isMountPoint: boolean;
  /** What clients keep with it (RFC 4918 §4); absent for most. */
  readonly properties?: readonly DeadProperty[] | undefined;
  /** True while its content is ours alone (an upload on its way). */
  readonly pending: boolean;
  /** What the upload of its content, which waits here, has failed with. */
  readonly failure?: PendingFailure | undefined;
}

/** A directory with all that is in it. */
export interface Listing {
  readonly directory: Resource;
  /** Set when the listing is older than it should be because the storage did not answer: seconds since it was taken. */
  readonly staleSeconds?: number;
  /** Equal versions mean equal answers; absent when the listing must not be remembered. */
  readonly version?: string;
  /** The entries where they are in memory; absent for very large directories, which come in pages alone. */
  readonly entries?: readonly Resource[];
  /** The entries in pages of at most some thousand. Throws when the listing cannot be completed: the reader must not pretend that it ended. */
  pages(): AsyncIterable<readonly Resource[]>;
}

export interface ListOptions extends VfsOptions {
  /** Ask the storage again, whatever is known; unless it was asked a moment ago, but with `always` even then. */
  readonly refresh?: boolean | "always";
}

/** A file ready to be read. */
export interface OpenFile {
  readonly resource: Resource;
  /** The bytes of the range, or the whole file. Throws `range-not-satisfiable`; the stream fails with `incomplete` rather than ending early. */
  read(range?: ByteRange): Promise<Readable>;
}

/** How a file's bytes reach the client: redirected to where they are, or through us. */
export type Delivery =
  | {
      readonly kind: "redirect";
      readonly resource: Resource;
      readonly url: string;
      /** Milliseconds since the epoch; absent where the service does not tell. */
      readonly expiresAt?: number | undefined;
    }
  | ({ readonly kind: "proxy" } & OpenFile);

export interface DeliverOptions extends VfsOptions {
  readonly client: Omit<ClientHints, "purpose">;
  readonly method: "GET" | "HEAD";
}

/** What is known of content before its first byte. */
interface SourceFacts {
  /** Milliseconds since the epoch: what the client wants as the file's time. */
  readonly modifiedAt?: number;
  /** What the client says about the content; a mismatch fails the write with `precondition-failed`. */
  readonly hashes?: Hashes;
}

/** A body that comes once, from its beginning to its end. */
export interface StreamSource extends SourceFacts {
  readonly stream: Readable;
  /** Bytes; absent when the client did not say. Fewer or more bytes than that fail the write with `incomplete`. */
  readonly size?: number;
}

/** Content that can be read at any place any number of times, so that its upload goes on where it was when it is sent again. */
export interface SeekableSource extends SourceFacts {
  readonly size: number;
  /** Tells the same content again after a restart: a hash of it, or the file that it lies in and its time. */
  readonly identity: string;
  /** The content lies at another storage: opening it costs that storage's calls, and `hashes` are what it tells of it, so that nothing is read a second time for them. */
  readonly isElsewhere?: true;
  /** The bytes of a range, of which none has been read yet. */
  open(range: Required<ByteRange>): Promise<Readable>;
  /** Throws where the content is no longer the one that was announced. Asked at the end of every range, before it is let through. */
  check(): Promise<void>;
}

/** Content to store. */
export type WriteSource = StreamSource | SeekableSource;

export interface WriteOptions extends VfsOptions {
  /** `replace` (default), `fail` with `already-exists`, or `rename`: the storage chooses a free name, which the result tells. */
  readonly conflict?: Conflict;
  /**
   * An empty file, or a file manager's own, may be kept here until content comes, where the storage is set up so (`placeholders`). `likely`: the program is
   * known to make files empty first, and to write files of its own; `possible`: of this one nobody knows. Absent: it is meant as it comes.
   */
  readonly mayBeKept?: "likely" | "possible";
  /** The caller would rather be answered when the content is kept here durably, where the storage's mode is `auto`. */
  readonly answerEarly?: boolean;
  /**
   * Called with what is at the path now (undefined: nothing): before the first byte is read, and again before the new content takes its place.
   * What it throws fails the write; nothing has changed then.
   */
  check?(existing: Resource | undefined): void;
  /** Called with the bytes that the storage has so far, cumulative; those of an upload that goes on count from the first call on. */
  onProgress?(bytes: number): void;
}

export interface WriteResult {
  /** Under the name that it got. */
  readonly resource: Resource;
  /** False when something was replaced. */
  readonly created: boolean;
  /** True where the file's time is the one asked for: the storage's own, or remembered. */
  readonly modifiedAtStored: boolean;
  /** Set where the content is kept here durably and waits for its upload: its id among the pending ones, and its task's. */
  readonly pending?: string;
}

export interface RemovalOptions extends VfsOptions {
  /** Called with what is there just before it is removed; what it throws keeps it. */
  check?(existing: Resource): void;
  /** Default: into the storage's recycle bin where it has one, else for good. `trash` fails `unsupported` where there is none. */
  readonly mode?: RemoveOptions["mode"];
  /** Removes a directory only where it is empty; else `not-empty`. */
  readonly onlyEmpty?: boolean;
  /** Default true; false: a directory is `is-a-directory`, unless `onlyEmpty`. */
  readonly recursive?: boolean;
}

export interface TransferOptions extends VfsOptions {
  /** What to do when the destination exists: fail `precondition-failed`, replace it, or choose another name beside it. */
  readonly conflict: Conflict;
  /** True: however many bytes pass through this server, the caller waits. */
  readonly anySize?: boolean;
  /** Called with the bytes copied so far, cumulative; never for what the service moves by itself. */
  onProgress?(bytes: number): void;
  /** COPY with Depth 0: the directory alone. Default true. */
  readonly recursive?: boolean;
}

/**
 * How a copy or move would go: by one call to the service, by one call with which the target's service takes it from the source's, or as bytes through
 * this server.
 */
export type TransferWay = "service" | "receive" | "bytes";

/** A link that needs no header of ours. */
export interface PlainLink {
  readonly url: string;
  /** Milliseconds since the epoch; absent where the service does not say. */
  readonly expiresAt?: number;
}

export interface TransferResult {
  /** False when something was replaced. */
  readonly created: boolean;
  /** What was copied or moved, as it was then. */
  readonly source: Resource;
  /** Where it is now; absent where a new name was to be chosen and the storage did not tell it. */
  readonly path?: string;
}
