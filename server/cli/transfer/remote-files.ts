/** Which remote files a download is about: what was named, what fits a pattern, and what lies in directories. */
import { joinPath, nameOf } from "#drivers/contract/path.ts";
import { type Client, Refused } from "../client.ts";
import { resolvePath, shownBelow } from "../paths.ts";
import { about, CommandError, cannot, EXIT, WORDS } from "../report.ts";
import { statPath } from "../stat.ts";
import { refusedOf, walk } from "../walk.ts";
import type { StatReply } from "../wire.ts";
import { forEachAtOnce } from "./pool.ts";

/** Questions about what fits a pattern that are asked at a time. */
const ASKED_AT_ONCE = 8;

/** One operand of the command line as it is at the server. */
export interface RemoteOperand {
  /** As it was typed, or found by a pattern. */
  readonly shown: string;
  readonly found: StatReply;
}

/** Something in a directory; `below` are the names on the way to it. */
export type RemoteEntry =
  | {
      readonly kind: "file" | "directory";
      readonly shown: string;
      readonly path: string;
      readonly below: readonly string[];
    }
  | { readonly kind: "failure"; readonly shown: string; readonly error: unknown };

/** The operands that a word means: itself where it exists, else what it fits as a pattern. Throws CommandError. */
export async function remoteOperands(client: Client, word: string): Promise<readonly RemoteOperand[]> {
  const path = await resolvePath(client, word);
  try {
    return [{ shown: word, found: await statPath(client, path) }];
  } catch (error) {
    if (!isMissing(error) || !/[*?[]/.test(word)) throw about(cannot("download", word), error);
  }
  const fits = await matching(client, path);
  if (fits.length === 0) throw new CommandError(EXIT.notFound, `${cannot("download", word)}: ${WORDS["not-found"]}`);
  return fits;
}

/** All in a directory, above before below. */
export async function* remoteTree(client: Client, top: string, shown: string): AsyncGenerator<RemoteEntry> {
  for await (const { path, kind, failure } of walk(client, top, {})) {
    const own = shownBelow(shown, top, path);
    if (failure) yield { kind: "failure", shown: own, error: about(cannot("access", own), refusedOf(failure)) };
    else
      yield {
        kind,
        shown: own,
        path,
        below: path
          .slice(top === "/" ? 1 : top.length + 1)
          .split("/")
          .filter(Boolean),
      };
  }
}

/** What fits a path whose segments may be patterns; as in a shell, a dot at a name's beginning fits only a dot. */
async function matching(client: Client, pattern: string): Promise<readonly RemoteOperand[]> {
  let paths: string[] = ["/"];
  for (const segment of pattern.split("/").filter(Boolean)) {
    if (!/[*?[]/.test(segment)) {
      paths = paths.map((path) => joinPath(path, segment));
      continue;
    }
    const next: string[] = [];
    for (const path of paths) {
      for await (const row of children(client, path, segment))
        if (segment.startsWith(".") || !nameOf(row).startsWith(".")) next.push(row);
    }
    paths = next.sort();
  }
  const known = new Map<string, StatReply>();
  await forEachAtOnce(paths, ASKED_AT_ONCE, async (path) => {
    try {
      known.set(path, await statPath(client, path));
    } catch (error) {
      if (!isMissing(error)) throw about(cannot("access", path), error);
    }
  });
  return paths.flatMap((path) => {
    const found = known.get(path);
    return found ? [{ shown: path, found }] : [];
  });
}

async function* children(client: Client, path: string, name: string): AsyncGenerator<string> {
  try {
    for await (const row of walk(client, path, { minDepth: 1, maxDepth: 1, name })) if (!row.failure) yield row.path;
  } catch (error) {
    if (!isMissing(error)) throw about(cannot("access", path), error);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Refused && (error.kind === "not-found" || error.kind === "not-a-directory");
}
