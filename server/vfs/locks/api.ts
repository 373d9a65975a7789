/** What fronts may ask about locks. */
import type { Resource, VfsOptions } from "../resource.ts";
import type { HeldLock, LockHolder, LockRequest } from "./lock.ts";

/** A lock belongs to somebody. */
export interface LockingOptions extends VfsOptions {
  readonly holder: LockHolder;
}

export interface UnlockOptions extends LockingOptions {
  /** Gives back anybody's lock (RFC 4918 §6.4: administrators may). */
  readonly force?: boolean;
}

export interface LockGrant {
  readonly token: string;
  /** True where nothing was at the path: an empty file is there now. */
  readonly created: boolean;
}

/** The locks of a directory and of what is in it, as they were when the view was made. */
export interface LockView {
  readonly self: readonly HeldLock[];
  child(child: Pick<Resource, "key" | "path">): readonly HeldLock[];
}

export interface ResourceLocks {
  /** True where there is no lock anywhere. */
  readonly isEmpty: boolean;
  /**
   * Locks what is at a path, or an empty file that is made there (RFC 4918 §7.3). Throws `locked` (LockedError `conflict`), `quota-exceeded` for a
   * user with too many, and what finding and making throw.
   */
  lock(path: string, request: LockRequest, o: LockingOptions): Promise<LockGrant>;
  /** Renews the submitted locks that hold at a path, for that long from now. Throws `precondition-failed` where none is, `permission-denied` for others' locks. */
  refresh(path: string, timeoutMs: number, o: LockingOptions): Promise<void>;
  /** Throws `precondition-failed` where no lock of that token holds at the path, `permission-denied` for others' locks. */
  unlock(path: string, token: string, o: UnlockOptions): Promise<void>;
  /** The locks that hold at a path, by what the tree knows; asks no storage. */
  at(path: string): readonly HeldLock[];
  view(path: string): LockView;
  /** Throws `locked` where content and properties of what is at a path may not be changed: for fronts that must know before they read a body. */
  demandChangeable(path: string, o: Pick<VfsOptions, "holder">): void;
}
