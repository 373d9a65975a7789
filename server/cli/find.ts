/** `pandav find`: files and directories by name, kind and size, wherever they lie below. */
import { UsageError } from "../config.ts";
import type { Client, Query } from "./client.ts";
import type { Definer } from "./definer.ts";
import { toDepth } from "./du.ts";
import { Lines } from "./lines.ts";
import { resolvePath, shownBelow } from "./paths.ts";
import { about, cannot } from "./report.ts";
import { oneLine } from "./terminal.ts";
import { complainOf, walk } from "./walk.ts";
import { foundEntry, type WalkedReply } from "./wire.ts";

interface FindOptions {
  readonly name?: string;
  readonly iname?: string;
  readonly type?: "f" | "d";
  readonly size?: { readonly minSize?: number; readonly maxSize?: number };
  readonly maxdepth?: number;
  readonly mindepth?: number;
  readonly index?: boolean;
  readonly words?: string;
  readonly print0?: boolean;
  readonly json?: boolean;
}

/** The options that `find` is known for with one dash. */
const ONE_DASH = new Set(["name", "iname", "type", "size", "maxdepth", "mindepth", "print0"]);

/** A command line with `-name` and the like of `find` as options that commander knows; other commands' are as they were. */
export function withFindOptions(args: readonly string[]): readonly string[] {
  const verb = args.findIndex((arg) => arg === "find" || arg === "search");
  if (verb < 0) return args;
  return args.map((arg, i) => (i > verb && arg.startsWith("-") && ONE_DASH.has(arg.slice(1)) ? `-${arg}` : arg));
}

/** Adds `find`. */
export function addFind(define: Definer): void {
  define
    .verb("find [paths...]", "Find files and directories below the paths.")
    .alias("search")
    .option("--name <pattern>", "whose name fits: *, ? and [a-z] as in the shell (also -name)")
    .option("--iname <pattern>", "the same, whether in capitals or not")
    .option("--type <kind>", "f for files, d for directories", toKind)
    .option("--size <size>", "+10M above, -1k below, 0 exactly; c, k, M, G, T", toSizes)
    .option("--maxdepth <number>", "down to this depth; 0 is the path itself", toDepth)
    .option("--mindepth <number>", "from this depth on", toDepth)
    .option("--index", "ask the index of names alone: what was listed once, without a call to any storage")
    .option("--words <words>", "with --index: words of the name, of each at least the beginning")
    .option("--print0", "NUL after each path instead of a new line")
    .option("--json", "one JSON object per line")
    .action((paths: string[], options: FindOptions, command) => {
      if (options.name !== undefined && options.iname !== undefined)
        throw new UsageError("-name and -iname exclude each other: give one");
      if (options.words !== undefined && (!options.index || options.name !== undefined || options.iname !== undefined))
        throw new UsageError("--words goes with --index, and without -name and -iname");
      return define.withClient(command, async (client) => {
        for (const typed of paths.length > 0 ? paths : ["/"]) {
          try {
            await find(define, client, typed, options);
          } catch (error) {
            define.complain(about(cannot("access", typed), error));
          }
        }
      });
    });
}

async function find(define: Definer, client: Client, typed: string, o: FindOptions): Promise<void> {
  const top = await resolvePath(client, typed);
  const lines = new Lines(define.options.terminal.stdout);
  const query = toQuery(o);
  const rows = o.index ? findIn(client, top, query) : walk(client, top, query);
  try {
    for await (const row of rows) {
      const shown = shownBelow(typed, top, row.path);
      if (row.failure) complainOf(define, "access", shown, row.failure);
      else lines.add(look(row, shown, o));
      if (lines.areDue) await lines.flush();
    }
  } finally {
    await lines.flush();
  }
}

function findIn(client: Client, path: string, query: Query): AsyncGenerator<WalkedReply> {
  return client.rows({ method: "GET", path: "/api/pandav/fs/find", query: { path, ...query } }, foundEntry);
}

function toQuery({ name, iname, type, size, maxdepth, mindepth, words }: FindOptions): Query {
  const pattern = name ?? iname;
  return {
    ...(words !== undefined && { words }),
    ...(pattern !== undefined && { name: pattern, ignoreCase: iname !== undefined }),
    ...(type !== undefined && { kind: type === "f" ? "file" : "directory" }),
    ...size,
    ...(maxdepth !== undefined && { maxDepth: maxdepth }),
    ...(mindepth !== undefined && { minDepth: mindepth }),
  };
}

function look({ path, kind, size, modifiedAt }: WalkedReply, shown: string, { json, print0 }: FindOptions): string {
  if (json) return `${JSON.stringify({ path, kind, size, modifiedAt })}\n`;
  return print0 ? `${shown}\0` : `${oneLine(shown)}\n`;
}

function toKind(text: string): string {
  if (text === "f" || text === "d") return text;
  throw new UsageError(`--type needs f for files or d for directories, and not "${text}"`);
}

const UNITS: Readonly<Record<string, number>> = { "": 1, c: 1, k: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** `+N`: more than that, `-N`: less; else exactly, in whole units rounded up. */
function toSizes(text: string): { minSize?: number; maxSize?: number } {
  const [, sign, digits, letter = ""] = /^([+-]?)(\d{1,15})([ckMGT]?)$/.exec(text) ?? [];
  if (digits === undefined) throw new UsageError(`--size needs a size such as +10M, -1k or 0, and not "${text}"`);
  const unit = UNITS[letter] ?? 1;
  const bytes = Number(digits) * unit;
  if (sign === "+") return { minSize: bytes + 1 };
  if (sign === "-") return bytes === 0 ? { minSize: 1, maxSize: 0 } : { maxSize: bytes - 1 };
  return { minSize: Math.max(0, bytes - unit + 1), maxSize: bytes };
}
