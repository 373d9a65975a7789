/** The syntax of patterns of names, RE2's: what a name needs of it (https://github.com/google/re2/wiki/Syntax). */

/** A pattern taken apart. */
export type Node =
  | { readonly kind: "character"; readonly fits: (point: number) => boolean }
  | { readonly kind: "begin" | "end" | "boundary" | "no-boundary" }
  | { readonly kind: "sequence"; readonly parts: readonly Node[] }
  | { readonly kind: "choice"; readonly options: readonly Node[] }
  | { readonly kind: "repeat"; readonly node: Node; readonly min: number; readonly max: number | undefined };

/** Longest pattern, in characters. */
const MAX_LENGTH = 1_000;
/** RE2's largest repetition. */
const MAX_REPEAT = 1_000;
/** Groups inside groups. */
const MAX_DEPTH = 50;

/** `(?i)` at the beginning alone sets `ignoreCase`: texts are to be folded to lower case then, as the pattern was. Throws Error naming what is wrong. */
export function parsePattern(source: string): { readonly node: Node; readonly ignoreCase: boolean } {
  const ignoreCase = source.startsWith("(?i)");
  const text = ignoreCase ? source.slice(4) : source;
  if (text.length > MAX_LENGTH) throw new Error(`it is longer than ${MAX_LENGTH} characters`);
  const parser = new Parser([...text], ignoreCase);
  return { node: parser.whole(), ignoreCase };
}

type Fits = (point: number) => boolean;

const between =
  (from: number, to: number): Fits =>
  (point) =>
    point >= from && point <= to;
const anyOf =
  (...all: readonly Fits[]): Fits =>
  (point) =>
    all.some((fits) => fits(point));
const not =
  (fits: Fits): Fits =>
  (point) =>
    !fits(point);
const is = (point: number): Fits => between(point, point);

const DIGIT = between(48, 57);
const WORD = anyOf(DIGIT, between(65, 90), between(97, 122), is(95));
const SPACE = anyOf(between(9, 10), between(12, 13), is(32));
/** RE2's Perl classes: ASCII alone. */
const CLASSES: Readonly<Record<string, Fits>> = {
  d: DIGIT,
  D: not(DIGIT),
  w: WORD,
  W: not(WORD),
  s: SPACE,
  S: not(SPACE),
};
const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, a: 7 };

class Parser {
  readonly #text: readonly string[];
  readonly #ignoreCase: boolean;
  #at = 0;
  #depth = 0;

  constructor(text: readonly string[], ignoreCase: boolean) {
    this.#text = text;
    this.#ignoreCase = ignoreCase;
  }

  whole(): Node {
    const node = this.#choice();
    if (this.#at < this.#text.length) throw new Error("unexpected )");
    return node;
  }

  #choice(): Node {
    const options = [this.#sequence()];
    while (this.#take("|")) options.push(this.#sequence());
    return options.length === 1 ? options[0]! : { kind: "choice", options };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    for (let next = this.#peek(); next !== undefined && next !== "|" && next !== ")"; next = this.#peek()) {
      parts.push(this.#repeated());
    }
    return { kind: "sequence", parts };
  }

  #repeated(): Node {
    let node = this.#one();
    for (let times = this.#times(), isFirst = true; times; times = this.#times(), isFirst = false) {
      if (!isFirst) throw new Error("a repetition of a repetition");
      node = { kind: "repeat", node, ...times };
      this.#take("?"); // the shortest match is found just as well
    }
    return node;
  }

  #times(): { min: number; max: number | undefined } | undefined {
    if (this.#take("*")) return { min: 0, max: undefined };
    if (this.#take("+")) return { min: 1, max: undefined };
    if (this.#take("?")) return { min: 0, max: 1 };
    const counted = /^\{(\d{1,5})(,(\d{0,5}))?\}/.exec(this.#text.slice(this.#at, this.#at + 14).join(""));
    if (!counted) return undefined;
    this.#at += counted[0].length;
    const min = Number(counted[1]);
    const max = counted[2] === undefined ? min : counted[3] === "" ? undefined : Number(counted[3]);
    if (min > MAX_REPEAT || (max !== undefined && (max > MAX_REPEAT || max < min))) throw new Error("bad repetition");
    return { min, max };
  }

  #one(): Node {
    const character = this.#text[this.#at++]!;
    if (character === "(") return this.#group();
    if (character === "[") return { kind: "character", fits: this.#set() };
    if (character === ".") return { kind: "character", fits: not(is(10)) };
    if (character === "^") return { kind: "begin" };
    if (character === "$") return { kind: "end" };
    if (character === "*" || character === "+" || character === "?")
      throw new Error(`nothing to repeat before ${character}`);
    if (character !== "\\") return { kind: "character", fits: is(this.#folded(character)) };
    const escaped = this.#text[this.#at];
    if (escaped === "b" || escaped === "B") {
      this.#at++;
      return { kind: escaped === "b" ? "boundary" : "no-boundary" };
    }
    if (escaped === "A" || escaped === "z") {
      this.#at++;
      return { kind: escaped === "A" ? "begin" : "end" };
    }
    const what = this.#escape();
    return { kind: "character", fits: typeof what === "number" ? is(what) : what };
  }

  #group(): Node {
    if (++this.#depth > MAX_DEPTH) throw new Error(`more than ${MAX_DEPTH} groups in each other`);
    if (this.#take("?")) {
      const name = /^P?<[A-Za-z_]\w{0,30}>/.exec(this.#text.slice(this.#at, this.#at + 40).join(""));
      if (name) this.#at += name[0].length;
      else if (!this.#take(":"))
        throw new Error("look-around and flags inside a pattern are not known, only (?:…) and (?i) at its beginning");
    }
    const node = this.#choice();
    if (!this.#take(")")) throw new Error("missing closing )");
    this.#depth--;
    return node;
  }

  #set(): Fits {
    const isNegated = this.#take("^");
    const members: Fits[] = [];
    for (let isFirst = true; isFirst || this.#peek() !== "]"; isFirst = false) {
      if (this.#peek() === undefined) throw new Error("missing closing ]");
      const from = this.#member();
      if (typeof from !== "number") {
        members.push(from);
        continue;
      }
      const isRange =
        this.#peek() === "-" && this.#text[this.#at + 1] !== undefined && this.#text[this.#at + 1] !== "]";
      if (!isRange) {
        members.push(is(from));
        continue;
      }
      this.#at++;
      const to = this.#member();
      if (typeof to !== "number" || to < from) throw new Error("a range that runs backwards");
      members.push(between(from, to));
    }
    this.#at++;
    const inside = anyOf(...members);
    const folded: Fits = this.#ignoreCase ? (point) => inside(point) || inside(upper(point)) : inside;
    return isNegated ? not(folded) : folded;
  }

  #member(): number | Fits {
    const character = this.#text[this.#at++];
    if (character === undefined) throw new Error("missing closing ]");
    return character === "\\" ? this.#escape() : character.codePointAt(0)!;
  }

  /** What stands behind a backslash. */
  #escape(): number | Fits {
    const character = this.#text[this.#at++];
    if (character === undefined) throw new Error("a backslash at the end");
    const fits = CLASSES[character];
    if (fits) return fits;
    if (Object.hasOwn(ESCAPES, character)) return ESCAPES[character]!;
    if (character === "x") return this.#hexadecimal();
    if (/[A-Za-z0-9]/.test(character)) throw new Error(`\\${character} is not known`);
    return character.codePointAt(0)!;
  }

  #hexadecimal(): number {
    const digits = /^([0-9a-f]{2})|^\{([0-9a-f]{1,6})\}/i.exec(this.#text.slice(this.#at, this.#at + 8).join(""));
    if (!digits) throw new Error("\\x needs two hexadecimal digits");
    this.#at += digits[0].length;
    return this.#folded(String.fromCodePoint(Math.min(0x10ffff, Number.parseInt(digits[1] ?? digits[2]!, 16))));
  }

  #folded(character: string): number {
    return (this.#ignoreCase ? character.toLowerCase() : character).codePointAt(0)!;
  }

  #peek(): string | undefined {
    return this.#text[this.#at];
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }
}

function upper(point: number): number {
  return String.fromCodePoint(point).toUpperCase().codePointAt(0)!;
}
