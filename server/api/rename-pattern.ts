/** New names by a pattern that a client sends: whatever it is, it cannot hold the server. */
import { createContext, runInContext } from "node:vm";
import { ApiError } from "./envelope.ts";

/** How long all names of one request may take, in milliseconds: no honest pattern takes more. */
const MOST_MS = 200;
/** Longest pattern and replacement, in characters. */
const MOST_LENGTH = 1000;

const SCRIPT = "JSON.stringify(JSON.parse(names).map((name) => name.replace(pattern, replacement)))";

/**
 * The names that fit a pattern and get another name by it. The pattern is written for Go (alist-api.md §6): its `(?i)` and `(?P<name>…)` are understood,
 * and in the replacement `$1` and `${1}`. Throws ApiError 500 on a pattern that cannot be, and on one that takes too long.
 */
export function namesByPattern(
  names: readonly string[],
  pattern: string,
  replacement: string,
): readonly { readonly from: string; readonly to: string }[] {
  const [, inline = "", source = ""] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(pattern) ?? [];
  const compiled = compile(source.replaceAll("(?P<", "(?<"), inline, pattern, replacement);
  const context = createContext({
    names: JSON.stringify(names),
    pattern: compiled,
    replacement: replacement.replace(/\$\{(\w+)\}/g, (_, group: string) =>
      /^\d+$/.test(group) ? `$${group}` : `$<${group}>`,
    ),
  });
  let result: string;
  try {
    // A pattern that goes back and back is stopped by the engine's own clock, which a worker's message could not do sooner.
    result = runInContext(SCRIPT, context, { timeout: MOST_MS }) as string;
  } catch {
    throw new ApiError(500, "the pattern takes too long: write it without nested repetitions");
  }
  const found = JSON.parse(result) as string[];
  return names.map((from, at) => ({ from, to: found[at] ?? from })).filter(({ from, to }) => from !== to);
}

function compile(source: string, flags: string, pattern: string, replacement: string): RegExp {
  if (pattern.length > MOST_LENGTH || replacement.length > MOST_LENGTH) {
    throw new ApiError(400, `a pattern has at most ${MOST_LENGTH} characters`);
  }
  try {
    // All places of a name, as Go's ReplaceAllString.
    return new RegExp(source, `${[...new Set(flags)].join("")}g`);
  } catch (error) {
    throw new ApiError(500, `error parsing regexp: ${error instanceof Error ? error.message : "not a pattern"}`);
  }
}
