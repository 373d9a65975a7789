/** `pandav tree`: directories drawn as a tree, line by line as they are read. */
import { nameOf } from "#drivers/contract/path.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { toDepth } from "./du.ts";
import { humanSize } from "./format.ts";
import { Lines } from "./lines.ts";
import { resolvePath, shownBelow } from "./paths.ts";
import { about, cannot } from "./report.ts";
import { oneLine, print } from "./terminal.ts";
import { complainOf, walk } from "./walk.ts";

interface TreeOptions {
  readonly all?: boolean;
  readonly level?: number;
  readonly humanReadable?: boolean;
  readonly json?: boolean;
}

interface Counts {
  directories: number;
  files: number;
}

/** Adds `tree`. */
export function addTree(define: Definer): void {
  const { stdout } = define.options.terminal;
  define
    .verb("tree [paths...]", "Draw directories as a tree.")
    .option("-a, --all", "with names that begin with a dot")
    .option("-L, --level <number>", "only down to this depth", toDepth)
    .option("-h, --human-readable", "with sizes")
    .option("--json", "one JSON object per line")
    .action((paths: string[], options: TreeOptions, command) =>
      define.withClient(command, async (client) => {
        const counts: Counts = { directories: 0, files: 0 };
        for (const typed of paths.length > 0 ? paths : ["/"]) {
          try {
            await tree(define, client, typed, options, counts);
          } catch (error) {
            define.complain(about(cannot("access", typed), error));
          }
        }
        const { directories, files } = counts;
        const say = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
        if (options.json) return;
        await print(stdout, `\n${say(directories, "directory", "directories")}, ${say(files, "file", "files")}\n`);
      }),
    );
}

async function tree(define: Definer, client: Client, typed: string, o: TreeOptions, counts: Counts): Promise<void> {
  const top = await resolvePath(client, typed);
  /** Whether the ancestor at each depth, from 1, is the last of its directory. */
  const isLast: boolean[] = [];
  const lines = new Lines(define.options.terminal.stdout);
  const query = { hidden: o.all === true, ...(o.level !== undefined && { maxDepth: o.level }) };
  try {
    for await (const row of walk(client, top, query)) {
      if (row.failure) {
        complainOf(define, "access", shownBelow(typed, top, row.path), row.failure);
        continue;
      }
      const { path, depth, kind, size, modifiedAt } = row;
      if (depth > 0 || kind === "file") counts[kind === "file" ? "files" : "directories"] += 1;
      isLast.length = depth;
      const lead = isLast
        .slice(1)
        .map((last) => (last ? "    " : "│   "))
        .join("");
      isLast[depth] = row.isLast === true;
      if (o.json) {
        lines.add(`${JSON.stringify({ path, depth, kind, size, modifiedAt })}\n`);
      } else {
        const name =
          oneLine(depth === 0 ? typed : nameOf(path)) +
          (kind === "directory" && !(depth === 0 && typed.endsWith("/")) ? "/" : "");
        const shown = o.humanReadable && size !== undefined ? `${name} (${humanSize(size)})` : name;
        lines.add(depth === 0 ? `${shown}\n` : `${lead}${row.isLast ? "└── " : "├── "}${shown}\n`);
      }
      if (lines.areDue) await lines.flush();
    }
  } finally {
    await lines.flush();
  }
}
