/** `pandav cat`: the bytes of files. */
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { UsageError } from "../config.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { resolvePath } from "./paths.ts";
import { about, CommandError, cannot, EXIT, Interrupted } from "./report.ts";
import { statPath } from "./stat.ts";
import { isClosedPipe } from "./terminal.ts";

/** As in `--range`: `0-99` and `100-` count from the start, `-100` is the end. */
type Range = { readonly first: number; readonly last?: number } | { readonly suffix: number };

/** Adds `cat`. */
export function addCat(define: Definer): void {
  const { stdout } = define.options.terminal;
  define
    .verb("cat <paths...>", "Print files.")
    .option("--range <bytes>", "only these bytes, the last included: 0-99, 100- or -100 (the last 100)")
    .action((paths: string[], options, command) => {
      const range = options.range === undefined ? undefined : parseRange(options.range);
      return define.withClient(command, async (client) => {
        for (const typed of paths) {
          try {
            await cat(client, typed, range, stdout);
          } catch (error) {
            define.complain(about(cannot("read", typed), error));
          }
        }
      });
    });
}

function parseRange(text: string): Range {
  const [, first, last] = /^(\d*)-(\d*)$/.exec(text) ?? [];
  if (first && (!last || Number(last) >= Number(first)))
    return { first: Number(first), ...(last && { last: Number(last) }) };
  if (first === "" && last) return { suffix: Number(last) };
  throw new UsageError(`--range needs bytes such as 0-99, 100- or -100, and not "${text}"`);
}

/** Copies a file to `out`, which stays open. Throws where the bytes end early. */
async function cat(client: Client, typed: string, range: Range | undefined, out: Writable): Promise<void> {
  const path = await resolvePath(client, typed);
  const query = { path, ...(range && (await toQuery(client, path, range))) };
  const body = await client.read({ method: "GET", path: "/api/pandav/fs/read", query });
  // A body that is destroyed by its reader's end must not look like one that broke off upstream.
  let gone: Error | undefined;
  const onError = (error: Error) => {
    gone = error;
  };
  out.once("error", onError);
  try {
    await pipeline(body, out, { end: false });
  } catch (error) {
    if (error instanceof Interrupted || isClosedPipe(gone ?? error)) throw gone ?? error;
    const why = gone?.message ?? (error as Error).message;
    throw new CommandError(EXIT.failed, `${cannot("read", typed)}: the file broke off: ${why}`, error);
  } finally {
    out.off("error", onError);
  }
}

async function toQuery(client: Client, path: string, range: Range) {
  if ("first" in range) {
    return { offset: range.first, ...(range.last !== undefined && { length: range.last - range.first + 1 }) };
  }
  const { size, sizeIs } = await statPath(client, path);
  if (size === undefined || sizeIs === "about") {
    throw new CommandError(EXIT.failed, `the storage does not tell the exact size of ${path}: count from its start`);
  }
  return { offset: Math.max(0, size - range.suffix) };
}
