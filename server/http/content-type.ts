/** The media type of a file, from its name alone. */
import { lookup } from "mime-types";

/** What a file is whose name says nothing (RFC 2046 §4.5.1). */
const UNKNOWN_TYPE = "application/octet-stream";

/** Extensions remembered at most. */
const MAX_KNOWN = 1000;
const known = new Map<string, string>();

/** The media type by extension, without a guessed charset; `application/octet-stream` where the extension is unknown or missing. */
export function contentTypeOf(name: string): string {
  const dot = name.lastIndexOf(".");
  if (dot <= 0) return UNKNOWN_TYPE;
  const extension = name.slice(dot);
  let type = known.get(extension);
  if (type === undefined) {
    type = lookup(extension) || UNKNOWN_TYPE;
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(extension, type);
  }
  return type;
}

/** True for types that a browser would run scripts from: they are served in a sandbox, for the panel lives in the same origin. */
export function isActiveContent(type: string): boolean {
  return type === "text/html" || type.endsWith("xml");
}
