/** The account plane, one function per endpoint (sjtu-pan.md §2.3–2.6). */
import { z } from "zod";
import type { DriverEnv } from "../contract/driver.ts";
import type { CallOptions } from "../contract/mount.ts";
import type { SjtuAccess } from "./credential.ts";
import { send } from "./http.ts";
import { payloadOf, readAs } from "./reply.ts";

type Api = Pick<DriverEnv, "api" | "clock">;

const BASE = "https://pan.sjtu.edu.cn/user/v1";

/** The university's sign-in at the service (sjtu-pan.md §0.2). */
const CORP_ID = "xpw8ou8y";

/** The university's organization (sjtu-pan.md §0.2). */
const ORGANIZATION_ID = 1;

/** Life of an access token whose answer tells none, in seconds (sjtu-pan.md §2.5). */
const DEFAULT_LIFE_S = 1800;

/** How long before its end an access token is renewed, in milliseconds (sjtu-pan.md §2.1). */
const RENEWAL_MARGIN_MS = 120_000;

const organization = z.object({
  isLastSignedIn: z.boolean().nullish(),
  orgUser: z.object({ nickname: z.string().nullish(), enabled: z.boolean().nullish() }).nullish(),
});

/** Where the sign-in at jAccount begins: the address of its authorization page. */
export async function ssoAddress(env: Api, o: CallOptions): Promise<string> {
  const url = `${BASE}/sign-in/sso-login-redirect/${CORP_ID}?auto_redirect=false`;
  const reply = await send(env, { method: "GET", url }, o);
  const { location } = reply.headers;
  // The other two variants of this endpoint answer with a redirect (sjtu-pan.md §2.3).
  if (reply.status >= 300 && reply.status < 400 && typeof location === "string") return new URL(location, url).href;
  return readAs(z.object({ url: z.url() }), payloadOf(reply), "the beginning of a sign-in").url;
}

/** The userToken that a sign-in's code is worth; `expiresIn` in seconds, where told. */
export async function verifySignIn(
  env: Api,
  code: string,
  deviceId: string,
  o: CallOptions,
): Promise<{ userToken: string; expiresIn?: number | null | undefined }> {
  const query = new URLSearchParams({ device_id: deviceId, type: "sso", credential: code });
  const url = `${BASE}/sign-in/verify-account-login/${CORP_ID}?${query}`;
  const payload = payloadOf(await send(env, { method: "POST", url }, o));
  const shape = z.object({ userToken: z.string().min(1), expiresIn: z.number().nullish() });
  return readAs(shape, payload, "a sign-in");
}

/** The personal space and a new token for it: this call is the renewal. */
export async function openPersonalSpace(env: Api, userToken: string, o: CallOptions): Promise<SjtuAccess> {
  const payload = payloadOf(
    await send(env, { method: "POST", url: at(`/space/${ORGANIZATION_ID}/personal`, userToken) }, o),
  );
  const shape = z.object({
    libraryId: z.string().min(1),
    spaceId: z.string().min(1),
    accessToken: z.string().min(1),
    expiresIn: z.number().nullish(),
  });
  const { libraryId, spaceId, accessToken, expiresIn } = readAs(shape, payload, "the request for a token");
  const lifeMs = (expiresIn && expiresIn > 0 ? expiresIn : DEFAULT_LIFE_S) * 1000;
  const now = env.clock.now();
  return {
    libraryId,
    spaceId,
    token: accessToken,
    renewAt: now + lifeMs - Math.min(RENEWAL_MARGIN_MS, lifeMs / 2),
    expiresAt: now + lifeMs,
  };
}

/** Who the account is: the name shown, and whether it may be used. */
export async function readOrganization(
  env: Api,
  userToken: string,
  o: CallOptions,
): Promise<{ nickname?: string; enabled: boolean }> {
  const payload = payloadOf(await send(env, { method: "GET", url: at("/organization", userToken) }, o));
  const all = readAs(z.array(organization), payload, "the account's name");
  const mine = all.find(({ isLastSignedIn }) => isLastSignedIn) ?? all[0];
  const nickname = mine?.orgUser?.nickname;
  return { ...(nickname && { nickname }), enabled: mine?.orgUser?.enabled !== false };
}

/** Space of the account in bytes, as the service has it: decimal text, absent or 0 where there is no limit. */
export async function readSpace(
  env: Api,
  userToken: string,
  o: CallOptions,
): Promise<{ size?: string | number | null | undefined; capacity?: string | number | null | undefined }> {
  const payload = payloadOf(await send(env, { method: "GET", url: at(`/space/${ORGANIZATION_ID}`, userToken) }, o));
  const bytes = z.union([z.string(), z.number()]).nullish();
  return readAs(z.object({ size: bytes, capacity: bytes }), payload, "the account's space");
}

function at(path: string, userToken: string): string {
  return `${BASE}${path}?user_token=${encodeURIComponent(userToken)}`;
}
