/** What of a name can be searched for: words of letters and digits, and each Chinese, Japanese or Korean character by itself (decision 0022). */

/** Characters that are words by themselves: scripts without spaces, and symbols. */
const ALONE = "[\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Hang}\\p{scx=Bopo}\\p{So}]";
const WORDS = new RegExp(`${ALONE}|(?:(?!${ALONE})[\\p{L}\\p{N}\\p{M}\\p{Co}])+`, "gu");
const IS_ALONE = new RegExp(`^${ALONE}$`, "u");

/** Letters that have a form without marks: Latin, Greek, Cyrillic. */
const MARKED_LETTERS = /[\u00c0-\u024f\u0370-\u052f\u1e00-\u1fff]/g;

/** Longest query that is looked at, in UTF-16 units, and most words of it. */
const MOST_TEXT = 500;
const MOST_WORDS = 16;

/** What somebody searches for. */
export interface Wanted {
  /** Texts that all must be in the name, each a phrase of words of which the last may go on. */
  readonly words: readonly string[];
  /** True where a text may also lie in the middle of a word, when nothing else is found. */
  readonly isLoose: boolean;
  /** A pattern as `nameGlob` has it, which the whole name must fit. */
  readonly glob?: { readonly pattern: string; readonly ignoreCase: boolean };
  readonly kind?: "file" | "directory";
  /** A text that every name has, with the case of its letters; looked for where no words are known. */
  readonly text?: string;
}

/** A text as it is compared: without case, width and accents. */
function fold(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(MARKED_LETTERS, (letter) => letter.normalize("NFD")[0]!);
}

/** A name as the index keeps it: its words with a space between. */
export function indexedText(name: string): string {
  return wordsOf(name).join(" ");
}

/** What keywords mean: texts that are separated by spaces. */
export function wantedOf(keywords: string): Wanted {
  const words = keywords.slice(0, MOST_TEXT).trim().split(/\s+/).filter(Boolean).slice(0, MOST_WORDS);
  const text = words.toSorted((a, b) => b.length - a.length)[0];
  return { words, isLoose: true, ...(text !== undefined && { text }) };
}

/** What a pattern means: the words of its plain parts that stand as they are in every name that fits. */
export function wantedOfGlob(pattern: string, ignoreCase: boolean): Wanted {
  // What a backslash or a set stands for is left to the pattern itself.
  const parts = /[[\\]/.test(pattern) ? [] : pattern.slice(0, MOST_TEXT).split(/[*?]+/);
  const words = parts.flatMap((part, i) => {
    const some = [...fold(part).matchAll(WORDS)];
    // What stands behind a star may be the end of a word; what stands before one may go on, as words here may.
    return some.filter(({ index, 0: word }) => i === 0 || index > 0 || IS_ALONE.test(word)).map(([word]) => word);
  });
  const text = parts.toSorted((a, b) => b.length - a.length)[0];
  // Outside of ASCII a search for a text knows no other case.
  const isSure = !ignoreCase || /^[\x20-\x7e]*$/.test(text ?? "");
  return {
    words: words.slice(0, MOST_WORDS),
    isLoose: false,
    glob: { pattern, ignoreCase },
    ...(text && isSure && { text }),
  };
}

/** The query of FTS5; undefined where the index has nothing of it. */
export function matchOf({ words }: Wanted): string | undefined {
  const phrases = words.map(wordsOf).filter((phrase) => phrase.length > 0);
  if (phrases.length === 0) return undefined;
  return phrases.map((phrase) => `"${phrase.join(" ")}"${goesOn(phrase) ? " *" : ""}`).join(" AND ");
}

/** Whether a name has all the texts as the index finds them: what it says of a name may be older than the tree. */
export function hasWords({ words }: Wanted): (name: string) => boolean {
  const phrases = words.map(wordsOf);
  const signs = words.filter((_, i) => phrases[i]?.length === 0).map(fold);
  return (name) => {
    const has = wordsOf(name);
    if (!phrases.every((phrase) => isIn(phrase, has))) return false;
    return signs.length === 0 || signs.every((sign) => fold(name).includes(sign));
  };
}

/** Whether a name has all the texts anywhere. */
export function hasTexts({ words }: Wanted): (name: string) => boolean {
  const texts = words.map(fold);
  return (name) => {
    const folded = fold(name);
    return texts.every((text) => folded.includes(text));
  };
}

function wordsOf(text: string): readonly string[] {
  return fold(text).match(WORDS) ?? [];
}

function goesOn(phrase: readonly string[]): boolean {
  return !IS_ALONE.test(phrase.at(-1)!);
}

function isIn(phrase: readonly string[], has: readonly string[]): boolean {
  const last = phrase.length - 1;
  if (last < 0) return true;
  for (let from = 0; from + last < has.length; from++) {
    const fits = phrase.every((word, i) => {
      const other = has[from + i]!;
      return other === word || (i === last && goesOn(phrase) && other.startsWith(word));
    });
    if (fits) return true;
  }
  return false;
}
