/** Paths that are kept out of searches and crawling, as a setting lists them. */
import { isWithin, parsePath } from "#drivers/contract/path.ts";

/** Whether a full path is one of the listed ones or lies below one; what is no path is none. The text may be another at every call. */
export function ignoredPaths(list: () => string): (path: string) => boolean {
  let known = "";
  let paths: readonly string[] = [];
  return (path) => {
    const text = list();
    if (text !== known) {
      known = text;
      paths = text.split("\n").flatMap(toPath);
    }
    return paths.some((one) => isWithin(path, one));
  };
}

function toPath(line: string): string[] {
  const text = line.trim();
  if (text === "") return [];
  try {
    return [parsePath(text.startsWith("/") ? text : `/${text}`)];
  } catch {
    return [];
  }
}
