/** Names of files that file managers keep for themselves beside everybody's own (webdav.md §5 "Placeholder overlay"). */

/** In lower case. */
const NAMES = new Set([".ds_store", ".localized", ".directory", "desktop.ini", "thumbs.db", "ehthumbs.db"]);

/** AppleDouble companions, and Office's owner files. */
const PREFIXES = ["._", "~$"];

/** True for files that nobody but the program that wrote them would miss at the service. */
export function isJunkName(name: string): boolean {
  return PREFIXES.some((prefix) => name.startsWith(prefix)) || NAMES.has(name.toLowerCase());
}
