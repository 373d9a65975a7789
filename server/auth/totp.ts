/** Time-based one-time codes: the second factor of a login (RFC 6238, RFC 4226). */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** What every authenticator app takes without being told otherwise (alist-api.md §4.3). */
const STEP_SECONDS = 30;
const DIGITS = 6;
/** Steps beside the present one whose codes count, for clocks that differ (RFC 6238 §5.2). */
const LEEWAY = 1;
/** RFC 4226 §4 R6 recommends 160 bits. */
const SECRET_BYTES = 20;

/** RFC 4648 §6. */
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** A new secret in base32, as authenticator apps take it. */
export function newTotpSecret(): string {
  return toBase32(randomBytes(SECRET_BYTES));
}

/** The code of one time step (RFC 4226 §5.3); `step` is unix seconds divided by 30. */
export function totpCode(
  secret: Uint8Array,
  step: number,
  { digits = DIGITS, algorithm = "sha1" as "sha1" | "sha256" | "sha512" } = {},
): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac(algorithm, secret).update(counter).digest();
  const offset = mac[mac.length - 1]! & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** digits).padStart(digits, "0");
}

/** The time step whose code it is, the present one or one beside it; undefined for a wrong code, and for steps up to `usedStep`: no code is good twice (RFC 6238 §5.2). */
export function matchTotp(secret: string, code: string, nowMs: number, usedStep = 0): number | undefined {
  const key = fromBase32(secret);
  const now = Math.floor(nowMs / 1000 / STEP_SECONDS);
  let matched: number | undefined;
  for (let step = Math.max(0, now - LEEWAY); step <= now + LEEWAY; step++) {
    if (isSame(totpCode(key, step), code) && step > usedStep) matched = step;
  }
  return matched;
}

/** True for base32 of at least 80 bits: AList's own secrets have 160. */
export function isTotpSecret(secret: string): boolean {
  return /^[A-Z2-7]{16,128}$/.test(secret);
}

/** What a QR code holds so that an app takes the secret with a name. */
export function totpAddress(secret: string, account: string, issuer: string): string {
  const query = new URLSearchParams({ secret, issuer, algorithm: "SHA1", digits: String(DIGITS), period: "30" });
  return `otpauth://totp/${encodeURIComponent(issuer)}:${encodeURIComponent(account)}?${query}`;
}

function isSame(right: string, given: string): boolean {
  const bytes = Buffer.from(given);
  return bytes.length === right.length && timingSafeEqual(Buffer.from(right), bytes);
}

function toBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(value >> bits) & 31];
    }
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}

function fromBase32(text: string): Buffer {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const character of text.replace(/=+$/, "").toUpperCase()) {
    value = ((value << 5) | BASE32.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  return Buffer.from(bytes);
}
