/** Cookies, codes and tokens: made, checked, taken back (sjtu-pan.md §2.9). */
import type { Call } from "./call.ts";
import { ServiceError } from "./errors.ts";
import type { AccessToken, Account, Grant, World } from "./world.ts";

export function createCookie(world: World, account: Account): string {
  const value = `${world.secret(32)}.${world.secret(48)}`;
  world.cookies.set(value, { account, expiresAt: world.now() + world.knobs.cookieLifeMs });
  return value;
}

export function createCode(world: World, account: Account): string {
  const value = world.secret(32);
  world.codes.set(value, { account, expiresAt: world.now() + world.knobs.codeLifeMs, used: false });
  return value;
}

/** 128 hex digits (sjtu-pan.md §0.2). */
export function createUserToken(world: World, account: Account): string {
  const value = world.secret(128);
  world.userTokens.set(value, { account, expiresAt: world.now() + world.knobs.userTokenLifeMs });
  return value;
}

/** 126 characters, as in the sample of the facts (sjtu-pan.md §0.2). */
export function createAccessToken(world: World, account: Account): string {
  const value = `acctk${world.secret(121)}`;
  world.accessTokens.set(value, { account, expiresAt: world.now() + world.knobs.accessTokenLifeMs, revoked: false });
  return value;
}

/** The grant that a value stands for, if it still lives. */
export function living<G extends Grant>(world: World, grants: ReadonlyMap<string, G>, value: string): G | undefined {
  const grant = grants.get(value);
  return grant && grant.expiresAt > world.now() ? grant : undefined;
}

/** The account of the call's `user_token`. Throws `EmptyUserToken`, `InvalidUserToken`. */
export function accountOfUserToken(call: Call): Account {
  const value = call.request.query.get("user_token");
  if (!value) {
    call.violate("query", "user_token is missing");
    throw new ServiceError("EmptyUserToken");
  }
  const grant = living(call.world, call.world.userTokens, value);
  if (!grant) throw new ServiceError("InvalidUserToken");
  return grant.account;
}

/** The account of the call's `access_token`. Throws `EmptyAccessToken`, `InvalidAccessToken`. */
export function accountOfAccessToken(call: Call): Account {
  const { world } = call;
  const value = call.request.query.get("access_token");
  if (!value) {
    call.violate("query", "access_token is missing");
    throw new ServiceError("EmptyAccessToken", { status: world.knobs.emptyTokenStatus });
  }
  const grant = world.accessTokens.get(value);
  if (!grant) call.violate("unknown-token", "this access token was never given out");
  else if (!grant.revoked && grant.expiresAt <= world.now()) {
    call.violate("stale-token", "the access token's announced life is over");
  }
  if (!grant || grant.revoked || grant.expiresAt <= world.now()) {
    throw new ServiceError("InvalidAccessToken", { status: world.knobs.tokenErrorStatus });
  }
  if (world.knobs.slidingTokens) grant.expiresAt = world.now() + world.knobs.accessTokenLifeMs;
  return grant.account;
}

/** Takes back every access token before its time. */
export function revokeAccessTokens(world: World): void {
  for (const token of world.accessTokens.values()) (token satisfies AccessToken).revoked = true;
}

/** Ends the life of every user token. */
export function endUserTokens(world: World): void {
  for (const token of world.userTokens.values()) token.expiresAt = 0;
}

/** Ends the life of every cookie. */
export function endCookies(world: World): void {
  for (const cookie of world.cookies.values()) cookie.expiresAt = 0;
}
