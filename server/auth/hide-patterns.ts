/** What a folder's rules hide: one pattern of names a line (alist-api.md §4.9, §12.5). */
import { StorageError } from "#drivers/contract/errors.ts";
import { linearPattern, type Matcher } from "./linear-pattern.ts";

/** Most patterns of one folder: each is asked about each name. */
const MOST_LINES = 50;

/** True for names that one of the lines means; lines without text mean none. Throws `invalid-config` naming the line that is no pattern (alist-api.md §12.5). */
export function hidePatterns(text: string): Matcher {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length > MOST_LINES) {
    throw new StorageError("invalid-config", `hide has more than ${MOST_LINES} lines: join some with |`);
  }
  const matchers = lines.map((line) => {
    try {
      return linearPattern(line);
    } catch (error) {
      throw new StorageError("invalid-config", `${line} is illegal: ${(error as Error).message}`);
    }
  });
  return (name) => matchers.some((matches) => matches(name));
}
