/** What fronts see of tasks: work that outlives the request that asked for it, and restarts. */
import type { ErrorKind } from "#drivers/contract/errors.ts";
import type { Json } from "#drivers/contract/mount.ts";
import type { User } from "../auth/users.ts";

/** How a task is. `retrying`: it failed and waits for its next try. */
export type TaskState = "waiting" | "running" | "retrying" | "cancelling" | "cancelled" | "succeeded" | "failed";

/** States from which nothing follows by itself. */
export const ENDED_STATES = ["succeeded", "cancelled", "failed"] as const satisfies readonly TaskState[];

/** What a failure means: it is tried again by itself, nobody but a person can help, or the login of an account is over. */
export type FailureClass = "retryable" | "permanent" | "needs-login";

/** How far a task is. Files that were found equal count as skipped, and their bytes not at all. */
export interface Totals {
  readonly files: number;
  readonly filesDone: number;
  readonly filesSkipped: number;
  readonly filesFailed: number;
  readonly directories: number;
  readonly bytes: number;
  readonly bytesDone: number;
}

/** What goes which way, known before the first byte moves. */
export interface Plan {
  /** Equal already, or to be left as they are. */
  readonly skip: Amount;
  /** By one call to the service of both; a directory counts as one. */
  readonly service: Amount;
  /** Taken by the target's service from the source's; a directory counts as one. */
  readonly receive: Amount;
  /** Through this server, unless the target takes them by their hash. */
  readonly bytes: Amount;
}

export interface Amount {
  readonly files: number;
  readonly bytes: number;
}

/** A task as it is now. */
export interface Task {
  readonly id: string;
  readonly kind: string;
  readonly state: TaskState;
  readonly userId: number;
  /** The user's name when he asked. */
  readonly creator: string;
  readonly creatorRole: User["role"];
  /** The full paths that it is about. */
  readonly subject: TaskSubject;
  /** What it does at present, for people. */
  readonly step: string;
  readonly error?: { readonly message: string; readonly kind?: ErrorKind; readonly class: FailureClass };
  /** Runs that failed since the last one that came further. */
  readonly tries: number;
  /** When it is tried again; milliseconds since the epoch, as the other times. */
  readonly nextAt?: number;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly totals: Totals;
  readonly plan?: Plan;
  /** While it runs. */
  readonly bytesPerSecond?: number;
  /** How long it will still take at that speed. */
  readonly etaMs?: number;
}

export interface TaskSubject {
  /** What is copied, moved, stored or removed; of several the first. */
  readonly from: string;
  /** Where it goes: the new path itself. */
  readonly to?: string;
  /** How many paths it is about, where they are several. */
  readonly count?: number;
}

/** One file or directory of a task that failed. */
export interface FailedItem {
  /** Full path. */
  readonly path: string;
  readonly message: string;
  readonly kind?: ErrorKind;
}

/** What happened to a task. */
export type TaskEvent =
  | { readonly task: Task; readonly removed?: undefined }
  | { readonly removed: string; readonly userId: number; readonly task?: undefined };

export interface TaskQuery {
  readonly kind?: string;
  /** True: those that have ended; false: the others. Absent: both. */
  readonly ended?: boolean;
  /** Of this user alone. */
  readonly userId?: number;
  /** Of those that have ended the newest; default 1,000. */
  readonly limit?: number;
}

export interface Tasks {
  /** True while tasks run here, from `start` to `close`. */
  readonly runs: boolean;
  /** Aborts with `close`. */
  readonly closing: AbortSignal;
  /** Takes a task on, durable when it resolves: it runs when its turn comes, with the rights of who asked, which are checked now and again then. Throws AuthError 403, `invalid-config` on an input that its kind does not take, and what the kind refuses. */
  add(kind: string, input: Json, user: User): Promise<Task>;
  /** In the order of asking. */
  list(query: TaskQuery): Promise<readonly Task[]>;
  get(id: string): Promise<Task | undefined>;
  /** The first of what failed. */
  failedItems(id: string, limit: number): Promise<readonly FailedItem[]>;
  /** Stops it; what it has done stays. Without effect on one that has ended. */
  cancel(id: string): Promise<void>;
  /** Runs one that failed or was cancelled again, from where it was; one that waits for its next try has it now. */
  retry(id: string): Promise<void>;
  /** Forgets it, and stops it before where it runs. */
  remove(id: string): Promise<void>;
  /** Calls until the returned function is called. A listener must not throw. */
  subscribe(listener: (event: TaskEvent) => void): () => void;
  /** Begins to run tasks: those that a restart interrupted go on where they were. Without it they are only kept. */
  start(): void;
  /** Tries those again now that waited for a login. */
  wakeLogins(): void;
  /** Interrupts what runs, to go on after the next start. */
  close(signal: AbortSignal): Promise<void>;
}

/** Whether somebody may see a task and act on it: his own, and all for administrators (alist-api.md §13). */
export function maySee(user: User, task: Pick<Task, "userId">): boolean {
  return user.role === "admin" || task.userId === user.id;
}

export const NO_TOTALS: Totals = {
  files: 0,
  filesDone: 0,
  filesSkipped: 0,
  filesFailed: 0,
  directories: 0,
  bytes: 0,
  bytesDone: 0,
};
