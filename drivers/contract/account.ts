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
  readonly id: string;
  readonly input: I;
  run(input: z.output<I>, env: DriverEnv, o: CallOptions): AsyncGenerator<LoginStep, C, LoginAnswer | undefined>;
}

export interface AccountDefinition<C> {
  readonly kind: string;
  readonly credential: z.ZodType<C>;
  readonly flows: readonly LoginFlow<C>[];
  /** Who this is: the same `userId` is the same account. */
  identify(credential: C, env: DriverEnv, o: CallOptions): Promise<{ userId: string; name: string }>;
  check(credential: C, env: DriverEnv, o: CallOptions): Promise<Health>;
  renew?(credential: C, env: DriverEnv, o: CallOptions): Promise<C>;
  /** A pasted cookie or token. */
  matchText?(text: string): C | undefined;
}
