/** The Basic scheme's credentials (RFC 7617). */

export interface NameAndPassword {
  readonly name: string;
  readonly password: string;
}

/**
 * User name and password of an `Authorization: Basic` header; undefined when it is malformed. Split at the first colon (RFC 7617 §2);
 * read as UTF-8, else as Latin-1, which older clients send (RFC 7617 §3, appendix B.3).
 */
export function parseBasic(header: string): NameAndPassword | undefined {
  const match = /^basic\s+([A-Za-z0-9+/]+={0,2})\s*$/i.exec(header);
  if (!match) return undefined;
  const text = decode(Buffer.from(match[1]!, "base64"));
  const colon = text.indexOf(":");
  if (colon < 0) return undefined;
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}
