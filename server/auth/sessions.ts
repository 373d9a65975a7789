/** Logins that have not ended: AList's JWT (alist-api.md §4.4) with a row behind each, so that they outlive a restart and can be revoked. */
import { randomUUID } from "node:crypto";
import { decode, sign, verify } from "hono/utils/jwt/jwt";
import { z } from "zod";
import type { Clock } from "#drivers/contract/driver.ts";
import type { Settings } from "../store/settings.ts";
import type { Store } from "../store/store.ts";
import { AuthError } from "./auth-error.ts";
import type { User, Users } from "./users.ts";

/** A login that has not ended; times in milliseconds since the epoch. */
export interface SessionInfo {
  readonly id: string;
  readonly userId: number;
  readonly lastUsedAt: number;
  readonly userAgent: string;
}

/** Most sessions that are listed. */
const MOST_LISTED = 1000;

export interface Sessions {
  /** A token for a user who has just proved who he is; no two are equal. */
  start(user: User, userAgent: string): Promise<string>;
  /** Whose token it is. Throws AuthError 401 with AList's messages (alist-api.md §3). */
  verify(token: string): Promise<{ readonly user: User; readonly id: string }>;
  /** Ends one session; one that has ended already is no error. */
  end(id: string): Promise<void>;
  /** A user's, or everybody's, the last used first; at most a thousand. */
  list(userId?: number): Promise<readonly SessionInfo[]>;
}

/** The wire's claims in its order (alist-api.md §4.4), and `sid`: the session's row. */
const CLAIMS = z.object({
  username: z.string(),
  pwd_ts: z.number(),
  exp: z.number(),
  nbf: z.number(),
  iat: z.number(),
  sid: z.string(),
});

/** `last_used_at` is for people: a write per request would cost more than the answer. */
const TOUCH_EVERY_MS = 60_000;

/** The sessions of a store. Tokens are signed with the setting `jwt_secret` and live for `token_expires_in` hours. */
export function openSessions({ db }: Pick<Store, "db">, users: Users, settings: Settings, clock: Clock): Sessions {
  return {
    async start(user, userAgent) {
      const now = clock.now();
      const iat = Math.floor(now / 1000);
      const exp = iat + settings.get("token_expires_in") * 3600;
      const sid = randomUUID();
      await db.deleteFrom("session").where("expires_at", "<=", now).execute();
      await db
        .insertInto("session")
        .values({
          id: sid,
          user_id: user.id,
          created_at: now,
          expires_at: exp * 1000,
          last_used_at: now,
          user_agent: userAgent.slice(0, 200),
        })
        .execute();
      const claims = { username: user.name, pwd_ts: user.passwordChangedAt, exp, nbf: iat, iat, sid };
      return sign(claims, settings.get("jwt_secret"), "HS256");
    },
    async verify(token) {
      const claims = await openToken(token, settings.get("jwt_secret"));
      const now = clock.now();
      if (claims.exp * 1000 <= now) throw new AuthError(401, "token is expired");
      if (claims.nbf * 1000 > now) throw new AuthError(401, "token not active yet");
      const user = await users.find(claims.username);
      // Before the row, which a password change deletes: the caller should learn why.
      if (user && user.passwordChangedAt !== claims.pwd_ts) {
        throw new AuthError(401, "Password has been changed, login please");
      }
      const row = await db.selectFrom("session").selectAll().where("id", "=", claims.sid).executeTakeFirst();
      if (!user || row?.user_id !== user.id) throw new AuthError(401, "token is invalidated");
      if (user.disabled) throw new AuthError(401, "Current user is disabled, replace please");
      if (now - row.last_used_at >= TOUCH_EVERY_MS) {
        await db.updateTable("session").set({ last_used_at: now }).where("id", "=", row.id).execute();
      }
      return { user, id: row.id };
    },
    async end(id) {
      await db.deleteFrom("session").where("id", "=", id).execute();
    },
    async list(userId) {
      const rows = await db
        .selectFrom("session")
        .selectAll()
        .where("expires_at", ">", clock.now())
        .$if(userId !== undefined, (query) => query.where("user_id", "=", userId as number))
        .orderBy("last_used_at", "desc")
        .limit(MOST_LISTED)
        .execute();
      return rows.map((row) => ({
        id: row.id,
        userId: row.user_id,
        lastUsedAt: row.last_used_at,
        userAgent: row.user_agent,
      }));
    },
  };
}

/** The claims of a token that we signed; everything else is `token is invalidated`, as AList answers garbage and forgeries (alist-api.md §3). */
async function openToken(token: string, secret: string): Promise<z.output<typeof CLAIMS>> {
  try {
    decode(token);
  } catch {
    throw new AuthError(401, "token is invalidated: that's not even a token");
  }
  try {
    // Times are checked against our own clock, by the caller.
    return CLAIMS.parse(await verify(token, secret, { alg: "HS256", exp: false, nbf: false, iat: false }));
  } catch {
    throw new AuthError(401, "token is invalidated");
  }
}
