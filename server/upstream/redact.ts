/** Addresses without what is secret in them. */

/** What stands for a secret. */
export const MASK = "[secret]";

const ADDRESS = /\b(?:https?|wss?):\/\/[^\s"'<>\\]+/g;

/** Host and path of an address: no query, no fragment, no user. */
export function placeOf(url: URL): string {
  return url.host + url.pathname;
}

/** Parameters and cookies whose values are secrets wherever they are written as `name=value`; the facts name those of each service (sjtu-pan.md §2.8). */
const SECRET_PAIR =
  /\b(user_?token|access_?token|refresh_?token|credential|JAAuthCookie|x-amz-(?:signature|credential|security-token)|password)=[^\s&;,"'<>\\]+/gi;

/** The cookies of a session at 115, in any letter case (115.md §1.4); a plain number is the id of a folder or a user. */
const COOKIES_OF_115 = /\b(UID|CID|SEID|KID)=(?!\d+\b)[^\s&;,"'<>\\]+/gi;

/** Names too common to be secret anywhere but in a query. */
const SECRET_PARAMETER = /([?&](?:code|sig|sign|signature|token|ticket)=)[^\s&#"'<>\\]+/gi;

/** A header's line, quoted or not. */
const SECRET_HEADER =
  /\b((?:proxy-)?authorization|(?:set-)?cookie|x-amz-security-token)(["']?\s*:\s*["']?)[^\r\n"']+/gi;

/** The same where a value follows that can be nothing else: `cookie: too long` is a complaint about a field. */
const SECRET_HEADER_VALUE =
  /\b((?:proxy-)?authorization|(?:set-)?cookie|x-amz-security-token)(["']?\s*:\s*["']?)(?=[^\s=;:]+=|(?:basic|bearer|digest|aws4)\b|[\w.+/-]{20})[^\r\n"']+/gi;

/** Names of headers whose values are secrets. */
export const SECRET_HEADER_NAME = /^((proxy-)?authorization|(set-)?cookie|x-amz-security-token)$/i;

/** A text whose addresses have lost their users, queries and fragments, and whose secret parameters and headers are masked. */
export function withoutSecrets(text: string): string {
  const bare = text.includes("://") ? withoutQueries(text) : text;
  if (!/[=:]/.test(bare)) return bare;
  return withoutPairs(bare.replace(SECRET_HEADER, `$1$2${MASK}`));
}

/** A message for people whose secret parameters, cookies and headers are masked; their names stay, and addresses are the caller's. */
export function withoutSecretValues(message: string): string {
  return withoutPairs(message.replace(SECRET_HEADER_VALUE, `$1$2${MASK}`));
}

function withoutPairs(text: string): string {
  return text
    .replace(SECRET_PAIR, `$1=${MASK}`)
    .replace(COOKIES_OF_115, `$1=${MASK}`)
    .replace(SECRET_PARAMETER, `$1${MASK}`);
}

function withoutQueries(text: string): string {
  return text.replace(ADDRESS, (address) => {
    const url = URL.parse(address);
    if (!url) return "[address]";
    const query = url.search ? "?…" : "";
    return `${url.protocol}//${placeOf(url)}${query}`;
  });
}
