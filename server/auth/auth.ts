/** Everything about who calls and what they may do, opened over one store. */
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { openSealing } from "../store/sealing.ts";
import type { Settings } from "../store/settings.ts";
import type { Store } from "../store/store.ts";
import { type ApiTokens, openApiTokens } from "./api-tokens.ts";
import { createAttempts } from "./attempts.ts";
import { type Audit, openAudit } from "./audit.ts";
import { audited } from "./audited.ts";
import { type Authenticator, createAuthenticator } from "./authenticator.ts";
import { createOwner } from "./first-users.ts";
import { createSignatures, type Signatures } from "./link-signature.ts";
import { type Metas, openMetas } from "./metas.ts";
import { createPermissions, type Permissions } from "./permissions.ts";
import { openSessions, type Sessions } from "./sessions.ts";
import { openShares, type Shares } from "./shares.ts";
import { openUsers, type Users } from "./users.ts";

/** What fronts are given. What a user may do is decided by `permissions` alone. */
export interface Auth {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly tokens: ApiTokens;
  readonly metas: Metas;
  readonly permissions: Permissions;
  readonly authenticator: Authenticator;
  readonly signatures: Signatures;
  readonly audit: Audit;
  readonly shares: Shares;
  /** The administrator's password, set only when this start made the account: print it once. */
  readonly firstPassword?: string;
}

export interface AuthOptions {
  readonly store: Pick<Store, "db" | "connection" | "changes" | "dataDir">;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  /** What secrets are sealed with (64 hexadecimal digits, `PANDAV_SECRET_KEY`), instead of the key file of the data folder. */
  readonly secretKey?: string;
  /** The administrator's password at the first start (`PANDAV_ADMIN_PASSWORD`), instead of a random one. Later starts ignore it. */
  readonly adminPassword?: string;
}

/** Opens users, sessions, tokens, rules of folders, authenticator and link signatures; makes the administrator at the first start. */
export async function openAuth({ store, settings, clock, log, secretKey, adminPassword }: AuthOptions): Promise<Auth> {
  const firstPassword = await createOwner(store, adminPassword);
  if (firstPassword !== undefined) log.info({}, "the account admin was created");
  const sealing = openSealing(store.dataDir, secretKey);
  const users = openUsers(store, sealing, clock);
  const sessions = openSessions(store, users, settings, clock);
  const tokens = openApiTokens(store, clock);
  const metas = await openMetas(store, sealing);
  const attempts = createAttempts(clock);
  const audit = openAudit(store, clock, log);
  const authenticator = createAuthenticator({ users, sessions, tokens, settings, clock, attempts });
  return {
    users,
    sessions,
    tokens,
    metas,
    permissions: createPermissions(metas, attempts),
    authenticator: audited(authenticator, audit),
    audit,
    shares: openShares(store, { sealing, clock, attempts }),
    signatures: createSignatures(settings, clock, metas),
    ...(firstPassword !== undefined && { firstPassword }),
  };
}
