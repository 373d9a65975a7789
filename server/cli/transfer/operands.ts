/** The words of `upload` and `download` that are no options. */
import { UsageError } from "../../config.ts";

/** Most transfers at a time. */
const MOST_JOBS = 64;

/** What is to be transferred, and where to: of several words the last one, unless `-t` named it. */
export function splitOperands(
  words: readonly string[],
  target: string | undefined,
): { readonly sources: readonly string[]; readonly target: string | undefined } {
  if (target !== undefined || words.length === 1) return { sources: words, target };
  return { sources: words.slice(0, -1), target: words.at(-1) };
}

/** The number of `--jobs`. Throws UsageError. */
export function readJobs(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_JOBS) return Number(text);
  throw new UsageError(`--jobs needs a number from 1 to ${MOST_JOBS}, and not "${text}"`);
}
