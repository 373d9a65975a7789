/** Patterns of names, as shells and `find -name` have them. */

/** One part of a pattern: any text, or one character that fits. */
type Part = "any" | ((character: string) => boolean);

/**
 * True for the names that a pattern means: `*` any text, `?` one character, `[a-z]` and `[!a-z]` one of a set, `\` the next character itself. The
 * whole name must fit; a leading dot is a character like others (fnmatch(3) without FNM_PERIOD). A pattern with a set that runs backwards, such as `[z-a]`, means itself.
 * Takes at most pattern times name steps, whatever the pattern: people on the network choose it, so no regular expression is made of it.
 */
export function nameGlob(pattern: string, { ignoreCase = false } = {}): (name: string) => boolean {
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  const parts = partsOf([...fold(pattern)]);
  return (name) => (parts ? fits(parts, [...fold(name)]) : name === pattern);
}

/** Undefined for a set that runs backwards. */
function partsOf(pattern: readonly string[]): readonly Part[] | undefined {
  const parts: Part[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!;
    if (character === "*") parts.push("any");
    else if (character === "?") parts.push(() => true);
    else if (character === "[" && endOfSet(pattern, i) > 0) {
      const end = endOfSet(pattern, i);
      const set = setOf(pattern.slice(i + 1, end));
      if (!set) return undefined;
      parts.push(set);
      i = end;
    } else {
      const literal = character === "\\" && i + 1 < pattern.length ? pattern[++i]! : character;
      parts.push((other) => other === literal);
    }
  }
  return parts;
}

/** Where the set that begins at `start` ends; -1 where it does not. A `]` at its beginning is one of its characters. */
function endOfSet(pattern: readonly string[], start: number): number {
  const isNegated = pattern[start + 1] === "!" || pattern[start + 1] === "^";
  return pattern.indexOf("]", start + (isNegated ? 3 : 2));
}

function setOf(body: readonly string[]): ((character: string) => boolean) | undefined {
  const isNegated = body[0] === "!" || body[0] === "^";
  const members = isNegated ? body.slice(1) : body;
  const point = (character: string) => character.codePointAt(0)!;
  const ranges: (readonly [number, number])[] = [];
  for (let i = 0; i < members.length; i++) {
    const isRange = members[i + 1] === "-" && i + 2 < members.length;
    const from = point(members[i]!);
    const to = isRange ? point(members[i + 2]!) : from;
    if (to < from) return undefined;
    ranges.push([from, to]);
    if (isRange) i += 2;
  }
  return (character) => ranges.some(([from, to]) => from <= point(character) && point(character) <= to) !== isNegated;
}

/** Only the last `*` is ever taken back to: whatever an earlier one could take more, the last one can take too. */
function fits(parts: readonly Part[], name: readonly string[]): boolean {
  let part = 0;
  let at = 0;
  let lastAny = -1;
  let resumeAt = 0;
  while (at < name.length) {
    const now = parts[part];
    if (now === "any") {
      lastAny = part++;
      resumeAt = at;
    } else if (now?.(name[at]!)) {
      part++;
      at++;
    } else if (lastAny >= 0) {
      part = lastAny + 1;
      at = ++resumeAt;
    } else return false;
  }
  while (parts[part] === "any") part++;
  return part === parts.length;
}
