/** What is said about a redirect to where a file's bytes are (RFC 9110 §15.4.3). */

/**
 * Players on libavformat go back to the first address with every seek, without the name and password that they were given for it, and take the challenge
 * for the end of the file; only a redirect that they may keep lets them seek (webdav.md §7.1). They keep it while they have the file open.
 */
const SEEKS_BY_KEPT_REDIRECT = /^(?:Lavf|libmpv|mpv|IINA)\b/i;

/** How long an address is good whose service tells no end, in milliseconds (as the layer `link-cache` has it). */
const UNTOLD_LIFE_MS = 300_000;

/** `Cache-Control` of a redirect to an address that is good until `expiresAt`, in milliseconds since the epoch: to be remembered by nobody else. */
export function redirectCacheControl(userAgent: string | undefined, expiresAt: number | undefined): string {
  if (userAgent === undefined || !SEEKS_BY_KEPT_REDIRECT.test(userAgent)) return "no-store";
  const leftMs = expiresAt === undefined ? UNTOLD_LIFE_MS : expiresAt - Date.now();
  // libavformat finds the number only at the very beginning.
  return leftMs < 1000 ? "no-store" : `max-age=${Math.floor(leftMs / 1000)}, private`;
}
