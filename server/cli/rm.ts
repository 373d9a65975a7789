/** `pandav rm`: removes files and directories, into the recycle bin where the storage has one. */
import { z } from "zod";
import { Asker } from "./asking.ts";
import { type Client, Refused } from "./client.ts";
import type { Definer } from "./definer.ts";
import { resolvePath } from "./paths.ts";
import { about, cannot } from "./report.ts";
import { statPath } from "./stat.ts";
import { print } from "./terminal.ts";
import { refusedOf } from "./walk.ts";
import { failedRow } from "./wire.ts";

const outcomes = z.array(z.object({ failure: failedRow.optional() }));

/** Paths of one request, in number and in characters: the server takes a body of 1 MiB. */
const MOST_PATHS = 5000;
const MOST_CHARACTERS = 200_000;

interface RmOptions {
  readonly recursive?: boolean;
  readonly interactive?: boolean;
  readonly force?: boolean;
  readonly dir?: boolean;
  readonly permanent?: boolean;
  readonly json?: boolean;
}

/** A path as it was typed, and what it means. */
interface Target {
  readonly typed: string;
  readonly path: string;
}

/** Adds `rm`. */
export function addRm(define: Definer): void {
  define
    .verb("rm <paths...>", "Remove files, into the recycle bin where the storage has one.")
    .option("-r, --recursive", "directories too, with all that is in them")
    .option("-R", "the same as -r")
    .option("-i, --interactive", "ask before each")
    .option("-f, --force", "what is missing is no failure; do not ask")
    .option("-d, --dir", "empty directories too")
    .option("--permanent", "for good, past the recycle bin")
    .option("--json", "one JSON object per removed path")
    .action((paths: string[], { R, ...given }: RmOptions & { readonly R?: boolean }, command) =>
      define.withClient(command, async (client) => {
        const options = R ? { ...given, recursive: true } : given;
        const targets = await chosen(define, client, paths, options);
        for (const batch of batches(targets)) await remove(define, client, batch, options);
      }),
    );
}

/** The paths that are to go: those that the user agrees to, where he wants to be asked. */
async function chosen(
  define: Definer,
  client: Client,
  paths: readonly string[],
  { interactive, force }: RmOptions,
): Promise<readonly Target[]> {
  const targets: Target[] = [];
  const asker = new Asker(define.options.terminal, define.options.signal);
  try {
    for (const typed of paths) {
      try {
        const path = await resolvePath(client, typed);
        if (interactive && !force) {
          await statPath(client, path);
          if (!(await asker.confirm(`Remove ${typed}?`))) continue;
        }
        targets.push({ typed, path });
      } catch (error) {
        define.complain(about(cannot("remove", typed), error));
      }
    }
  } finally {
    asker.close();
  }
  return targets;
}

async function remove(define: Definer, client: Client, batch: readonly Target[], o: RmOptions): Promise<void> {
  const body = {
    paths: batch.map(({ path }) => path),
    recursive: o.recursive === true,
    onlyEmpty: o.dir === true && !o.recursive,
    ...(o.permanent && { mode: "permanent" }),
  };
  const answers = await client
    .call({ method: "POST", path: "/api/pandav/fs/remove", body }, outcomes)
    .catch((error) => {
      // The batch was refused as a whole: said of each, as if they had been asked for one by one.
      if (error instanceof Refused) return batch.map(() => ({ error }));
      throw error;
    });
  for (const [i, { typed, path }] of batch.entries()) {
    const answer = answers[i];
    const error =
      answer && ("error" in answer ? answer.error : "failure" in answer && answer.failure && refusedOf(answer.failure));
    if (error) {
      if (!(o.force && error.kind === "not-found")) define.complain(about(cannot("remove", typed), error));
    } else if (o.json) {
      await print(define.options.terminal.stdout, `${JSON.stringify({ path })}\n`);
    }
  }
}

function* batches(targets: readonly Target[]): Generator<readonly Target[]> {
  let batch: Target[] = [];
  let characters = 0;
  for (const target of targets) {
    if (batch.length >= MOST_PATHS || characters + target.path.length > MOST_CHARACTERS) {
      yield batch;
      batch = [];
      characters = 0;
    }
    batch.push(target);
    characters += target.path.length;
  }
  if (batch.length > 0) yield batch;
}
