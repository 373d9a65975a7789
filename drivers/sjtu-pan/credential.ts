/** The credential of an account, and the forms in which people have one. */
import { z } from "zod";
import { parseJson } from "../kit/json.ts";

/** What the file plane is spoken to with: the personal space and the token for it (sjtu-pan.md §2.5). Times in milliseconds since the epoch. */
const accessSchema = z.object({
  libraryId: z.string().min(1),
  spaceId: z.string().min(1),
  token: z.string().min(1),
  /** From then on a new one is fetched before the next call. */
  renewAt: z.number(),
  expiresAt: z.number(),
});

export const sjtuCredential = z
  .object({
    /** JAAuthCookie of jAccount: earns a new userToken without a person. */
    cookie: z.string().min(1).optional(),
    userToken: z.string().min(1).optional(),
    userTokenExpiresAt: z.number().optional(),
    access: accessSchema.optional(),
    /** Stays the same for all that this login earns (sjtu-pan.md §2.4). */
    deviceId: z.string().optional(),
  })
  .refine(({ cookie, userToken }) => cookie !== undefined || userToken !== undefined, {
    message: "a login needs a JAAuthCookie or a userToken",
  });

export type SjtuAccess = z.output<typeof accessSchema>;
export type SjtuCredential = z.output<typeof sjtuCredential>;

/** Length of a userToken (sjtu-pan.md §0.2). */
const USER_TOKEN_LENGTH = 128;

/** The cookie of a pasted `JAAuthCookie=…`, of a whole Cookie header that holds one, or of the bare value; undefined when it is none. */
export function cookieOf(text: string): string | undefined {
  const pasted = text.replace(/\s+/g, "");
  const named = /(?:^|;)(?:cookie:)?JAAuthCookie=([^;]+)/i.exec(pasted)?.[1];
  const value = named ?? pasted;
  return /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/.test(value) && (named || !value.includes("://"))
    ? value
    : undefined;
}

/** The userToken of a pasted `USER_TOKEN=…`, of an address that holds `user_token=`, or of the bare value; undefined when it is none (sjtu-pan.md §2.7). */
export function userTokenOf(text: string): string | undefined {
  const pasted = text.replace(/\s+/g, "");
  const named = /(?:^|[?&;]|cookie:)user_token=([^&;#]+)/i.exec(pasted)?.[1];
  const value = named === undefined ? pasted : decoded(named);
  return isUserToken(value) ? value : undefined;
}

/** The credential in what somebody pasted, where it is clear which kind it is. */
export function credentialOf(text: string): SjtuCredential | undefined {
  const userToken = userTokenOf(text);
  const cookie = /JAAuthCookie=/i.test(text) ? cookieOf(text) : undefined;
  return credentialWith(cookie, userToken);
}

/** Members of both of jdisk's files (sjtu-pan.md §2.8); the access token is left behind, since its age is unknown. */
const jdiskSession = z.object({
  ja_auth_cookie: z.string().nullish(),
  user_token: z.string().nullish(),
  userToken: z.string().nullish(),
});

/** The credential in a session file of jdisk, the Python or the Go one; undefined when the text is no such file. */
export function importJdiskSession(text: string): SjtuCredential | undefined {
  const { success, data } = jdiskSession.safeParse(parseJson(text));
  if (!success) return undefined;
  const userToken = userTokenOf(data.user_token ?? data.userToken ?? "");
  const cookie = data.ja_auth_cookie ? cookieOf(data.ja_auth_cookie) : undefined;
  return credentialWith(cookie, userToken);
}

function credentialWith(cookie: string | undefined, userToken: string | undefined): SjtuCredential | undefined {
  if (userToken === undefined && cookie === undefined) return undefined;
  return { ...(cookie !== undefined && { cookie }), ...(userToken !== undefined && { userToken }) };
}

function isUserToken(text: string): boolean {
  return text.length === USER_TOKEN_LENGTH && /^[0-9A-Za-z_-]+$/.test(text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
