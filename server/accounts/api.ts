/** What the vfs and the fronts may ask about accounts. No credential passes here but on its way in. */
import type { AccountHandle, Health, LoginAnswer, LoginStep } from "#drivers/contract/account.ts";
import type { FieldDescription } from "#drivers/contract/config.ts";
import type { ErrorKind, Reason } from "#drivers/contract/errors.ts";
import type { CallOptions } from "#drivers/contract/mount.ts";
import type { Pacer } from "../upstream/pacer.ts";

/** An account as it is now; holds no secret. */
export interface AccountInfo {
  readonly id: number;
  readonly kind: string;
  /** Who it is at the service: unique in its kind. */
  readonly userId: string;
  readonly name: string;
  readonly health: Health;
  /** True when nothing can be done with it until a person logs in again. */
  readonly loginRequired: boolean;
  /** Requests a second, where its owner set it. */
  readonly rate?: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly modifiedAt: number;
}

/** What a mount gets of its account. */
export interface MountAccount {
  readonly handle: AccountHandle<unknown>;
  /** The account's budget, shared by all its mounts. */
  readonly pacer: Pacer;
  /** Throws `unauthenticated` while only a person can help: no call is worth making then. */
  demandLogin(): void;
}

/** What the vfs needs of the accounts. */
export interface AccountsForMounts {
  list(): readonly AccountInfo[];
  get(id: number): AccountInfo | undefined;
  /** Reads no credential and makes no call. Throws `not-found`; `invalid-config` where the account's kind is not there. */
  forMount(id: number): Promise<MountAccount>;
  /** Calls `listener` with the id of every account that can be used again; the returned function ends that. */
  onRecovered(listener: (id: number) => void): () => void;
}

/** The accounts of one data folder. */
export interface Accounts extends AccountsForMounts {
  /**
   * Asks the service whose credential it is and keeps it. The same user's account gets it, and its mounts try again.
   * Throws `invalid-config` on an unknown kind, and what the service failed with; nothing is stored then.
   */
  add(kind: string, credential: unknown, o: AddOptions): Promise<AccountInfo>;
  /** As `add`, of a pasted cookie or token, or of another client's session file. Throws `invalid-config` where the kind knows neither in it. */
  addText(kind: string, text: string, o: CallOptions): Promise<AccountInfo>;
  /** Asks the service how the account is, and remembers it. Throws `not-found`, and what kept the service from answering. */
  check(id: number, o: CallOptions): Promise<AccountInfo>;
  /** Forgets the credential; mounts stay and say that a login is required. Throws `not-found`. */
  logOut(id: number): Promise<AccountInfo>;
  /** Requests a second from now on, or undefined for the kind's own. Throws `not-found`, `invalid-config`. */
  setRate(id: number, perSecond: number | undefined): Promise<AccountInfo>;
  /** Forgets the account. Throws `not-found`; `locked`, naming the mounts, while storages use it. */
  remove(id: number): Promise<void>;
  /** Mount paths of the storages that use the account. */
  mountsOf(id: number): Promise<readonly string[]>;
  /** Stops what runs. */
  close(): Promise<void>;
}

export interface AddOptions extends CallOptions {
  /** The account that is being logged in anew; another user is refused with `invalid-config`. */
  readonly accountId?: number;
}

/** One step of a login, as fronts show it. */
export type LoginStepShown =
  | Exclude<LoginStep, { readonly kind: "fields" }>
  | { readonly kind: "fields"; readonly fields: readonly FieldDescription[] };

/** What came of a login. */
export interface LoginResult {
  readonly account: AccountInfo;
  /** The mount that was made, or was there, where one was wished for. */
  readonly mountPath?: string;
  /** Why there is no mount, though one was wished for: the login itself is kept. */
  readonly mountError?: LoginFailure;
}

export interface LoginFailure {
  readonly kind: ErrorKind | "internal";
  readonly reason?: Reason;
  readonly message: string;
}

/** A login that runs, or ended some minutes ago. */
export interface LoginState {
  readonly id: string;
  readonly kind: string;
  readonly flow: string;
  /** Grows with every change. */
  readonly sequence: number;
  readonly status: "running" | "done" | "failed";
  /** What to show, or to answer, now. */
  readonly step?: LoginStepShown;
  readonly result?: LoginResult;
  readonly error?: LoginFailure;
  /** When it ends by itself, in milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface LoginRequest {
  readonly kind: string;
  readonly flow: string;
  /** Checked by the flow's schema. */
  readonly input: Readonly<Record<string, unknown>>;
  /** The account that is to be logged in anew. */
  readonly accountId?: number;
  /** What is made of the account before the login counts as done. */
  finish(account: AccountInfo, o: CallOptions): Promise<LoginResult>;
}

/** Logins under way, in the memory of this process. */
export interface Logins {
  /** Begins a login. Throws `invalid-config`, naming kind, flow or field; `not-found` (the account); `rate-limited` where too many run. */
  start(request: LoginRequest): Promise<LoginState>;
  /** The state once its sequence number is above `after`, or after `waitMs`. Throws `not-found`. */
  state(id: string, after: number, waitMs: number, signal: AbortSignal): Promise<LoginState>;
  /** Answers the step `fields` or `code`. Throws `not-found`; `invalid-config` where nothing is asked, or the answer does not fit. */
  answer(id: string, answer: LoginAnswer): LoginState;
  /** Ends a login; one that has ended is forgotten. Throws `not-found`. */
  cancel(id: string): void;
  /** Ends them all. */
  close(): Promise<void>;
}
