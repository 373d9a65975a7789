/** Passwords at rest: argon2id over the hash that AList's clients send (alist-api.md §4.2). */
import { type Argon2Parameters, argon2, createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { AuthError } from "./auth-error.ts";

/** Part of the wire: every AList client appends it (alist-api.md §4.2). */
const STATIC_SALT = "https://github.com/alist-org/alist";

/** OWASP's smallest set for argon2id: 19 MiB, two passes, one lane. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 };
const TAG_LENGTH = 32;

/** Each takes 19 MiB and a thread of libuv's pool, which file reads need too. */
const MOST_AT_ONCE = 2;
/** Some 3 s of waiting; beyond it a login is refused rather than queued. */
const MOST_WAITING = 100;

/** The prefix of AList's own form in our column: `$alist$<salt>$<hex>`. */
const ALIST_PREFIX = "$alist$";

/** Stored for who has no password: none matches. */
export const NO_PASSWORD = "!";

/** Never matches; verified for accounts that do not exist, so that they take as long. */
const NOBODY = `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`;

const derive = promisify(argon2);

/** The hash that clients send instead of the password: lower-case hex (alist-api.md §4.2). It is password-equivalent. */
export function staticHash(password: string): string {
  return sha256(`${password}-${STATIC_SALT}`);
}

/** An AList password row in the form that `verifyPassword` reads: `hash` is `sha256(static + "-" + salt)` (alist-api.md §4.2). */
export function alistStored(hash: string, salt: string): string {
  return `${ALIST_PREFIX}${salt}$${hash.toLowerCase()}`;
}

/** PHC text of argon2id over a static hash, with a salt of its own. */
export async function hashPassword(hash: string): Promise<string> {
  const nonce = randomBytes(16);
  const tag = await limited(() => argon2id({ message: hash, nonce, tagLength: TAG_LENGTH, ...COST }));
  return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${unpadded(nonce)}$${unpadded(tag)}`;
}

/**
 * Whether a static hash is the stored one, compared in constant time. `upgrade` says that `stored` should be replaced by `hashPassword`.
 * Without `stored` (an unknown user) the answer is false, after as long. Throws AuthError 429 when too many wait already.
 */
export async function verifyPassword(
  stored: string | undefined,
  hash: string,
): Promise<{ readonly ok: boolean; readonly upgrade: boolean }> {
  const alist = stored === undefined ? undefined : parseAlist(stored);
  if (alist) return { ok: equal(Buffer.from(alist.hash), Buffer.from(sha256(`${hash}-${alist.salt}`))), upgrade: true };
  const phc = parsePhc(stored ?? NOBODY);
  const { nonce, tag, memory, passes, parallelism } = phc ?? parsePhc(NOBODY)!;
  const found = await limited(() =>
    argon2id({ message: hash, nonce, tagLength: tag.length, memory, passes, parallelism }),
  );
  const ok = equal(found, tag) && phc !== undefined && stored !== undefined;
  return { ok, upgrade: memory < COST.memory || passes < COST.passes };
}

interface Phc {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly nonce: Buffer;
  readonly tag: Buffer;
}

function parsePhc(text: string): Phc | undefined {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]{11,})\$([A-Za-z0-9+/]{22,})$/.exec(text);
  if (!match) return undefined;
  const [, memory, passes, parallelism, nonce = "", tag = ""] = match;
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    nonce: Buffer.from(nonce, "base64"),
    tag: Buffer.from(tag, "base64"),
  };
}

function parseAlist(text: string): { salt: string; hash: string } | undefined {
  const match = /^\$alist\$([^$]*)\$([0-9a-f]{64})$/.exec(text);
  return match ? { salt: match[1]!, hash: match[2]! } : undefined;
}

async function argon2id(parameters: Argon2Parameters): Promise<Buffer> {
  return derive("argon2id", parameters);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

let running = 0;
const waiting: (() => void)[] = [];

/** Runs at most two at once, in order. */
async function limited<T>(run: () => Promise<T>): Promise<T> {
  if (running >= MOST_AT_ONCE) {
    if (waiting.length >= MOST_WAITING) throw new AuthError(429, "too many logins at once, try again later", 3_000);
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running++;
  try {
    return await run();
  } finally {
    // The place goes to the next in line, or becomes free.
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
