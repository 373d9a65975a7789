/** Which remote files a download is about: what was named, what fits a pattern, and what lies in directories. */
import { joinPath, nameOf } from "#drivers/contract/path.ts";
import { type Client, Refused } from "../client.ts";
import { resolvePath, shownBelow } from "../paths.ts";
import { about, CommandError, cannot, EXIT, WORDS } from "../report.ts";
import { refusedOf, walk } from "../walk.ts";
import { type RemoteFile, statRemote } from "./download-file.ts";

/** One operand of the command line as it is at the server. */
export interface RemoteOperand {
  /** As it was typed, or found by a pattern. */
  readonly shown: string;
  readonly found: RemoteFile;
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
    return [{ shown: word, found: await statRemote(client, path) }];
  } catch (error) {
    const isMissing = error instanceof Refused && error.kind === "not-found";
    if (!isMissing || !/[*?[]/.test(word)) throw about(cannot("download", word), error);
  }
  const paths = await matching(client, path);
  if (paths.length === 0) throw new CommandError(EXIT.notFound, `${cannot("download", word)}: ${WORDS["not-found"]}`);
  return Promise.all(paths.map(async (one) => ({ shown: one, found: await statRemote(client, one) })));
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
async function matching(client: Client, pattern: string): Promise<readonly string[]> {
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
  const there = await Promise.all(paths.map(async (path) => ((await isThere(client, path)) ? path : undefined)));
  return there.filter((path) => path !== undefined);
}

async function* children(client: Client, path: string, name: string): AsyncGenerator<string> {
  try {
    for await (const row of walk(client, path, { minDepth: 1, maxDepth: 1, name })) if (!row.failure) yield row.path;
  } catch (error) {
    if (!isMissing(error)) throw about(cannot("access", path), error);
  }
}

async function isThere(client: Client, path: string): Promise<boolean> {
  try {
    await statRemote(client, path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Refused && (error.kind === "not-found" || error.kind === "not-a-directory");
}
