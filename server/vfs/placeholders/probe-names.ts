/** Names that file managers ask for in every folder, whether they are there or not (webdav.md §5 "Placeholder overlay"). */

/** In lower case: Windows asks in any. */
const NAMES = new Set([
  "desktop.ini",
  "autorun.inf",
  "thumbs.db",
  "folder.jpg",
  "folder.gif",
  ".hidden",
  ".directory",
  ".ds_store",
  ".localized",
  ".metadata_never_index",
  ".spotlight-v100",
  ".trashes",
  ".fseventsd",
  ".xdg-volume-info",
]);

/** AppleDouble companions, and Office's owner files. */
const PREFIXES = ["._", "~$"];

/** True for names whose absence is believed to a listing of any age: nobody but a file manager asks for them. */
export function isProbeName(name: string): boolean {
  return PREFIXES.some((prefix) => name.startsWith(prefix)) || NAMES.has(name.toLowerCase());
}
