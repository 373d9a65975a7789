/** Everything about who calls and what they may do, opened over one store. */
import type { Clock, Log } from "#drivers/contract/driver.ts";
import type { Settings } from "../store/settings.ts";
import type { Store } from "../store/store.ts";
import { type Authenticator, createAuthenticator } from "./authenticator.ts";
import { createSignatures, type Signatures } from "./link-signature.ts";
import { openSessions, type Sessions } from "./sessions.ts";
import { createOwner, openUsers, type Users } from "./users.ts";

/** What fronts are given. What a user may do is decided by the functions of `permissions.ts`. */
export interface Auth {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly authenticator: Authenticator;
  readonly signatures: Signatures;
  /** The administrator's password, set only when this start made the account: print it once. */
  readonly firstPassword?: string;
}

export interface AuthOptions {
  readonly store: Pick<Store, "db" | "connection" | "changes">;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  /** The administrator's password at the first start (`PANDAV_ADMIN_PASSWORD`), instead of a random one. Later starts ignore it. */
  readonly adminPassword?: string;
}

/** Opens users, sessions, authenticator and link signatures; makes the administrator at the first start. */
export async function openAuth({ store, settings, clock, log, adminPassword }: AuthOptions): Promise<Auth> {
  const firstPassword = await createOwner(store, adminPassword);
  if (firstPassword !== undefined) log.info({}, "the account admin was created");
  const users = openUsers(store, clock);
  const sessions = openSessions(store, users, settings, clock);
  return {
    users,
    sessions,
    authenticator: createAuthenticator(users, sessions, settings, clock),
    signatures: createSignatures(settings, clock),
    ...(firstPassword !== undefined && { firstPassword }),
  };
}
