/** Which local files an upload is about: what was named, what fits a quoted pattern, and what lies in directories. */
import type { BigIntStats } from "node:fs";
import { glob, lstat, readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { CommandError, cannot, EXIT, WORDS } from "../report.ts";

/** What the system says of a file, in the words of coreutils. */
const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  ENOENT: WORDS["not-found"],
  ENOTDIR: WORDS["not-a-directory"],
  EISDIR: WORDS["is-a-directory"],
  EEXIST: WORDS["already-exists"],
  EACCES: "Permission denied",
  EPERM: "Operation not permitted",
  ENOSPC: "No space left on device",
  EDQUOT: "Disk quota exceeded",
  EFBIG: "File too large",
  EROFS: "Read-only file system",
  ENAMETOOLONG: "File name too long",
};

/** One operand of the command line as it is on the disk. */
export interface LocalOperand {
  /** As it was typed, or found by a pattern. */
  readonly shown: string;
  readonly stats: BigIntStats;
}

/** Something in a directory; `below` are the names on the way to it. */
export type LocalEntry =
  | { readonly kind: "directory"; readonly shown: string; readonly below: readonly string[] }
  | { readonly kind: "file"; readonly shown: string; readonly below: readonly string[]; readonly stats: BigIntStats }
  | { readonly kind: "failure"; readonly shown: string; readonly error: unknown };

/** A failure of the system, said about a file as it was typed. */
export function localFailure(verb: string, shown: string, error: unknown): unknown {
  const { code } = error as { code?: string };
  const words = code === undefined ? undefined : SYSTEM_WORDS[code];
  if (words === undefined) return error;
  return new CommandError(code === "ENOENT" ? EXIT.notFound : EXIT.failed, `${cannot(verb, shown)}: ${words}`, error);
}

/** The operands that a word means: itself where it exists, else what it fits as a pattern. Throws CommandError. */
export async function localOperands(word: string): Promise<readonly LocalOperand[]> {
  try {
    return [{ shown: word, stats: await stat(word, { bigint: true }) }];
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT" || !/[*?[{]/.test(word))
      throw localFailure("upload", word, error);
  }
  const found: LocalOperand[] = [];
  for await (const path of glob(word)) found.push({ shown: path, stats: await stat(path, { bigint: true }) });
  if (found.length === 0) throw new CommandError(EXIT.notFound, `${cannot("upload", word)}: ${WORDS["not-found"]}`);
  return found.sort((a, b) => (a.shown < b.shown ? -1 : 1));
}

/** The name that an operand has at the storage; empty where what is inside goes without its directory (`docs/.`). */
export function localName(shown: string): string {
  return /(^|[/\\])\.$/.test(shown) && shown !== "." ? "" : basename(resolve(shown));
}

/** All in a directory, above before below. Links to files are followed; links to directories are not, for they may lead in a circle. */
export async function* localTree(shown: string, below: readonly string[] = []): AsyncGenerator<LocalEntry> {
  yield { kind: "directory", shown, below };
  let names: string[];
  try {
    names = (await readdir(shown)).sort();
  } catch (error) {
    yield { kind: "failure", shown, error: localFailure("read", shown, error) };
    return;
  }
  for (const name of names) yield* localChild(join(shown, name), [...below, name]);
}

async function* localChild(shown: string, below: readonly string[]): AsyncGenerator<LocalEntry> {
  try {
    const stats = await stat(shown, { bigint: true });
    if (stats.isFile()) yield { kind: "file", shown, below, stats };
    else if (!stats.isDirectory()) throw notRegular(shown);
    else if ((await lstat(shown)).isSymbolicLink())
      throw new CommandError(EXIT.failed, `${cannot("upload", shown)}: it is a link to a directory`);
    else yield* localTree(shown, below);
  } catch (error) {
    yield { kind: "failure", shown, error: localFailure("upload", shown, error) };
  }
}

/** A pipe, a device or a socket. */
export function notRegular(shown: string): CommandError {
  return new CommandError(EXIT.failed, `${cannot("upload", shown)}: Not a regular file`);
}
