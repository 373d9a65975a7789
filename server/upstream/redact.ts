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

/** Names too common to be secret anywhere but in a query. */
const SECRET_PARAMETER = /([?&](?:code|sig|sign|signature|token|ticket)=)[^\s&#"'<>\\]+/gi;

/** A header's line, quoted or not. */
const SECRET_HEADER =
  /\b((?:proxy-)?authorization|(?:set-)?cookie|x-amz-security-token)(["']?\s*:\s*["']?)[^\r\n"']+/gi;

/** Names of headers whose values are secrets. */
export const SECRET_HEADER_NAME = /^((proxy-)?authorization|(set-)?cookie|x-amz-security-token)$/i;

/** A text whose addresses have lost their users, queries and fragments, and whose secret parameters and headers are masked. */
export function withoutSecrets(text: string): string {
  const bare = text.includes("://") ? withoutQueries(text) : text;
  if (!/[=:]/.test(bare)) return bare;
  return bare
    .replace(SECRET_HEADER, `$1$2${MASK}`)
    .replace(SECRET_PAIR, `$1=${MASK}`)
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
