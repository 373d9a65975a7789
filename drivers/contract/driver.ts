/** What a driver is: a named definition that opens mounts, and the environment that is all it may touch. */
import type { Got } from "got";
import type { CookieJar } from "tough-cookie";
import type { Dispatcher } from "undici";
import type WebSocket from "ws";
import type { z } from "zod";
import type { AccountHandle } from "./account.ts";
import type { CallOptions, Json, Mount } from "./mount.ts";
import type { Traits } from "./traits.ts";

/** Time as the driver sees it; tests turn it by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Structured log lines; secrets are redacted by name before they are written. */
export interface Log {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** A small durable key-value store of one mount. */
export interface MountState {
  get(key: string): Promise<Json | undefined>;
  set(key: string, value: Json): Promise<void>;
  delete(key: string): Promise<void>;
}

/** Everything that a driver may touch besides its own folder and the kit. */
export interface DriverEnv<C = unknown> {
  /** For API calls: paced per account, traced, secrets redacted, cancellable, with no retries of its own. */
  readonly api: Got;
  /** For bytes: an undici dispatcher with the same rerouting and proxy. */
  readonly bytes: Dispatcher;
  webSocket(url: string, options?: { readonly headers?: Readonly<Record<string, string>> }): WebSocket;
  cookieJar(): CookieJar;
  /** `n` random bytes. */
  random(n: number): Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent in a login flow and for drivers without an account. */
  readonly account?: AccountHandle<C>;
  readonly state?: MountState;
  /** Outgoing proxy URL of the account. */
  readonly proxy?: string;
  /** Real host → other origin, `*.example.com` allowed: the only way to reroute; `api`, `bytes` and `webSocket` follow it by themselves. */
  readonly upstreams: Readonly<Record<string, string>>;
  /** Test keys and the like, by name. */
  readonly overrides: Readonly<Record<string, unknown>>;
}

/** AList's flat storage form of a driver, read and shown; secrets are masked by `fields`. */
export interface AlistForm<S extends z.ZodObject, C> {
  readonly fields: z.ZodObject;
  from(
    addition: Json,
    env: DriverEnv<C>,
    o: CallOptions,
  ): Promise<{ settings: z.input<S>; credential?: C; ratePerSecond?: number }>;
  to(settings: z.output<S>, credential?: C): Json;
}

/** How to mount one kind of storage. `C` is the credential of the account that it needs. */
export interface DriverDefinition<S extends z.ZodObject = z.ZodObject, C = unknown> {
  readonly id: string;
  /** Shown to people, e.g. `Local folder`. */
  readonly title: string;
  /** AList's driver names, the first being the one that our AList wire shows as `provider`. */
  readonly aliases: readonly string[];
  /** Which folder and how; no secret but a share's code. */
  readonly settings: S;
  readonly traits: Traits;
  readonly account?: { readonly kind: string; readonly needed: "always" | "for-content" | "never" };
  /** Settings from a share link or a folder's URL pasted by a person. */
  matchShareText?(text: string): z.input<S> | undefined;
  readonly alist?: AlistForm<S, C>;
  /** Opens a mount without any upstream call: `root()` makes the first. */
  open(settings: z.output<S>, env: DriverEnv<C>, o: CallOptions): Promise<Mount>;
}

/** The definition itself, its types inferred. */
export function defineDriver<S extends z.ZodObject, C = unknown>(
  definition: DriverDefinition<S, C>,
): DriverDefinition<S, C> {
  return definition;
}

/** A definition whose settings and credential types are not known here: what the registry holds. */
// biome-ignore lint/suspicious/noExplicitAny: definitions of different settings live in one map, and are checked by their own schema when opened
export type AnyDriver = DriverDefinition<any, any>;
