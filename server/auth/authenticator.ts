/** Who is calling: Basic for WebDAV, tokens for the API, passwords for the login, the socket for the owner. */
import { createHash, hash, randomBytes, timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Clock } from "#drivers/contract/driver.ts";
import type { Settings } from "../store/settings.ts";
import { type ApiTokens, looksLikeApiToken, type TokenScope } from "./api-tokens.ts";
import type { Attempts } from "./attempts.ts";
import { AuthError } from "./auth-error.ts";
import { parseBasic } from "./basic.ts";
import { hashPassword, staticHash, verifyPassword } from "./passwords.ts";
import type { Sessions } from "./sessions.ts";
import { matchTotp } from "./totp.ts";
import { type Credential, GUEST_NAME, type User, type Users } from "./users.ts";

/** Somebody who proved who he is, and how. */
export interface Caller {
  /** What he may do; with `by: "api-token"` less than his account may. */
  readonly user: User;
  /** `token`: the static one of the settings. */
  readonly by: "password" | "session" | "token" | "api-token" | "guest" | "owner";
  /** With `by: "session"`. */
  readonly sessionId?: string;
  /** With `by: "api-token"`. */
  readonly scope?: TokenScope;
  /** What he says for folders with a password: the guest at a front for file clients, in the place of his own (alist-api.md §17.2). */
  readonly folderPassword?: string;
}

export interface Authenticator {
  /**
   * The caller of an `Authorization` header at a front for file clients: `Basic`, or `Bearer` with a token (alist-api.md §17.2). `address` is the client's.
   * In Basic's place for the password an API token does as well, and for a user with a second factor nothing else does.
   * Throws AuthError 401 for a missing, malformed or wrong one (ask again), and 429 while the client must wait.
   */
  basic(header: string | undefined, address: string): Promise<Caller>;
  /** The caller of an API request: the raw token, with or without `Bearer `; none is the guest (alist-api.md §4.1). Throws AuthError 401. */
  token(header: string | undefined): Promise<Caller>;
  /** The user of a name, the hash that clients send (`staticHash`), and the code of his second factor where he has one. Throws AuthError 400 for a wrong pair, 402 without the right code, 429 while the client must wait. A disabled user passes: his token does not (alist-api.md §4.3). */
  login(name: string, hash: string, code: string, address: string): Promise<User>;
  /** Asks codes of a secret of the user from now on, once he has shown one. Throws AuthError 400 on a wrong code. */
  enrol(user: User, secret: string, code: string): Promise<void>;
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

export interface AuthenticatorParts {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly tokens: Pick<ApiTokens, "verify">;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly attempts: Attempts;
}

/** The authenticator over users, sessions and tokens. */
export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const { users, sessions, tokens, settings, clock, attempts } = parts;
  const salt = randomBytes(32).toString("base64");
  const proofs = new LRUCache<string, Proof>({ max: MOST_KEPT });
  const underWay = new Map<string, Promise<User>>();

  /** `second` is asked only where the password is right: what it throws is no wrong password, and forgets none. */
  async function check(
    name: string,
    sent: string,
    address: string,
    second: (credential: Credential) => Promise<boolean>,
  ): Promise<{ readonly user?: User; readonly isSecondWrong?: boolean }> {
    const result = await attempts.run(name, address, async () => {
      const credential = await users.credential(name);
      const { ok, upgrade } = await verifyPassword(credential?.stored, sent);
      if (!ok || !credential) return { ok: false };
      const isSecondWrong = credential.totp !== undefined && !(await second(credential));
      return { ok: !isSecondWrong, isSecondWrong, upgrade, credential };
    });
    if (result.isSecondWrong) return { isSecondWrong: true };
    if (!result.ok || !result.credential) return {};
    if (result.upgrade) await users.upgrade(result.credential, await hashPassword(sent));
    return { user: result.credential.user };
  }

  /** Counted by account alone too: who knows the password may have many addresses, and a code has only six digits. */
  async function isCodeRight({ user, totp }: Credential, code: string): Promise<boolean> {
    if (!totp) return true;
    const { ok } = await attempts.run(`code of ${user.name}`, "", async () => {
      const step = matchTotp(totp.secret, code, clock.now(), totp.usedStep);
      return { ok: step !== undefined && (await users.useTotpStep(user.id, step)) };
    });
    return ok;
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
    const pair = parseBasic(header)!;
    const { user } = await check(pair.name, staticHash(pair.password), address, async () => {
      throw new AuthError(
        401,
        "this account has a second factor: make an API token, and use it in the password's place",
      );
    });
    if (!user) throw new AuthError(401, "username or password is incorrect");
    // Read again: checking may just have upgraded the stored form.
    const credential = await users.credential(pair.name);
    if (credential?.user.passwordChangedAt === user.passwordChangedAt) {
      proofs.set(id, { name: pair.name, stored: credential.stored, until: clock.now() + KEEP_MS });
    }
    return user;
  }

  /** A token in the password's place, and the guest, whose password is for folders. Undefined where the password is one. */
  async function byOtherThanPassword(header: string): Promise<Caller | undefined> {
    const pair = parseBasic(header);
    if (!pair) throw new AuthError(401, "the Authorization header is not readable");
    if (looksLikeApiToken(pair.password)) {
      const caller = byApiToken(pair.password);
      if (caller.user.name !== pair.name) throw new AuthError(401, "the token is another user's");
      return caller;
    }
    if (pair.name !== GUEST_NAME) return undefined;
    const user = await users.guest();
    if (user.disabled) return undefined;
    return { user, by: "guest", ...(pair.password !== "" && { folderPassword: pair.password }) };
  }

  function byApiToken(token: string): Caller {
    const { user, scope } = tokens.verify(token);
    return { user, scope, by: "api-token" };
  }

  const authenticator: Authenticator = {
    async basic(header, address) {
      if (!header) throw new AuthError(401, "a user name and a password are needed");
      if (!/^basic\s/i.test(header)) return authenticator.token(header);
      // What is remembered must not be the password itself; with the random salt its digest is of use nowhere else.
      const id = hash("sha256", `${salt}${address}\0${header}`, "base64");
      // First, for it is the most common: only passwords are ever remembered.
      const known = await proven(id);
      const other = known ? undefined : await byOtherThanPassword(header);
      if (other) return other;
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
      if (looksLikeApiToken(token)) return byApiToken(token);
      const { user, id } = await sessions.verify(token);
      return { user, by: "session", sessionId: id };
    },
    async login(name, sent, code, address) {
      const { user, isSecondWrong } = await check(name, sent.toLowerCase(), address, (credential) => {
        if (code === "") throw new AuthError(402, "Invalid 2FA code");
        return isCodeRight(credential, code);
      });
      if (isSecondWrong) throw new AuthError(402, "Invalid 2FA code");
      if (!user) throw new AuthError(400, "username or password is incorrect");
      return user;
    },
    async enrol(user, secret, code) {
      const step = matchTotp(secret, code, clock.now());
      if (step === undefined) throw new AuthError(400, "Invalid 2FA code");
      await users.setTotp(user.id, secret);
      await users.useTotpStep(user.id, step);
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
