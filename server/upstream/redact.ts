/** Addresses without what is secret in them. */

const ADDRESS = /\b(?:https?|wss?):\/\/[^\s"'<>\\]+/g;

/** Host and path of an address: no query, no fragment, no user. */
export function placeOf(url: URL): string {
  return url.host + url.pathname;
}

/** A text whose addresses have lost their users, queries and fragments. */
export function withoutSecrets(text: string): string {
  if (!text.includes("://")) return text;
  return text.replace(ADDRESS, (address) => {
    const url = URL.parse(address);
    if (!url) return "[address]";
    const query = url.search ? "?…" : "";
    return `${url.protocol}//${placeOf(url)}${query}`;
  });
}
