/** Logins that have not ended: AList's JWT (alist-api.md §4.4) with a row behind each, so that they outlive a restart and can be revoked. */
import { createHash, randomUUID } from "node:crypto";
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
  /** Lets a user's tokens of the server that he came from go on, those made before now: they bear its key, and no session's id. */
  adopt(userId: number): Promise<void>;
  /** A user's, or everybody's, the last used first; at most a thousand. */
  list(userId?: number): Promise<readonly SessionInfo[]>;
}

/** The wire's claims in its order (alist-api.md §4.4), and `sid`: the session's row. Tokens of other servers have none. */
const CLAIMS = z.object({
  username: z.string(),
  pwd_ts: z.number(),
  exp: z.number(),
  nbf: z.number(),
  iat: z.number(),
  sid: z.string().optional(),
});
type Claims = z.output<typeof CLAIMS>;

/** `last_used_at` is for people: a write per request would cost more than the answer. */
const TOUCH_EVERY_MS = 60_000;

/** The sessions of a store. Tokens are signed with the setting `jwt_secret` and live for `token_expires_in` hours. */
export function openSessions({ db }: Pick<Store, "db">, users: Users, settings: Settings, clock: Clock): Sessions {
  const rowOf = (id: string) => db.selectFrom("session").selectAll().where("id", "=", id).executeTakeFirst();

  /** The row of a token that another server made for a user who came from there, made when it is first seen; undefined where it is not let in. */
  async function adopted(token: string, claims: Claims, user: User) {
    const id = adoptedId(token);
    const known = await rowOf(id);
    if (known) return known;
    const login = await db.selectFrom("adopted_login").selectAll().where("user_id", "=", user.id).executeTakeFirst();
    if (!login || claims.iat > login.issued_until) return undefined;
    const ended = await db.selectFrom("ended_token").select("id").where("id", "=", id).executeTakeFirst();
    if (ended) return undefined;
    const now = clock.now();
    await db
      .insertInto("session")
      .values({
        id,
        user_id: user.id,
        created_at: claims.iat * 1000,
        expires_at: claims.exp * 1000,
        last_used_at: now,
        user_agent: "",
      })
      .onConflict((c) => c.doNothing())
      .execute();
    return rowOf(id);
  }

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
      const row = claims.sid !== undefined ? await rowOf(claims.sid) : user && (await adopted(token, claims, user));
      if (!user || row?.user_id !== user.id) throw new AuthError(401, "token is invalidated");
      if (user.disabled) throw new AuthError(401, "Current user is disabled, replace please");
      if (now - row.last_used_at >= TOUCH_EVERY_MS) {
        await db.updateTable("session").set({ last_used_at: now }).where("id", "=", row.id).execute();
      }
      return { user, id: row.id };
    },
    async end(id) {
      const row = id.startsWith(ADOPTED) ? await rowOf(id) : undefined;
      await db.transaction().execute(async (trx) => {
        // Its token still bears the right key: without this it would be adopted again.
        if (row) {
          await trx.deleteFrom("ended_token").where("expires_at", "<=", clock.now()).execute();
          const ended = { id, expires_at: row.expires_at };
          await trx
            .insertInto("ended_token")
            .values(ended)
            .onConflict((c) => c.doNothing())
            .execute();
        }
        await trx.deleteFrom("session").where("id", "=", id).execute();
      });
    },
    async adopt(userId) {
      const issued_until = Math.floor(clock.now() / 1000);
      await db
        .insertInto("adopted_login")
        .values({ user_id: userId, issued_until })
        .onConflict((c) => c.column("user_id").doUpdateSet({ issued_until }))
        .execute();
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

/** Stands before the ids of sessions whose tokens another server made. */
const ADOPTED = "adopted-";

function adoptedId(token: string): string {
  return ADOPTED + createHash("sha256").update(token).digest("base64url");
}

/** The claims of a token that we signed; everything else is `token is invalidated`, as AList answers garbage and forgeries (alist-api.md §3). */
async function openToken(token: string, secret: string): Promise<Claims> {
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
