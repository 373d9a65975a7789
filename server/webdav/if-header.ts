/** The `If` header (RFC 4918 §10.4): parsed once with the request, in one pass, and evaluated against locks and entity tags. */
import { HttpError } from "#server/http/errors.ts";

/** A state that a list demands, or demands not to be. */
export interface IfCondition {
  readonly not: boolean;
  readonly kind: "token" | "etag";
  /** A token without its angle brackets, or an entity tag as it stands (`"x"`, `W/"x"`). */
  readonly value: string;
}

/** Conditions that must all hold for one resource. */
export interface IfList {
  /** The resource as it was written (a URL or an absolute path); absent: the one that the request names. */
  readonly tag?: string;
  readonly conditions: readonly IfCondition[];
}

export interface IfHeader {
  readonly lists: readonly IfList[];
  /** Every token that is named, demanded or not: naming one is submitting it (RFC 4918 §10.4.1). */
  readonly tokens: readonly string[];
}

/** What one resource's conditions are compared with. */
export interface IfState {
  /** Tokens of the locks that hold there. */
  readonly tokens: readonly string[];
  /** Absent where there is none, or where no list asks. */
  readonly etag?: string | undefined;
}

/** Longest header, in UTF-16 units. */
const MAX_LENGTH = 32 * 1024;
/** Most resources that one header may name: each is looked up. */
const MAX_RESOURCES = 100;

const TOKEN = /^[A-Za-z][A-Za-z0-9+.-]*:[!-;=?-~]*$/;
const TAG = /^(?:\/[!-;=?-~\u0080-\u00ff]*|[A-Za-z][A-Za-z0-9+.-]*:[!-;=?-~\u0080-\u00ff]*)$/;
const ETAG = /^(?:W\/)?"[ !#-~\u0080-\u00ff]*"$/;

/**
 * The parsed header; undefined where there is none. Lists of several headers, which Node joins by comma, count as one's: Finder sends a header per
 * token (webdav.md §5). Throws HttpError 400 on anything that the grammar does not have, an empty list `( )` among it.
 */
export function parseIfHeader(header: string | readonly string[] | undefined): IfHeader | undefined {
  if (header === undefined) return undefined;
  const text = typeof header === "string" ? header : header.join(", ");
  if (text.length > MAX_LENGTH) throw new HttpError(400, `the If header is longer than ${MAX_LENGTH} characters`);
  const scanner = new Scanner(text);
  const lists: IfList[] = [];
  const tokens = new Set<string>();
  const tags = new Set<string>();
  let tag: string | undefined;
  let isTagUsed = true;
  for (let next = scanner.next(true); next !== undefined; next = scanner.next(true)) {
    if (next === "<") {
      if (!isTagUsed) throw malformed("a resource without a list");
      tag = scanner.enclosed(">", TAG, "a resource");
      isTagUsed = false;
      if (tags.add(tag).size > MAX_RESOURCES) throw malformed(`more than ${MAX_RESOURCES} resources`);
    } else if (next === "(") {
      const conditions = listOf(scanner);
      for (const { kind, value } of conditions) if (kind === "token") tokens.add(value);
      lists.push({ ...(tag !== undefined && { tag }), conditions });
      isTagUsed = true;
    } else throw malformed(`an unexpected ${JSON.stringify(next)}`);
  }
  if (!isTagUsed) throw malformed("a resource without a list");
  if (lists.length === 0) throw malformed("no list");
  return { lists, tokens: [...tokens] };
}

/** True where one of the lists holds (RFC 4918 §10.4.3). `stateOf` is asked once per resource; with `wantsEtag` false its entity tag is of no use. */
export async function evaluateIf(
  { lists }: IfHeader,
  stateOf: (tag: string | undefined, wantsEtag: boolean) => Promise<IfState>,
): Promise<boolean> {
  const wanting = new Set(lists.filter(({ conditions }) => conditions.some(isEtag)).map(({ tag }) => tag));
  const known = new Map<
    string | undefined,
    { readonly tokens: ReadonlySet<string>; readonly etag?: string | undefined }
  >();
  for (const { tag, conditions } of lists) {
    let state = known.get(tag);
    if (!state) {
      const { tokens, etag } = await stateOf(tag, wanting.has(tag));
      state = { tokens: new Set(tokens), etag };
      known.set(tag, state);
    }
    const { tokens, etag } = state;
    const holds = ({ kind, value, not }: IfCondition) =>
      (kind === "token" ? tokens.has(value) : value === etag) !== not;
    if (conditions.every(holds)) return true;
  }
  return false;
}

function listOf(scanner: Scanner): readonly IfCondition[] {
  const conditions: IfCondition[] = [];
  let not = false;
  for (;;) {
    const next = scanner.next(false);
    if (next === ")") break;
    if (next === "<") {
      conditions.push({ not, kind: "token", value: scanner.enclosed(">", TOKEN, "a state token") });
      not = false;
    } else if (next === "[") {
      conditions.push({ not, kind: "etag", value: scanner.enclosed("]", ETAG, "an entity tag") });
      not = false;
    } else if (next !== undefined && !not && scanner.skipNot(next)) not = true;
    else throw malformed(next === undefined ? "a list without end" : `an unexpected ${JSON.stringify(next)} in a list`);
  }
  if (not) throw malformed("a Not without a condition");
  if (conditions.length === 0) throw malformed("an empty list");
  return conditions;
}

/** Walks over the text once, from its beginning to its end. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next character that is no blank, taken; undefined at the end. */
  next(skipsCommas: boolean): string | undefined {
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at] as string;
      if (character === " " || character === "\t" || (skipsCommas && character === ",")) continue;
      this.#at++;
      return character;
    }
    return undefined;
  }

  /** What comes before the closing character, which is taken too. */
  enclosed(close: ">" | "]", legal: RegExp, what: string): string {
    // An entity tag may hold a bracket inside its quotes.
    const from = close === "]" ? this.#text.indexOf('"', this.#text.indexOf('"', this.#at) + 1) : this.#at;
    const end = from < this.#at ? -1 : this.#text.indexOf(close, from);
    if (end < 0) throw malformed(`${what} without end`);
    const value = this.#text.slice(this.#at, end);
    if (!legal.test(value)) throw malformed(`what is not ${what}`);
    this.#at = end + 1;
    return value;
  }

  /** Takes the rest of a `Not` of which the first letter was taken. */
  skipNot(first: string): boolean {
    if (first.toLowerCase() !== "n" || this.#text.slice(this.#at, this.#at + 2).toLowerCase() !== "ot") return false;
    this.#at += 2;
    return true;
  }
}

function isEtag({ kind }: IfCondition): boolean {
  return kind === "etag";
}

function malformed(what: string): HttpError {
  return new HttpError(400, `the If header holds ${what} (RFC 4918 §10.4.2)`);
}
