/** The closed lists of what can go wrong at a storage, and the one error that carries it. */

/** What went wrong, as the server must react to it. Each kind maps to one status per front. */
export const ERROR_KINDS = [
  "not-found",
  "already-exists",
  "not-a-directory",
  "is-a-directory",
  "not-empty",
  "invalid-name",
  "invalid-config",
  "unauthenticated",
  "permission-denied",
  "unsupported",
  "range-not-satisfiable",
  "precondition-failed",
  "locked",
  "quota-exceeded",
  "too-large",
  "rate-limited",
  "blocked",
  "unavailable",
  "timeout",
  "incomplete",
  "upstream",
] as const;

export type ErrorKind = (typeof ERROR_KINDS)[number];

/** What a person must read about it; the panel translates each. */
export const REASONS = [
  "share-expired",
  "share-cancelled",
  "wrong-code",
  "under-review",
  "kicked",
  "captcha",
  "moderated",
  "busy",
  "device-discontinued",
  "expired",
  "cancelled",
  "refused",
  "campus-network",
  "verification-failed",
  "mount-inside",
  "disabled",
] as const;

export type Reason = (typeof REASONS)[number];

/** The upstream's own words about a failure: its HTTP status, code and request id where it gave them. */
export interface UpstreamDetails {
  readonly status?: number;
  readonly code?: number | string;
  readonly requestId?: string;
}

export interface StorageErrorDetails {
  readonly reason?: Reason;
  /** True where the same call may succeed when made again; the layer `retry` reads nothing else. */
  readonly retryable?: boolean;
  /** How long to wait before the next call, in milliseconds. */
  readonly retryAfterMs?: number;
  /** The absolute path of the entry that the failure is about, where it is known. */
  readonly path?: string;
  readonly upstream?: UpstreamDetails;
  readonly cause?: unknown;
}

/**
 * A failure of a storage call. `message` is for people and holds no secret.
 * An abort is never wrapped in it: `signal.reason` is rethrown as it is.
 */
export class StorageError extends Error {
  readonly kind: ErrorKind;
  readonly reason: Reason | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly path: string | undefined;
  readonly upstream: UpstreamDetails | undefined;

  /** Drivers that come as packages of their own cannot import this class: their errors of the name `StorageError` with a kind of the closed list count too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a subclass asks through this method too, and means itself
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    // biome-ignore lint/complexity/noThisInStatic: as above
    if (this !== StorageError || !(value instanceof Error) || value.name !== "StorageError") return false;
    return (ERROR_KINDS as readonly unknown[]).includes((value as Partial<StorageError>).kind);
  }

  constructor(kind: ErrorKind, message: string, details: StorageErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "StorageError";
    this.kind = kind;
    this.reason = details.reason;
    this.retryable = details.retryable ?? false;
    this.retryAfterMs = details.retryAfterMs;
    this.path = details.path;
    this.upstream = details.upstream;
  }
}

/** The failure's kind, or undefined for anything that is no StorageError (an abort, a bug). */
export function kindOf(error: unknown): ErrorKind | undefined {
  return error instanceof StorageError ? error.kind : undefined;
}

/** True for the refusal of an account whose login is over: its owner was told when that began, so that a repetition is no news. */
export function isLoginOver(error: unknown): boolean {
  return error instanceof StorageError && error.kind === "unauthenticated" && error.reason === "expired";
}

/** The same failure, said not to be worth another try: what `retry` throws when its tries are spent. */
export function spent(error: StorageError): StorageError {
  return new StorageError(error.kind, error.message, {
    ...(error.reason && { reason: error.reason }),
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
    ...(error.path !== undefined && { path: error.path }),
    ...(error.upstream && { upstream: error.upstream }),
    retryable: false,
    cause: error,
  });
}
