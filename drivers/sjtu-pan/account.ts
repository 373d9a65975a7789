/** The account kind `sjtu`: a jAccount login at SJTU Pan (sjtu-pan.md §2). */
import { z } from "zod";
import { defineAccount, type Health, type LoginFlow } from "../contract/account.ts";
import { secret } from "../contract/config.ts";
import type { DriverEnv } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { CallOptions } from "../contract/mount.ts";
import { STALE_USER } from "./codes.ts";
import {
  cookieOf,
  credentialOf,
  importJdiskSession,
  type SjtuCredential,
  sjtuCredential,
  userTokenOf,
} from "./credential.ts";
import { qrFlow } from "./qr-login.ts";
import { signInWithCookie } from "./sign-in.ts";
import { openPersonalSpace, readOrganization } from "./user-api.ts";

/** A login that cannot renew itself is announced so long before its end, in milliseconds. */
const ANNOUNCED_MS = 3 * 86_400_000;

const cookieInput = z.object({
  cookie: secret({
    title: "JAAuthCookie",
    description: "Cookie of jAccount. Copy JAAuthCookie of jaccount.sjtu.edu.cn from a browser that is signed in.",
  }),
});

const cookieFlow: LoginFlow<SjtuCredential, typeof cookieInput> = {
  id: "cookie",
  title: "Cookie of jAccount",
  input: cookieInput,
  // biome-ignore lint/correctness/useYield: this way asks nothing on its way
  async *run({ cookie }, env, o) {
    const value = cookieOf(cookie);
    if (value === undefined) throw noLogin("this is no JAAuthCookie: paste its value, or JAAuthCookie=…");
    return signInWithCookie(env, value, undefined, o);
  },
};

const tokenInput = z.object({
  token: secret({
    title: "userToken",
    description:
      "Token of pan.sjtu.edu.cn. Copy its cookie USER_TOKEN, or an address that holds user_token=, from a browser that is signed in. It cannot be renewed without a person.",
  }),
});

const tokenFlow: LoginFlow<SjtuCredential, typeof tokenInput> = {
  id: "token",
  title: "Token of SJTU Pan",
  input: tokenInput,
  // biome-ignore lint/correctness/useYield: this way asks nothing on its way
  async *run({ token }, env, o) {
    const userToken = userTokenOf(token);
    if (userToken === undefined) throw noLogin("this is no userToken: it has 128 characters");
    return { userToken, access: await openPersonalSpace(env, userToken, o) };
  },
};

/** A jAccount login at SJTU Pan. `renew` earns a new access token, and where the userToken is over, that too, from the kept cookie. */
export const sjtuAccount = defineAccount<SjtuCredential>({
  kind: "sjtu",
  title: "SJTU jAccount",
  credential: sjtuCredential,
  // At least 50 ms between calls (sjtu-pan.md §10, P-31).
  budget: { perSecond: 20, burst: 40 },
  flows: [qrFlow, cookieFlow as LoginFlow<SjtuCredential>, tokenFlow as LoginFlow<SjtuCredential>],

  async identify(credential, env, o) {
    const known = credential.access && credential.userToken ? credential : await renewed(credential, env, o);
    const { nickname } = await readOrganization(env, known.userToken!, o);
    // One personal space per user, and the only identity that every way to log in knows (sjtu-pan.md §0.2).
    const { spaceId } = known.access!;
    return { userId: spaceId, name: nickname ?? spaceId };
  },

  async check(credential, env, o) {
    if (credential.userToken === undefined) return healthOf(credential, env.clock.now());
    try {
      const { enabled } = await readOrganization(env, credential.userToken, o);
      if (!enabled) return { state: "blocked", reason: "disabled" };
    } catch (error) {
      if (!isOver(error)) throw error;
      // The cookie earns a new token with the next call; only without one is it over.
      if (credential.cookie === undefined) return { state: "expired", reason: "expired" };
    }
    return healthOf(credential, env.clock.now());
  },

  renew: renewed,
  matchText: credentialOf,
  importSession: importJdiskSession,
});

async function renewed(credential: SjtuCredential, env: DriverEnv, o: CallOptions): Promise<SjtuCredential> {
  const { userToken, cookie, deviceId } = credential;
  if (userToken !== undefined) {
    try {
      return { ...credential, access: await openPersonalSpace(env, userToken, o) };
    } catch (error) {
      if (!isOver(error)) throw error;
      if (cookie === undefined) throw loginOver(error);
    }
  }
  if (cookie === undefined) throw loginOver();
  return signInWithCookie(env, cookie, deviceId, o);
}

function healthOf({ cookie, userTokenExpiresAt }: SjtuCredential, now: number): Health {
  if (cookie !== undefined || userTokenExpiresAt === undefined) return { state: "ok" };
  if (userTokenExpiresAt - now > ANNOUNCED_MS) return { state: "ok", until: userTokenExpiresAt };
  return { state: "expiring", until: userTokenExpiresAt };
}

function isOver(error: unknown): boolean {
  return error instanceof StorageError && STALE_USER.has(String(error.upstream?.code));
}

function loginOver(cause?: unknown): StorageError {
  return new StorageError("unauthenticated", "the login of SJTU Pan has expired: sign in again (pandav auth)", {
    reason: "expired",
    ...(cause instanceof StorageError && cause.upstream && { upstream: cause.upstream }),
    ...(cause !== undefined && { cause }),
  });
}

function noLogin(message: string): StorageError {
  return new StorageError("unauthenticated", message, { reason: "refused" });
}
