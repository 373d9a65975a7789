/** Patterns of names, as shells and `find -name` have them. */

/** True for the names that a pattern means: `*` any text, `?` one character, `[a-z]` and `[!a-z]` one of a set, `\` the next character itself. The whole name must fit; a leading dot is a character like others (fnmatch(3) without FNM_PERIOD). */
export function nameGlob(pattern: string, { ignoreCase = false } = {}): (name: string) => boolean {
  let source = "";
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!;
    if (character === "*") source += ".*";
    else if (character === "?") source += ".";
    else if (character === "[" && pattern.indexOf("]", i + 2) > 0) {
      const end = pattern.indexOf("]", pattern[i + 1] === "!" || pattern[i + 1] === "^" ? i + 3 : i + 2);
      if (end < 0) {
        source += "\\[";
        continue;
      }
      const set = pattern.slice(i + 1, end).replace(/^[!^]/, "");
      const isNegated = set.length < end - i - 1;
      source += `[${isNegated ? "^" : ""}${set.replace(/[\\\]^&~|[]/g, "\\$&")}]`;
      i = end;
    } else source += literal(character === "\\" && i + 1 < pattern.length ? pattern[++i]! : character);
  }
  try {
    const expression = new RegExp(`^${source}$`, `su${ignoreCase ? "i" : ""}`);
    return (name) => expression.test(name);
  } catch {
    return (name) => name === pattern; // a set that runs backwards, such as [z-a], means itself
  }
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
