/** AWS Signature Version 4 as the store checks it (sjtu-pan.md §6). */
import { createHash, createHmac } from "node:crypto";

/** SHA-256 of nothing: what part headers carry as payload hash (sjtu-pan.md §4.4). */
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export const ALGORITHM = "AWS4-HMAC-SHA256";

export interface SigningKey {
  readonly id: string;
  readonly secret: string;
  readonly region: string;
}

export interface SignedRequest {
  readonly method: string;
  /** As on the wire, encoded once. */
  readonly path: string;
  /** Decoded names and values, `X-Amz-Signature` left out. */
  readonly query: readonly (readonly [string, string])[];
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Lower-case names, in order. */
  readonly signedHeaders: readonly string[];
  readonly payloadHash: string;
  /** `yyyymmddThhmmssZ`. */
  readonly date: string;
}

/** The signature in hex. */
export function signatureOf(request: SignedRequest, key: SigningKey): string {
  const query = request.query
    .map(([name, value]) => [encodeStrictly(name), encodeStrictly(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const canonical = [
    request.method,
    request.path,
    query,
    ...request.signedHeaders.map((name) => `${name}:${(request.headers[name] ?? "").trim().replace(/ +/g, " ")}`),
    "",
    request.signedHeaders.join(";"),
    request.payloadHash,
  ].join("\n");
  const day = request.date.slice(0, 8);
  const scope = `${day}/${key.region}/s3/aws4_request`;
  const text = [ALGORITHM, request.date, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const derived = [day, key.region, "s3", "aws4_request"].reduce<string | Buffer>(
    (secret, step) => createHmac("sha256", secret).update(step).digest(),
    `AWS4${key.secret}`,
  );
  return createHmac("sha256", derived).update(text).digest("hex");
}

/** The credential scope of a key on a day. */
export function credentialOf(key: SigningKey, date: string): string {
  return `${key.id}/${date.slice(0, 8)}/${key.region}/s3/aws4_request`;
}

/** The parts of an `Authorization` header, or undefined where it is none of this kind. */
export function parseAuthorization(
  text: string,
): { readonly credential: string; readonly signedHeaders: readonly string[]; readonly signature: string } | undefined {
  const match = /^AWS4-HMAC-SHA256 Credential=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$/.exec(
    text,
  );
  return match ? { credential: match[1]!, signedHeaders: match[2]!.split(";"), signature: match[3]! } : undefined;
}

/** `yyyymmddThhmmssZ` of a moment. */
export function amzDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, "");
}

/** Milliseconds since the epoch of `yyyymmddThhmmssZ`, or NaN. */
export function parseAmzDate(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  return match ? Date.parse(`${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`) : Number.NaN;
}

/** RFC 3986: everything but `A-Za-z0-9-_.~` is encoded. */
export function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
