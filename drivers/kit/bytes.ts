/** Names that are bytes: the reversible form in which bytes that are not UTF-8 travel (`Entry.name`), both directions. */
import { isUtf8 } from "node:buffer";
import { StorageError } from "../contract/errors.ts";

/** A byte `b` that is not part of valid UTF-8 becomes this plus `b`: U+DC80 … U+DCFF, which no valid UTF-8 decodes to. */
const ESCAPE_BASE = 0xdc00;

/** The name that these bytes are: UTF-8, and a lone surrogate U+DC80–DCFF for each byte that is not valid UTF-8. */
export function decodeName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString("utf8");
  let name = "";
  let validFrom = 0;
  let at = 0;
  while (at < buffer.length) {
    const end = at + sequenceLength(buffer[at]!);
    if (end <= buffer.length && isUtf8(buffer.subarray(at, end))) {
      at = end;
      continue;
    }
    name += buffer.toString("utf8", validFrom, at) + String.fromCharCode(ESCAPE_BASE + buffer[at]!);
    validFrom = ++at;
  }
  return name + buffer.toString("utf8", validFrom);
}

/** The bytes of a name: what `decodeName` was given. Throws `invalid-name` on a lone surrogate that stands for no byte. */
export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name, "utf8");
  const parts: Buffer[] = [];
  for (const character of name) {
    if (character.isWellFormed()) {
      parts.push(Buffer.from(character, "utf8"));
      continue;
    }
    const byte = character.charCodeAt(0) - ESCAPE_BASE;
    if (byte < 0x80 || byte > 0xff) throw new StorageError("invalid-name", "the name holds half a surrogate pair");
    parts.push(Buffer.from([byte]));
  }
  return Buffer.concat(parts);
}

/** How long a UTF-8 sequence with this first byte is; 1 for bytes that begin none. */
function sequenceLength(first: number): number {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  if (first >= 0xc0) return 2;
  return 1;
}
