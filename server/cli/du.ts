/** `pandav du`: how much lies in directories. */
import { UsageError } from "../config.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { showSize } from "./format.ts";
import { resolvePath, shownBelow } from "./paths.ts";
import { about, CommandError, cannot, EXIT } from "./report.ts";
import { oneLine, print } from "./terminal.ts";
import { complainOf } from "./walk.ts";
import { total } from "./wire.ts";

interface DuOptions {
  readonly humanReadable?: boolean;
  readonly maxDepth?: number;
  readonly json?: boolean;
}

/** Adds `du`. */
export function addDu(define: Definer): void {
  define
    .verb("du [paths...]", "Show how many bytes lie in directories, each with all below it.")
    .option("-h, --human-readable", "sizes as 1.5K, 23M, …")
    .option("-s, --summarize", "only the sum of each argument")
    .option("-d, --max-depth <number>", "only directories down to this depth", toDepth)
    .option("--json", "one JSON object per line")
    .action((paths: string[], { summarize, ...options }, command) => {
      if (summarize && options.maxDepth) throw new UsageError("-s and --max-depth exclude each other: give one");
      return define.withClient(command, async (client) => {
        for (const typed of paths.length > 0 ? paths : ["/"]) {
          try {
            await du(define, client, typed, { ...options, ...(summarize && { maxDepth: 0 }) });
          } catch (error) {
            define.complain(about(cannot("access", typed), error));
          }
        }
      });
    });
}

/** A depth as it was typed. Throws UsageError. */
export function toDepth(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new UsageError(`a depth is a number, such as 0 or 2, and not "${text}"`);
}

async function du(define: Definer, client: Client, typed: string, o: DuOptions): Promise<void> {
  const { stdout } = define.options.terminal;
  const top = await resolvePath(client, typed);
  const query = { path: top, ...(o.maxDepth !== undefined && { maxDepth: o.maxDepth }) };
  for await (const row of client.rows({ method: "GET", path: "/api/pandav/fs/du", query }, total)) {
    const shown = shownBelow(typed, top, row.path);
    if ("failure" in row) {
      complainOf(define, "access", shown, row.failure);
      continue;
    }
    const { depth, ...sum } = row;
    if (o.json) await print(stdout, `${JSON.stringify(sum)}\n`);
    else await print(stdout, `${showSize(sum.bytes, o.humanReadable === true)}\t${oneLine(shown)}\n`);
    if (sum.unknownSizes > 0 && depth === 0) {
      const message = `the size of ${sum.unknownSizes} files is not known: the sum is without them`;
      define.complain(new CommandError(EXIT.failed, `${shown}: ${message}`));
    }
  }
}
