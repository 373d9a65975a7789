/** `pandav ls`: what is in a directory. */
import type { Writable } from "node:stream";
import type { Client } from "./client.ts";
import { CommandError, EXIT } from "./report.ts";
import { statPath } from "./stat.ts";
import { oneLine, print } from "./terminal.ts";
import { type Listed, listPage } from "./wire.ts";

/** Entries asked for at a time, some 8 MB: memory stays bounded however large the directory is, and the server reads it few times. */
const PAGE = 20_000;

/** Fits sizes below 10 TB. */
const SIZE_WIDTH = 13;

export interface LsOptions {
  readonly long?: boolean;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** Prints the entries of a directory, or the one file, page by page in the server's order. */
export async function ls(client: Client, path: string, options: LsOptions, out: Writable): Promise<void> {
  const found = await statPath(client, path);
  if (found.kind === "file") {
    const modified = new Date(found.modifiedAt ?? Number.NaN);
    const entry = { name: found.name, is_dir: false, size: found.size ?? -1, modified: toIso(modified) };
    return print(out, format(entry, options));
  }
  for await (const page of pages(client, path)) {
    const shown = options.all ? page : page.filter((entry) => !entry.name.startsWith("."));
    if (shown.length > 0) await print(out, shown.map((entry) => format(entry, options)).join(""));
  }
}

/** The whole listing or a failure: it never ends early in silence. */
async function* pages(client: Client, path: string): AsyncGenerator<readonly Listed[]> {
  let seen = 0;
  for (let page = 1; ; page++) {
    const query = { path, page, per_page: PAGE };
    const { content, total } = await client.call({ method: "GET", path: "/api/fs/list", query }, listPage);
    const entries = content ?? [];
    seen += entries.length;
    yield entries;
    if (seen === total) return;
    if (entries.length < PAGE)
      throw new CommandError(EXIT.failed, `${path}: the directory changed while it was listed: list it again`);
  }
}

function format(entry: Listed, { long, json }: LsOptions): string {
  if (json) return `${JSON.stringify(toJson(entry))}\n`;
  const name = oneLine(entry.name) + (entry.is_dir ? "/" : "");
  if (!long) return `${name}\n`;
  const size = entry.is_dir || entry.size < 0 ? "-" : String(entry.size);
  return `${entry.is_dir ? "d" : "-"} ${size.padStart(SIZE_WIDTH)} ${minutes(entry.modified)} ${name}\n`;
}

function toJson(entry: Listed) {
  const modifiedAt = Date.parse(entry.modified);
  return {
    name: entry.name,
    kind: entry.is_dir ? "directory" : "file",
    ...(!entry.is_dir && entry.size >= 0 && { size: entry.size }),
    ...(modifiedAt > 0 && { modifiedAt }),
  };
}

/** Local time; AList's year 1 and our NaN stand for unknown. */
function minutes(time: string): string {
  const ms = Date.parse(time);
  return ms > 0 ? localMinutes(ms) : "-".padEnd(16);
}

/** `2026-11-24 18:05` in the local zone. */
function localMinutes(ms: number): string {
  const at = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

function toIso(at: Date): string {
  return Number.isNaN(at.getTime()) ? "" : at.toISOString();
}
