/** What may be written down of a value. */
import { MASK, SECRET_HEADER_NAME, withoutSecrets } from "./upstream/redact.ts";

/** Keys whose values are never shown, as parts of the key's name. */
const SECRET_KEY =
  /pass(word|wd|phrase)?$|^pwd|cookie|token|authori[sz]ation|secret|credential|api[-_]?key|private[-_]?key|session(id)?$|signature$|^(ticket|sig|sign|code)$/i;

/** The cookies of a session at 115 (115.md §1.4). In small letters they are other things: `cid` is a folder. */
const COOKIE_OF_115 = /^(UID|CID|SEID|KID)$/;

/** Nesting and number of members that are followed. */
const MAX_DEPTH = 8;
const MAX_MEMBERS = 100;
/** Longest text, in UTF-16 units. */
const MAX_TEXT = 4096;

/** A copy with secrets masked by key name, addresses stripped of users and queries, and errors as plain objects. Bounded in depth, members and text. */
export function redacted(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return shortened(withoutSecrets(value));
  if (typeof value === "bigint") return String(value);
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return "[deep]";
  if (value instanceof Error) return ofError(value, depth);
  if (value instanceof URL) return withoutSecrets(value.href);
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Set) return redacted([...value], depth);
  if (value instanceof Map) return redacted(Object.fromEntries(value), depth);
  if (Array.isArray(value)) return value.slice(0, MAX_MEMBERS).map((one, i) => ofMember(one, value[i - 1], depth));
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value).slice(0, MAX_MEMBERS)) {
    copy[key] = isSecret(key, member) ? MASK : redacted(member, depth + 1);
  }
  return copy;
}

/** Headers may come as one flat list of names and values. */
function ofMember(member: unknown, before: unknown, depth: number): unknown {
  if (typeof before === "string" && SECRET_HEADER_NAME.test(before)) return MASK;
  return redacted(member, depth + 1);
}

function isSecret(key: string, value: unknown): boolean {
  if (value === undefined || value === null || typeof value === "boolean") return false;
  // An upstream's numeric error code is no share code.
  if (typeof value === "number") return false;
  return SECRET_KEY.test(key) || COOKIE_OF_115.test(key);
}

function ofError(error: Error, depth: number): unknown {
  const { kind, reason, path, upstream, code } = error as Error & Record<string, unknown>;
  return redacted(
    {
      name: error.name,
      message: error.message,
      // Under a name of its own: `code` alone is a share's.
      ...(typeof code === "string" && { errorCode: code }),
      ...Object.fromEntries(
        Object.entries({ kind, reason, path, upstream: withNamedCode(upstream) }).filter(
          ([, field]) => field !== undefined,
        ),
      ),
      // A StorageError is an expected end: its message and cause say it all.
      ...(kind === undefined && { stack: error.stack }),
      ...(error.cause !== undefined && { cause: error.cause }),
    },
    depth + 1,
  );
}

/** A service's own code of a failure is the word to look for; a share's code has the same key. */
function withNamedCode(upstream: unknown): unknown {
  if (typeof upstream !== "object" || upstream === null || !("code" in upstream)) return upstream;
  const { code, ...rest } = upstream;
  if (typeof code !== "string") return upstream;
  return { ...rest, errorCode: code };
}

function shortened(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
