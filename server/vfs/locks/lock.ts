/** Write locks as the vfs knows them (RFC 4918 §6, §7): what one is, who holds it, and the refusal of whoever does not. */
import { StorageError } from "#drivers/contract/errors.ts";

export type LockScope = "exclusive" | "shared";
export type LockDepth = "0" | "infinity";

/** Who asks for a change, as locks see him. */
export interface LockHolder {
  readonly userId: number;
  /** The lock tokens that he submits with the request. `own`: a front that knows no tokens, whose caller counts as submitting all of his. */
  readonly tokens: readonly string[] | "own";
}

/** What a client wants of a new lock. */
export interface LockRequest {
  readonly scope: LockScope;
  readonly depth: LockDepth;
  /** The `DAV:owner` element as it is given back, with the namespaces that it needs; `""` for none. */
  readonly owner: string;
  /** Milliseconds. */
  readonly timeoutMs: number;
}

/** One lock as it is kept. Immutable. It holds while its node is what lies at its path: the node's key alone would follow a move, the path alone another file. */
export interface Lock {
  /** `urn:uuid:…` */
  readonly token: string;
  readonly storageId: number;
  /** The node's key in the tree. */
  readonly n: number;
  /** `Entry.id` of what was locked. */
  readonly entryId: string;
  /** Its path inside the mount, `/` for the mount's root. */
  readonly inside: string;
  readonly scope: LockScope;
  readonly depth: LockDepth;
  readonly owner: string;
  readonly userId: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** One lock as fronts show it. */
export interface HeldLock extends Pick<Lock, "token" | "scope" | "depth" | "owner" | "userId"> {
  /** The absolute path of what was locked. */
  readonly root: string;
  readonly rootKind: "file" | "directory";
  /** Whole seconds until it ends by itself. */
  readonly secondsLeft: number;
}

/** A change or lock that a lock stands against; kind `locked`. */
export class LockedError extends StorageError {
  /** The absolute paths of what was locked, each with its kind; never empty. */
  readonly roots: readonly { readonly path: string; readonly kind: "file" | "directory" }[];
  /** `conflict`: a new lock would overlap (RFC 4918 §16 `no-conflicting-lock`); else a token is missing (`lock-token-submitted`). */
  readonly problem: "conflict" | "token";

  constructor(problem: LockedError["problem"], roots: LockedError["roots"]) {
    const path = roots[0]?.path ?? "/";
    super(
      "locked",
      problem === "conflict"
        ? `${path} is locked already`
        : `${path} is locked by another program or user: close the file there, or wait until the lock ends`,
      { path },
    );
    this.roots = roots;
    this.problem = problem;
  }
}
