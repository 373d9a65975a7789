/** Names between services and paths: a reversible mapping, made by rule from a service's traits, so that nothing is ever left out of a listing (architecture.md §3). */
import { createHash } from "node:crypto";
import { StorageError } from "#drivers/contract/errors.ts";
import { checkName, MAX_SEGMENT_BYTES } from "#drivers/contract/path.ts";
import type { NameRules } from "#drivers/contract/traits.ts";

/** Names in both directions. */
export interface NameCodec {
  /**
   * The name under which an upstream name is shown: well-formed, legal in XML 1.0 (XML 1.0 §2.2) and as a path segment. No two upstream names share one.
   * Names too long for a path once they are mapped are cut and marked by a hash; those alone `toUpstream` cannot undo.
   */
  toVisible(raw: string): string;
  /** The name to give the service for a visible one, the inverse of `toVisible`. Throws StorageError `invalid-name` where the service cannot hold it. */
  toUpstream(visible: string): string;
}

/** Marks the character behind it as meant literally, or begins an escape: `‛XX` a byte that is not UTF-8, `‛uXXXX` a UTF-16 unit. */
const QUOTE = "\u201b";
const ESCAPE = /\u201b(?:([89A-F][0-9A-F])|u([0-9A-F]{4}))/y;
const FULL_WIDTH_DOT = "\uff0e";
const SYMBOL_FOR_SPACE = "\u2420";
/** Distance from printable ASCII to its full-width form (Unicode block FF00). */
const FULL_WIDTH = 0xfee0;

/** The codec of a service. */
export function createNameCodec(rules: NameRules): NameCodec {
  const tables = tablesOf(rules);
  return {
    toVisible(raw) {
      if (!tables.special.test(raw)) return raw;
      const mapped = toVisible(raw, tables);
      const visible = isLegal(mapped) && toRaw(mapped, tables) === raw ? mapped : escapeAll(raw);
      return Buffer.byteLength(visible) <= MAX_SEGMENT_BYTES ? visible : shorten(visible, raw);
    },
    toUpstream(visible) {
      const raw = tables.special.test(visible) ? toRaw(visible, tables) : visible;
      refuse(visible, raw, rules);
      return raw;
    },
  };
}

interface Tables {
  /** Matches every name that is not the same on both sides. */
  readonly special: RegExp;
  /** Raw characters that no path or XML can carry, and their stand-ins, both ways. */
  readonly standIn: ReadonlyMap<string, string>;
  readonly stoodFor: ReadonlyMap<string, string>;
  /** Visible characters that the service refuses, and their full-width forms, both ways. */
  readonly fullWidth: ReadonlyMap<string, string>;
  readonly narrow: ReadonlyMap<string, string>;
  /** The same for a name's last character alone. */
  readonly lastFullWidth: ReadonlyMap<string, string>;
  readonly lastNarrow: ReadonlyMap<string, string>;
  readonly dotNames: boolean;
}

function tablesOf(rules: NameRules): Tables {
  const standIn = new Map<string, string>([["\x7f", "\u2421"]]);
  for (let code = 1; code < 0x20; code++) standIn.set(String.fromCharCode(code), String.fromCharCode(0x2400 + code));
  if (rules.holdsSeparators) standIn.set("/", "\uff0f").set("\0", "\u2400");
  const fullWidth = new Map<string, string>();
  for (const character of rules.forbidden ?? "") {
    const code = character.charCodeAt(0);
    if (code > 0x20 && code < 0x7f) fullWidth.set(character, String.fromCharCode(code + FULL_WIDTH));
  }
  const last = new Map<string, string>();
  if (rules.noTrailingDotOrSpace) last.set(".", FULL_WIDTH_DOT).set(" ", SYMBOL_FOR_SPACE);
  const dotNames = rules.holdsSeparators === true && !rules.noTrailingDotOrSpace;
  return {
    special: specialName([...fullWidth.keys(), ...fullWidth.values()], rules),
    standIn,
    stoodFor: inverse(standIn),
    fullWidth,
    narrow: inverse(fullWidth),
    lastFullWidth: last,
    lastNarrow: inverse(last),
    dotNames,
  };
}

function specialName(extra: readonly string[], rules: NameRules): RegExp {
  const set = extra.map((c) => `\\u{${c.codePointAt(0)!.toString(16)}}`).join("");
  const separators = rules.holdsSeparators ? "\\uff0f" : "";
  const dots = rules.holdsSeparators ? "|^\\uff0e{1,2}$" : "";
  const last = rules.noTrailingDotOrSpace ? "|[. \\uff0e\\u2420]$" : "";
  return new RegExp(
    `[\\0-\\x1f\\x7f/\\u2400-\\u241f\\u2421\\u201b\\ud800-\\udfff\\ufffe\\uffff${separators}${set}]|^\\.{1,2}$${dots}${last}`,
    "u",
  );
}

function toVisible(raw: string, t: Tables): string {
  if (t.dotNames) {
    if (raw === "." || raw === "..") return FULL_WIDTH_DOT.repeat(raw.length);
    if (raw === FULL_WIDTH_DOT || raw === FULL_WIDTH_DOT.repeat(2)) return QUOTE + raw;
  }
  const parts: string[] = [];
  const characters = [...raw];
  for (let i = 0; i < characters.length; i++) {
    const c = characters[i]!;
    const next = characters[i + 1];
    const isLast = i === characters.length - 1;
    if (c === QUOTE && next !== undefined && isNarrowable(next, i + 1 === characters.length - 1, t)) {
      // The service holds a full-width character that somebody meant as such.
      parts.push(next);
      i++;
    } else if (isNarrowable(c, isLast, t)) parts.push((t.narrow.get(c) ?? t.lastNarrow.get(c))!);
    else if (t.fullWidth.has(c) || (isLast && t.lastFullWidth.has(c))) parts.push(escapeUnit(c));
    else if (t.standIn.has(c)) parts.push(t.standIn.get(c)!);
    else if (t.stoodFor.has(c)) parts.push(QUOTE + c);
    else if (c === QUOTE) parts.push(c);
    else parts.push(isIllegal(c) ? escapeUnit(c) : c);
  }
  return quoteQuotes(parts, t);
}

/** A literal quote gets another in front only where what follows would give it a meaning. */
function quoteQuotes(parts: readonly string[], t: Tables): string {
  let out = "";
  for (let i = parts.length - 1; i >= 0; i--) {
    const part = parts[i]!;
    out = part === QUOTE && hasMeaning(out, t) ? QUOTE + part + out : part + out;
  }
  return out;
}

function hasMeaning(after: string, t: Tables): boolean {
  return (
    after.startsWith(QUOTE) || t.stoodFor.has(after.slice(0, 1)) || /^(?:[89A-F][0-9A-F]|u[0-9A-F]{4})/.test(after)
  );
}

function toRaw(visible: string, t: Tables): string {
  if (t.dotNames) {
    if (visible === FULL_WIDTH_DOT || visible === FULL_WIDTH_DOT.repeat(2)) return ".".repeat(visible.length);
    if (visible === QUOTE + FULL_WIDTH_DOT || visible === QUOTE + FULL_WIDTH_DOT.repeat(2)) return visible.slice(1);
  }
  let out = "";
  for (let i = 0; i < visible.length; ) {
    const c = visible[i]!;
    const isLast = i === visible.length - 1;
    if (c === QUOTE) {
      ESCAPE.lastIndex = i;
      const escaped = ESCAPE.exec(visible);
      const next = visible[i + 1];
      if (escaped) {
        out += String.fromCharCode(
          escaped[1] ? 0xdc00 + Number.parseInt(escaped[1], 16) : Number.parseInt(escaped[2]!, 16),
        );
        i += escaped[0].length;
      } else if (next !== undefined && (next === QUOTE || t.stoodFor.has(next))) {
        out += next;
        i += 2;
      } else {
        out += c;
        i++;
      }
      continue;
    }
    if (isNarrowable(c, isLast, t)) out += QUOTE + c;
    else if (isLast && t.lastFullWidth.has(c)) out += t.lastFullWidth.get(c)!;
    else out += t.fullWidth.get(c) ?? t.stoodFor.get(c) ?? c;
    i++;
  }
  return out;
}

function isNarrowable(c: string, isLast: boolean, t: Tables): boolean {
  return t.narrow.has(c) || (isLast && t.lastNarrow.has(c));
}

function isIllegal(c: string): boolean {
  return c === "/" || c === "\0" || c === "\ufffe" || c === "\uffff" || !c.isWellFormed();
}

function escapeUnit(c: string): string {
  const code = c.charCodeAt(0);
  if (code >= 0xdc80 && code <= 0xdcff) return QUOTE + (code - 0xdc00).toString(16).toUpperCase();
  return `${QUOTE}u${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

function escapeAll(raw: string): string {
  return raw.split("").map(escapeUnit).join("");
}

function isLegal(visible: string): boolean {
  return visible !== "." && visible !== ".." && visible !== "";
}

/** Cut so that the mark of 24 hex digits fits; the tree's row keeps the upstream's name. */
function shorten(visible: string, raw: string): string {
  const mark = ` (~${createHash("sha256").update(JSON.stringify(raw)).digest("hex").slice(0, 24)})`;
  return cutToBytes(visible, MAX_SEGMENT_BYTES - mark.length) + mark;
}

/** The longest beginning of a well-formed text that has at most `bytes` bytes of UTF-8, whole characters only. */
export function cutToBytes(text: string, bytes: number): string {
  let used = 0;
  let end = 0;
  for (const c of text) {
    used += Buffer.byteLength(c);
    if (used > bytes) break;
    end += c.length;
  }
  return text.slice(0, end);
}

function refuse(visible: string, raw: string, rules: NameRules): void {
  const invalid = (why: string) => new StorageError("invalid-name", `the name ${JSON.stringify(visible)} ${why}`);
  if (raw === "") throw invalid("is empty");
  // An escape in a client's path must not become what the path itself may not hold.
  if (!rules.holdsSeparators) checkName(raw);
  if (rules.maxCharacters !== undefined && raw.length > rules.maxCharacters) {
    throw invalid(`is longer than the ${rules.maxCharacters} characters that this storage takes: choose a shorter one`);
  }
  if (rules.maxBytes !== undefined && byteLength(raw) > rules.maxBytes) {
    throw invalid(`is longer than the ${rules.maxBytes} bytes that this storage takes: choose a shorter one`);
  }
}

/** Bytes of the name at the service, where U+DC80–DCFF alone stand for one byte each. */
function byteLength(raw: string): number {
  if (raw.isWellFormed()) return Buffer.byteLength(raw);
  let bytes = 0;
  for (const c of raw) bytes += /^[\udc80-\udcff]$/.test(c) ? 1 : Buffer.byteLength(c);
  return bytes;
}

function inverse(map: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...map].map(([from, to]) => [to, from]));
}
