/** `pandav mv` and `pandav cp`: to a new path, or into a directory. */
import type { Command } from "commander";
import { joinPath } from "#drivers/contract/path.ts";
import { UsageError } from "../config.ts";
import { Asker } from "./asking.ts";
import { type Client, Refused } from "./client.ts";
import type { Definer } from "./definer.ts";
import { humanSize } from "./format.ts";
import { lastName, namesDirectory, resolvePath } from "./paths.ts";
import { about, CommandError, cannot, EXIT, WORDS } from "./report.ts";
import { statPath } from "./stat.ts";
import { oneLine, print } from "./terminal.ts";
import { transferRow } from "./wire.ts";

type How = "move" | "copy";

/** What to do with a namesake at the target. */
type Choice = "rename" | "overwrite" | "ask" | "skip";

interface TransferOptions {
  readonly recursive?: boolean;
  readonly overwrite?: boolean;
  readonly rename?: boolean;
  readonly ask?: boolean;
  readonly noClobber?: boolean;
  readonly json?: boolean;
}

/** The target: a path of its own, or a directory that is there and takes what comes. */
interface Target {
  readonly typed: string;
  readonly path: string;
  readonly isDirectory: boolean;
}

/** Adds `mv` and `cp`. */
export function addMoveAndCopy(define: Definer): void {
  transferVerb(define, "move", define.verb("mv <paths...>", "Rename, or move into a directory: mv FROM... TO."));
  transferVerb(
    define,
    "copy",
    define
      .verb("cp <paths...>", "Copy files: cp FROM... TO.")
      .option("-r, --recursive", "directories too, with all that is in them")
      .option("-R", "the same as -r"),
  );
}

function transferVerb(define: Definer, how: How, command: Command): void {
  command
    .usage("[options] <from...> <to>")
    .option("--rename", "where the name is taken: keep both, under a new name that is told (default)")
    .option("--overwrite", "where the name is taken: replace the file")
    .option("--ask", "where the name is taken: ask whether to replace the file")
    .option("-n, --no-clobber", "where the name is taken: leave both as they are")
    .option("--json", "one JSON object per file or directory: from, to, created")
    .action((paths: string[], { clobber, R, ...given }, self) => {
      const [typedTarget, ...sources] = paths.toReversed();
      if (typedTarget === undefined || sources.length === 0)
        throw new UsageError(`after '${paths[0]}' the target is missing (pandav ${command.name()} --help)`);
      const options = R ? { ...given, recursive: true } : given;
      const choice = choiceOf({ ...options, noClobber: clobber === false });
      return define.withClient(self, async (client) => {
        const target = await targetOf(client, how, typedTarget, sources.length);
        const asker = new Asker(define.options.terminal, define.options.signal);
        try {
          for (const typed of sources.reverse()) {
            try {
              await transfer(define, client, how, typed, target, { ...options, choice, asker });
            } catch (error) {
              define.complain(about(subject(how, typed, target.typed), error));
            }
          }
        } finally {
          asker.close();
        }
      });
    });
}

function choiceOf(o: TransferOptions): Choice {
  const chosen = [o.overwrite && "overwrite", o.rename && "rename", o.ask && "ask", o.noClobber && "skip"].filter(
    (choice): choice is Choice => typeof choice === "string",
  );
  if (chosen.length > 1) throw new UsageError("--rename, --overwrite, --ask and -n exclude each other: give one");
  return chosen[0] ?? "rename";
}

async function targetOf(client: Client, how: How, typed: string, sources: number): Promise<Target> {
  const path = await resolvePath(client, typed);
  const found = await statPath(client, path).catch((error: unknown) => {
    if (error instanceof Refused && error.kind === "not-found") return undefined;
    throw about(cannot("access", typed), error);
  });
  const isDirectory = found?.kind === "directory";
  if (!isDirectory && (sources > 1 || namesDirectory(typed))) {
    const words = found ? WORDS["not-a-directory"] : WORDS["not-found"];
    throw new CommandError(found ? EXIT.failed : EXIT.notFound, `${cannot(`${how} to`, typed)}: ${words}`);
  }
  return { typed, path, isDirectory };
}

async function transfer(
  define: Definer,
  client: Client,
  how: How,
  typed: string,
  target: Target,
  o: { readonly choice: Choice; readonly asker: Asker; readonly recursive?: boolean; readonly json?: boolean },
): Promise<void> {
  const from = await resolvePath(client, typed);
  if (how === "copy" && !o.recursive && (await statPath(client, from)).kind === "directory") {
    throw new CommandError(EXIT.failed, `${subject(how, typed, target.typed)}: Is a directory (-r copies it)`);
  }
  const to = target.isDirectory ? joinPath(target.path, lastName(from)) : target.path;
  const send = (conflict: string) => run(define, client, { how, from, to, conflict });
  const shown = target.isDirectory ? joinPath(target.typed.replace(/\/+$/, ""), lastName(from)) : target.typed;
  try {
    const first = o.choice === "overwrite" ? "replace" : o.choice === "rename" ? "rename" : "fail";
    await finish(await send(first));
  } catch (error) {
    if (!(error instanceof Refused && error.kind === "already-exists")) throw error;
    if (o.choice === "skip") return;
    if (o.choice !== "ask") throw error;
    if (await o.asker.confirm(`Overwrite ${shown}?`)) await finish(await send("replace"));
  }

  async function finish(done: { readonly created: boolean; readonly path?: string | undefined }): Promise<void> {
    const { stdout, stderr } = define.options.terminal;
    if (o.json) {
      await print(
        stdout,
        `${JSON.stringify({ from, ...(done.path !== undefined && { to: done.path }), created: done.created })}\n`,
      );
    }
    if (done.path === to) return;
    const name = done.path === undefined ? "another name" : `'${oneLine(lastName(done.path))}'`;
    await print(
      stderr,
      `pandav: ${how === "move" ? "mv" : "cp"}: '${oneLine(shown)}' was there: this one is now ${name}\n`,
    );
  }
}

async function run(define: Definer, client: Client, body: object) {
  const { stderr } = define.options.terminal;
  let shows = false;
  try {
    for await (const row of client.rows({ method: "POST", path: "/api/pandav/fs/transfer", body }, transferRow)) {
      if ("done" in row) return row.done;
      if (!stderr.isTTY || row.bytes === 0) continue;
      shows = true;
      await print(stderr, `\r${humanSize(row.bytes)} `);
    }
  } finally {
    if (shows) await print(stderr, "\r\u001b[K");
  }
  throw new Error("the server did not say how it ended: see whether it was done");
}

function subject(how: How, typed: string, target: string): string {
  return `cannot ${how} '${typed}' to '${target}'`;
}
