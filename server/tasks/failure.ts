/** What a failure means for a task, and when it is tried again. */
import { type ErrorKind, StorageError } from "#drivers/contract/errors.ts";
import { AuthError } from "../auth/auth-error.ts";
import { withoutSecrets } from "../upstream/redact.ts";
import type { FailureClass } from "./api.ts";

/** Whether waiting helps, where the error itself does not say so. */
const CLASSES = {
  "not-found": "permanent",
  "already-exists": "permanent",
  "not-a-directory": "permanent",
  "is-a-directory": "permanent",
  "not-empty": "permanent",
  "invalid-name": "permanent",
  "invalid-config": "permanent",
  unauthenticated: "needs-login",
  "permission-denied": "permanent",
  unsupported: "permanent",
  "range-not-satisfiable": "permanent",
  "precondition-failed": "permanent",
  locked: "retryable",
  "quota-exceeded": "permanent",
  "too-large": "permanent",
  "rate-limited": "retryable",
  blocked: "retryable",
  unavailable: "retryable",
  timeout: "retryable",
  incomplete: "retryable",
  upstream: "retryable",
} as const satisfies Record<ErrorKind, FailureClass>;

/** Failures that say that the storage as a whole takes no calls at present. */
const STORAGE_WIDE = new Set<ErrorKind>(["rate-limited", "blocked", "unavailable", "unauthenticated"]);

/** Longest message that is kept, in UTF-16 units. */
const MAX_MESSAGE = 500;

export interface Failure {
  /** One line for people, without secrets. */
  readonly message: string;
  readonly kind?: ErrorKind;
  readonly class: FailureClass;
  readonly retryAfterMs?: number;
}

/** Nothing but a person can help, whatever its kind. */
export class FailedForGood extends StorageError {}

/** What anything thrown means. What is neither a storage's nor a refusal is a bug, and says nothing. */
export function toFailure(error: unknown): Failure {
  if (error instanceof StorageError) {
    const { kind, retryable, retryAfterMs } = error;
    return {
      message: clean(error.message),
      kind,
      class: error instanceof FailedForGood ? "permanent" : retryable ? "retryable" : CLASSES[kind],
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  }
  if (error instanceof AuthError) return { message: error.message, kind: "permission-denied", class: "permanent" };
  return { message: "internal error (see the log)", class: "permanent" };
}

/** True where going on with other files now would only repeat the failure. */
export function isStorageWide({ kind }: Pick<Failure, "kind">): boolean {
  return kind !== undefined && STORAGE_WIDE.has(kind);
}

/** True where no other file would fare better, whatever is waited for. */
export function isFull({ kind }: Pick<Failure, "kind">): boolean {
  return kind === "quota-exceeded";
}

/** Runs that fail without coming further before a person is needed. */
const MOST_TRIES = 10;
const FIRST_DELAY_MS = 10_000;
const LONGEST_DELAY_MS = 30 * 60_000;
/** An account whose login is over is asked about again after this, unless it is heard of before. */
const LOGIN_DELAY_MS = 10 * 60_000;

/** How long to wait after the `tries`th failure, in milliseconds; undefined: no more tries. `jitter` is 0 … 1. */
export function retryDelay(failure: Failure, tries: number, jitter: number): number | undefined {
  if (failure.class === "permanent") return undefined;
  if (failure.class === "needs-login") return LOGIN_DELAY_MS;
  if (tries >= MOST_TRIES) return undefined;
  const grown = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 3 ** (tries - 1));
  return Math.max(Math.round(grown * (0.9 + 0.2 * jitter)), failure.retryAfterMs ?? 0);
}

function clean(message: string): string {
  return withoutSecrets(message)
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ")
    .trim()
    .slice(0, MAX_MESSAGE)
    .toWellFormed();
}
