/** What an account at a service is: its credential, the ways to log in, and its health. */
import type { z } from "zod";
import type { DriverEnv } from "./driver.ts";
import type { Reason } from "./errors.ts";
import type { CallOptions, Json } from "./mount.ts";

/** A mount's view of its account. */
export interface AccountHandle<C> {
  readonly userId?: string;
  get(): Promise<C>;
  /** A credential newer than the one that failed: single flight, saved before use. Throws `unauthenticated` when only a person can help. */
  renew(failed: C): Promise<C>;
  /** For cookies that rotate on any reply. */
  update(patch: Partial<C>): Promise<void>;
}

export interface Health {
  readonly state: "ok" | "expiring" | "expired" | "kicked" | "action-needed" | "throttled" | "blocked";
  /** Milliseconds since the epoch. */
  readonly until?: number;
  readonly reason?: Reason;
}

export type LoginStep =
  | {
      readonly kind: "qr";
      readonly content: string;
      readonly url?: string;
      readonly state: "waiting" | "scanned" | "refreshed";
      readonly expiresAt?: number;
    }
  | { readonly kind: "fields"; readonly fields: z.ZodObject }
  | { readonly kind: "code"; readonly sentTo?: string };

export type LoginAnswer = { readonly fields: Json } | { readonly code: string };

/** One way to log in. Ends in a credential, or throws a StorageError with reason `expired`, `cancelled` or `refused`. */
export interface LoginFlow<C, I extends z.ZodObject = z.ZodObject> {
  /** Unique in its kind; `qr`, `cookie` and `token` are what the command line's own options mean. */
  readonly id: string;
  /** Shown to people; default: the id. */
  readonly title?: string;
  /** What must be known before it begins; every field has title and description. */
  readonly input: I;
  run(input: z.output<I>, env: DriverEnv, o: CallOptions): AsyncGenerator<LoginStep, C, LoginAnswer | undefined>;
}

/** One kind of account: whose login it is, how one gets it, and how it is kept alive. `C` is its credential, a JSON object. */
export interface AccountDefinition<C> {
  /** Lower-case letters, digits and hyphens, as a driver's `account.kind` names it. */
  readonly kind: string;
  /** Shown to people, e.g. `SJTU jAccount`. */
  readonly title: string;
  /** Reads what was stored; must take all that it ever gave. */
  readonly credential: z.ZodType<C>;
  /** Requests that the service bears from one account; default 2 a second after a burst of 10. */
  readonly budget?: { readonly perSecond: number; readonly burst: number };
  readonly flows: readonly LoginFlow<C>[];
  /** Who this is: the same `userId` is the same account. */
  identify(credential: C, env: DriverEnv, o: CallOptions): Promise<{ userId: string; name: string }>;
  /** How the account is doing at the service. A login that is over is `expired`, or thrown as `unauthenticated`. */
  check(credential: C, env: DriverEnv, o: CallOptions): Promise<Health>;
  /** A newer credential without a person. Throws `unauthenticated` when only a person can help; any other failure leaves the account as it is. */
  renew?(credential: C, env: DriverEnv, o: CallOptions): Promise<C>;
  /** A pasted cookie or token. */
  matchText?(text: string): C | undefined;
  /** The content of another client's session file. */
  importSession?(text: string): C | undefined;
}

/** The definition itself, its type inferred. */
export function defineAccount<C>(definition: AccountDefinition<C>): AccountDefinition<C> {
  return definition;
}

/** A definition whose credential's type is not known here: what the registry holds. */
// biome-ignore lint/suspicious/noExplicitAny: definitions of different credentials live in one map, and what is stored is checked by their own schema when read
export type AnyAccount = AccountDefinition<any>;
