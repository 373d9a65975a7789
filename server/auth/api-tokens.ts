/** Tokens that people make for their programs: each with a scope, a folder and an end, shown once and kept as hashes. */
import { createHash, randomBytes } from "node:crypto";
import type { Selectable } from "kysely";
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { joinPath, parsePath, splitPath } from "#drivers/contract/path.ts";
import type { Store } from "../store/store.ts";
import type { ApiTokenTable, UserTable } from "../store/tables/auth.ts";
import { AuthError } from "./auth-error.ts";
import { ALL_BITS, READING_BITS } from "./permission-bits.ts";
import { toUser, type User } from "./users.ts";

/** `read` changes nothing; `write` does what its user may do to files; `admin` administers too, where its user may. */
export const TOKEN_SCOPES = ["read", "write", "admin"] as const;
export type TokenScope = (typeof TOKEN_SCOPES)[number];

export interface ApiToken {
  readonly id: number;
  readonly userId: number;
  readonly userName: string;
  readonly name: string;
  readonly scope: TokenScope;
  /** What its holder sees as `/`, inside the user's base path. */
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Milliseconds since the epoch; absent: never. */
  readonly expiresAt?: number;
  readonly lastUsedAt?: number;
}

export interface ApiTokenInput {
  readonly name: string;
  readonly scope: TokenScope;
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
}

export interface ApiTokens {
  /** Makes a token; its text is never known again. Throws `invalid-config` on a wrong name, scope or end, `already-exists` on a name that the user has a token of, PathError. */
  create(user: User, input: ApiTokenInput): Promise<{ readonly token: string; readonly info: ApiToken }>;
  /** Newest first; of one user, or of all. */
  list(userId?: number): Promise<readonly ApiToken[]>;
  /** Throws `not-found`; with `userId` also for another user's token. */
  revoke(id: number, userId?: number): Promise<void>;
  /** The user that a token stands for, less what it may not do. Throws AuthError 401. */
  verify(token: string): { readonly user: User; readonly id: number; readonly scope: TokenScope };
}

/** What a token begins with, so that it is known in a scan of leaked text, and never taken for a password. */
const PREFIX = "pandav_";

/** True for what looks like one of our tokens. */
export function looksLikeApiToken(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** Longest name, in characters. */
const MAX_NAME = 100;
/** Tokens of one user. */
const MOST_TOKENS = 100;
/** `last_used_at` is for people: a write per request would cost more than the answer. */
const TOUCH_EVERY_MS = 60_000;

type Row = Selectable<ApiTokenTable> & { readonly user_name: string };

/** The tokens of a store. */
export function openApiTokens(
  { db, connection, changes }: Pick<Store, "db" | "connection" | "changes">,
  clock: Clock,
): ApiTokens {
  const byHash = connection.prepare(db.selectFrom("api_token").selectAll().where("hash", "=", "").compile().sql);
  const userById = connection.prepare(db.selectFrom("user").selectAll().where("id", "=", 0).compile().sql);
  // Asked with every request: kept as long as nothing at all was written to the database.
  const kept = new Map<string, { readonly row: Selectable<ApiTokenTable>; readonly owner: User }>();
  let keptAt = changes();
  const touched = new Map<number, number>();

  function find(hash: string) {
    const now = changes();
    if (now !== keptAt) kept.clear();
    keptAt = now;
    const known = kept.get(hash);
    if (known) return known;
    const row = byHash.get(hash) as Selectable<ApiTokenTable> | undefined;
    const owner = row && (userById.get(row.user_id) as Selectable<UserTable> | undefined);
    if (!row || !owner) return undefined;
    const found = { row, owner: toUser(owner) };
    kept.set(hash, found);
    return found;
  }

  function touch({ id, last_used_at }: Selectable<ApiTokenTable>, now: number): void {
    if (now - Math.max(last_used_at ?? 0, touched.get(id) ?? 0) < TOUCH_EVERY_MS) return;
    touched.set(id, now);
    // Not waited for: when it was last used is no part of the answer.
    void db
      .updateTable("api_token")
      .set({ last_used_at: now })
      .where("id", "=", id)
      .execute()
      .catch(() => touched.delete(id));
  }

  const rows = () =>
    db
      .selectFrom("api_token")
      .innerJoin("user", "user.id", "api_token.user_id")
      .selectAll("api_token")
      .select("user.name as user_name")
      .orderBy("api_token.id", "desc");

  return {
    async create(user, { name, scope, path, expiresAt }) {
      const { id: userId } = user;
      if (name === "" || name.length > MAX_NAME || /\p{Cc}/u.test(name) || !name.isWellFormed()) {
        throw new StorageError("invalid-config", `the name of a token has 1 to ${MAX_NAME} characters`);
      }
      if (expiresAt !== undefined && expiresAt <= clock.now()) {
        throw new StorageError("invalid-config", "the end of the token is not in the future");
      }
      const inside = parsePath(path);
      if (scope === "admin" && user.role !== "admin") {
        throw new StorageError("invalid-config", `${user.name} is no administrator: scope is read or write`);
      }
      if (scope === "admin" && inside !== "/") {
        throw new StorageError(
          "invalid-config",
          "who administers does so everywhere: a token of scope admin has no path",
        );
      }
      const own = await rows().where("api_token.user_id", "=", userId).execute();
      if (own.some((one) => one.name === name)) {
        throw new StorageError(
          "already-exists",
          `${user.name} has a token "${name}" already: revoke it, or choose another name`,
        );
      }
      if (own.length >= MOST_TOKENS) {
        throw new StorageError("invalid-config", `${user.name} has ${MOST_TOKENS} tokens: revoke some`);
      }
      const token = PREFIX + randomBytes(32).toString("base64url");
      const made = await db
        .insertInto("api_token")
        .values({
          user_id: userId,
          name,
          hash: hashOf(token),
          scope,
          path: inside,
          created_at: clock.now(),
          expires_at: expiresAt ?? null,
          last_used_at: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      return { token, info: toToken({ ...made, user_name: user.name }) };
    },
    async list(userId) {
      const query = userId === undefined ? rows() : rows().where("api_token.user_id", "=", userId);
      return (await query.execute()).map(toToken);
    },
    async revoke(id, userId) {
      const all = db.deleteFrom("api_token").where("id", "=", id);
      const query = userId === undefined ? all : all.where("user_id", "=", userId);
      const { numDeletedRows } = await query.executeTakeFirst();
      if (numDeletedRows === 0n) throw new StorageError("not-found", `there is no token with the id ${id}`);
    },
    verify(token) {
      const found = find(hashOf(token));
      if (!found) throw new AuthError(401, "token is invalidated");
      const now = clock.now();
      const { row, owner } = found;
      if (row.expires_at !== null && row.expires_at <= now) throw new AuthError(401, "token is expired");
      if (owner.disabled) throw new AuthError(401, "Current user is disabled, replace please");
      touch(row, now);
      const scope = row.scope as TokenScope;
      return { user: narrowed(owner, scope, row.path), id: row.id, scope };
    },
  };
}

/** The user as a token of his may act: every check of a user then holds for it without knowing of tokens. */
function narrowed(user: User, scope: TokenScope, path: string): User {
  if (scope === "admin" && user.role === "admin") return user;
  const bits = user.role === "admin" ? ALL_BITS : user.permission;
  return {
    ...user,
    // Only the administrator himself, or a token that says so, administers.
    role: user.role === "admin" ? "general" : user.role,
    basePath: splitPath(path).reduce(joinPath, user.basePath),
    permission: scope === "read" ? bits & READING_BITS : bits,
  };
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function toToken(row: Row): ApiToken {
  return {
    id: row.id,
    userId: row.user_id,
    userName: row.user_name,
    name: row.name,
    scope: row.scope as TokenScope,
    path: row.path,
    createdAt: row.created_at,
    ...(row.expires_at !== null && { expiresAt: row.expires_at }),
    ...(row.last_used_at !== null && { lastUsedAt: row.last_used_at }),
  };
}
