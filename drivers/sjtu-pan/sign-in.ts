/** From a JAAuthCookie to a credential: the redirects of jAccount's OAuth2 (sjtu-pan.md §2.3–2.5). */
import type { CookieJar } from "tough-cookie";
import type { DriverEnv } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { CallOptions } from "../contract/mount.ts";
import { STALE_SIGN_IN } from "./codes.ts";
import type { SjtuCredential } from "./credential.ts";
import { type HttpReply, send } from "./http.ts";
import { openPersonalSpace, ssoAddress, verifySignIn } from "./user-api.ts";

type Env = Pick<DriverEnv, "api" | "clock" | "cookieJar" | "random">;

export const JACCOUNT = "https://jaccount.sjtu.edu.cn";
const COOKIE_NAME = "JAAuthCookie";

/** Redirects that a page may take. */
const MAX_REDIRECTS = 20;

/** A whole credential for a cookie. Throws `unauthenticated`, reason `expired`, when jAccount does not know the cookie any more. */
export async function signInWithCookie(
  env: Env,
  cookie: string,
  deviceId: string | undefined,
  o: CallOptions,
): Promise<SjtuCredential> {
  const jar = env.cookieJar();
  await jar.setCookie(`${COOKIE_NAME}=${cookie}; Domain=jaccount.sjtu.edu.cn; Path=/; Secure; HttpOnly`, JACCOUNT);
  return signIn(env, jar, deviceId ?? newDeviceId(env), o);
}

/** A whole credential for a jar in which jAccount has put its cookie. */
export async function signIn(env: Env, jar: CookieJar, deviceId: string, o: CallOptions): Promise<SjtuCredential> {
  const { userToken, expiresIn } = await earnUserToken(env, jar, deviceId, o);
  // jAccount may have given another one on the way.
  const cookie = await cookieIn(jar);
  return {
    ...(cookie !== undefined && { cookie }),
    userToken,
    ...(expiresIn && expiresIn > 0 && { userTokenExpiresAt: env.clock.now() + expiresIn * 1000 }),
    access: await openPersonalSpace(env, userToken, o),
    deviceId,
  };
}

/** jAccount's cookie in a jar. */
export async function cookieIn(jar: CookieJar): Promise<string | undefined> {
  const cookies = await jar.getCookies(`${JACCOUNT}/`);
  return cookies.find(({ key }) => key === COOKIE_NAME)?.value;
}

export function newDeviceId(env: Pick<DriverEnv, "random">): string {
  return `pandav-${Buffer.from(env.random(8)).toString("hex")}`;
}

/** The page at which the redirects from an address end, or the first address of which `isGoal` says so. Leads nowhere outside the university. */
export async function follow(
  env: Env,
  jar: CookieJar,
  address: string,
  o: CallOptions,
  isGoal: (url: URL) => boolean = () => false,
): Promise<{ url: URL; reply?: HttpReply }> {
  let url = new URL(address);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    if (isGoal(url)) return { url };
    if (url.protocol !== "https:" || !isUniversity(url.hostname)) {
      throw new StorageError("upstream", "the sign-in leads outside sjtu.edu.cn");
    }
    const reply = await send(env, { method: "GET", url: url.href, cookieJar: jar, accept: "text/html,*/*" }, o);
    const { location } = reply.headers;
    if (reply.status < 300 || reply.status >= 400 || typeof location !== "string") return { url, reply };
    url = new URL(location, url);
  }
  throw new StorageError("upstream", "the sign-in redirects in circles");
}

/** True for sjtu.edu.cn and the hosts below it. */
export function isUniversity(hostname: string): boolean {
  return hostname === "sjtu.edu.cn" || hostname.endsWith(".sjtu.edu.cn");
}

async function earnUserToken(env: Env, jar: CookieJar, deviceId: string, o: CallOptions) {
  try {
    return await verifySignIn(env, await earnCode(env, jar, o), deviceId, o);
  } catch (error) {
    // A code lives for minutes and is good for one use: the next one may do (sjtu-pan.md §1.6).
    if (!(error instanceof StorageError && STALE_SIGN_IN.has(String(error.upstream?.code)))) throw error;
    return verifySignIn(env, await earnCode(env, jar, o), deviceId, o);
  }
}

async function earnCode(env: Env, jar: CookieJar, o: CallOptions): Promise<string> {
  const { url, reply } = await follow(env, jar, await ssoAddress(env, o), o, (at) => codeIn(at) !== null);
  const code = codeIn(url);
  if (code !== null) return code;
  if (/jaccount/.test(url.hostname) && reply && reply.status < 500) {
    throw new StorageError("unauthenticated", "jAccount does not know the login any more: sign in again", {
      reason: "expired",
    });
  }
  throw new StorageError("unavailable", `the sign-in ended at ${url.hostname} with status ${reply?.status}`, {
    retryable: true,
    ...(reply && { upstream: { status: reply.status } }),
  });
}

function codeIn(url: URL): string | null {
  return url.hostname === "pan.sjtu.edu.cn" ? url.searchParams.get("code") : null;
}
