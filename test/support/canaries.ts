/** Secrets that are in use while the tests of a file run, and the check that nothing which leaves Pandav holds one of them. */
import type { RunningSjtuPan } from "#test/simulators/sjtu-pan/start.ts";

/** What a secret is; a place where one of a kind is meant to be shown says so by its kind. */
export type CanaryKind =
  | "cookie"
  | "user token"
  | "access token"
  | "sign-in code"
  | "QR code"
  | "store signature"
  | "store key"
  | "password"
  | "key";

interface Canary {
  readonly kind: CanaryKind;
  readonly value: string;
}

/** Shorter values would be found by chance. */
const SHORTEST = 6;

const added = new Map<string, CanaryKind>();
const services = new Set<RunningSjtuPan>();

/** A secret from now on, to the end of the test file. */
export function addCanary(kind: CanaryKind, value: string): void {
  if (value.length >= SHORTEST) added.set(value, kind);
}

/** A password from now on, as it is and in the forms in which it travels (RFC 7617 §2, RFC 3986 §2.1). */
export function addPassword(user: string, password: string): void {
  if (password.length < SHORTEST) return;
  addCanary("password", password);
  addCanary("password", Buffer.from(`${user}:${password}`).toString("base64"));
  addCanary("password", encodeURIComponent(password));
}

/** Whatever the simulated service gave out is a secret, and what it gives out later. What it says itself is not ours. */
export function watchPan(pan: RunningSjtuPan): void {
  services.add(pan);
}

/** True for an origin of a watched service. */
export function isWatchedService(port: number): boolean {
  for (const { origins } of services) {
    if (Object.values(origins).some((origin) => new URL(origin).port === String(port))) return true;
  }
  return false;
}

/** A text that leaves Pandav holds a secret. The message shows the place and what stands around it, never the secret. */
export class CanaryFound extends Error {}

/** Throws CanaryFound where the text holds a secret of a kind that is not meant to be shown there. */
export function expectNoCanary(place: string, text: string | Buffer, meant: readonly CanaryKind[] = []): void {
  for (const { kind, value } of canaries()) {
    if (meant.includes(kind)) continue;
    const at = text.indexOf(value);
    if (at === -1) continue;
    const before = String(text.slice(Math.max(0, at - 80), at));
    throw new CanaryFound(`${place} holds a secret (${kind}), after: ${JSON.stringify(before)}`);
  }
}

function* canaries(): Generator<Canary> {
  for (const [value, kind] of added) yield { kind, value };
  for (const { world, qr } of services) {
    for (const value of world.cookies.keys()) yield { kind: "cookie", value };
    for (const value of world.mySessions.keys()) yield { kind: "cookie", value };
    for (const value of world.userTokens.keys()) yield { kind: "user token", value };
    for (const value of world.accessTokens.keys()) yield { kind: "access token", value };
    for (const value of world.codes.keys()) yield { kind: "sign-in code", value };
    for (const value of world.signatures) yield { kind: "store signature", value };
    yield { kind: "store key", value: world.signingKey.secret };
    for (const { cookie, codes } of qr.sessions.values()) {
      yield { kind: "cookie", value: cookie };
      for (const { sig } of codes) yield { kind: "QR code", value: sig };
    }
  }
}
