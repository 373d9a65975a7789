/** Who is calling: Basic for WebDAV, tokens for the API, passwords for the login, the socket for the owner. */
import { createHash, hash, randomBytes, timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Clock } from "#drivers/contract/driver.ts";
import type { Settings } from "../store/settings.ts";
import { createAttempts } from "./attempts.ts";
import { AuthError } from "./auth-error.ts";
import { parseBasic } from "./basic.ts";
import { hashPassword, staticHash, verifyPassword } from "./passwords.ts";
import type { Sessions } from "./sessions.ts";
import type { User, Users } from "./users.ts";

/** Somebody who proved who he is, and how. */
export interface Caller {
  readonly user: User;
  readonly by: "password" | "session" | "token" | "guest" | "owner";
  /** With `by: "session"`. */
  readonly sessionId?: string;
}

export interface Authenticator {
  /**
   * The caller of an `Authorization` header at a front for file clients: `Basic`, or `Bearer` with a token (alist-api.md §17.2). `address` is the client's.
   * Throws AuthError 401 for a missing, malformed or wrong one (ask again), and 429 while the client must wait.
   */
  basic(header: string | undefined, address: string): Promise<Caller>;
  /** The caller of an API request: the raw token, with or without `Bearer `; none is the guest (alist-api.md §4.1). Throws AuthError 401. */
  token(header: string | undefined): Promise<Caller>;
  /** The user of a name and the hash that clients send (`staticHash`). Throws AuthError 400 for a wrong pair, 429 while the client must wait. A disabled user passes: his token does not (alist-api.md §4.3). */
  login(name: string, hash: string, address: string): Promise<User>;
  /** The caller on the control socket, whom the file's mode has let in: the administrator. */
  owner(): Promise<Caller>;
}

/** How long a password that was right is not checked again; argon2 costs some 50 ms, and file clients send it with every request. */
const KEEP_MS = 5 * 60_000;
const MOST_KEPT = 1_000;

interface Proof {
  readonly name: string;
  /** The stored form that the password matched: gone as soon as the password is changed. */
  readonly stored: string;
  readonly until: number;
}

/** The authenticator over users and sessions. */
export function createAuthenticator(users: Users, sessions: Sessions, settings: Settings, clock: Clock): Authenticator {
  const attempts = createAttempts(clock);
  const salt = randomBytes(32).toString("base64");
  const proofs = new LRUCache<string, Proof>({ max: MOST_KEPT });
  const underWay = new Map<string, Promise<User>>();

  async function check(name: string, sent: string, address: string): Promise<User | undefined> {
    const result = await attempts.run(name, address, async () => {
      const credential = await users.credential(name);
      const { ok, upgrade } = await verifyPassword(credential?.stored, sent);
      return { ok, upgrade, credential };
    });
    if (!result.ok || !result.credential) return undefined;
    if (result.upgrade) await users.upgrade(result.credential, await hashPassword(sent));
    return result.credential.user;
  }

  async function proven(id: string): Promise<User | undefined> {
    const proof = proofs.get(id);
    if (!proof) return undefined;
    const now = clock.now();
    const credential = proof.until > now ? await users.credential(proof.name) : undefined;
    if (credential?.stored === proof.stored) return credential.user;
    proofs.delete(id);
    return undefined;
  }

  async function byPassword(id: string, header: string, address: string): Promise<User> {
    const pair = parseBasic(header);
    if (!pair) throw new AuthError(401, "the Authorization header is not readable");
    const user = await check(pair.name, staticHash(pair.password), address);
    if (!user) throw new AuthError(401, "username or password is incorrect");
    // Read again: checking may just have upgraded the stored form.
    const credential = await users.credential(pair.name);
    if (credential?.user.passwordChangedAt === user.passwordChangedAt) {
      proofs.set(id, { name: pair.name, stored: credential.stored, until: clock.now() + KEEP_MS });
    }
    return user;
  }

  const authenticator: Authenticator = {
    async basic(header, address) {
      if (!header) throw new AuthError(401, "a user name and a password are needed");
      if (!/^basic\s/i.test(header)) return authenticator.token(header);
      // What is remembered must not be the password itself; with the random salt its digest is of use nowhere else.
      const id = hash("sha256", `${salt}${address}\0${header}`, "base64");
      const known = await proven(id);
      // Clients open many connections at once: one check serves all that sent the same.
      const user = known ?? (await shared(underWay, id, () => byPassword(id, header, address)));
      if (user.disabled) throw new AuthError(403, "Current user is disabled, replace please");
      return { user, by: "password" };
    },
    async token(header) {
      const token = (header ?? "").replace(/^bearer\s+/i, "").trim();
      if (token === "") {
        const user = await users.guest();
        if (user.disabled) throw new AuthError(401, "Guest user is disabled, login please");
        return { user, by: "guest" };
      }
      if (sameText(token, settings.get("token"))) return { user: await users.owner(), by: "token" };
      const { user, id } = await sessions.verify(token);
      return { user, by: "session", sessionId: id };
    },
    async login(name, sent, address) {
      const user = await check(name, sent.toLowerCase(), address);
      if (!user) throw new AuthError(400, "username or password is incorrect");
      return user;
    },
    async owner() {
      return { user: await users.owner(), by: "owner" };
    },
  };
  return authenticator;
}

function shared<T>(underWay: Map<string, Promise<T>>, id: string, run: () => Promise<T>): Promise<T> {
  const running = underWay.get(id);
  if (running) return running;
  const started = run().finally(() => underWay.delete(id));
  underWay.set(id, started);
  return started;
}

/** Compared in constant time, whatever the lengths. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
