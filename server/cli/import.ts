/** `pandav import`: taking over what another server has. */
import { tmpdir } from "node:os";
import { Readable } from "node:stream";
import { z } from "zod";
import { parseDump } from "../import/dump.ts";
import { readAlistFile } from "../import/read-file.ts";
import { OUTCOMES, SUBJECTS } from "../import/step.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { EXIT } from "./report.ts";
import { table } from "./table.ts";
import { oneLine, print } from "./terminal.ts";

const importRow = z.object({
  what: z.enum(SUBJECTS),
  name: z.string(),
  outcome: z.enum(OUTCOMES),
  note: z.string().optional(),
});
type Row = z.output<typeof importRow>;

interface Options {
  readonly apply?: boolean;
  readonly config?: string;
  readonly json?: boolean;
}

/** What a person must see to. */
const UNDONE: readonly Row["outcome"][] = ["conflict", "failed"];

/** Adds `import`. */
export function addImport(define: Definer): void {
  const { stdout, stderr } = define.options.terminal;
  define
    .group("import", "Take over what another server has.")
    .verb(
      "alist <file>",
      "Take over the database (data.db) or a backup (JSON) of AList or OpenList; only shown without --apply.",
    )
    .option("--apply", "do it")
    .option("--config <file>", "its config.json, for the key of logins (default: the one beside the database)")
    .option("--json", "one JSON object per line")
    .action(async (file: string, options: Options, command) => {
      const content = readAlistFile(file, { config: options.config, scratchIn: tmpdir() });
      parseDump(content); // what cannot be read is said before a data folder is made
      await define.withClient(
        command,
        async (client) => {
          const rows = await send(client, content, options.apply === true);
          await print(stdout, options.json ? rows.map((row) => `${JSON.stringify(row)}\n`).join("") : shown(rows));
          if (!options.json) await print(stderr, summary(rows, options.apply === true));
          if (rows.some(({ outcome }) => UNDONE.includes(outcome))) define.exitWith(EXIT.failed);
        },
        { mayCreate: true },
      );
    });
}

async function send(client: Client, content: Readonly<Record<string, unknown>>, apply: boolean): Promise<Row[]> {
  const body = Buffer.from(JSON.stringify(content));
  const rows: Row[] = [];
  const call = {
    method: "POST",
    path: "/api/pandav/import",
    query: { apply },
    content: Readable.from([body]),
    headers: { "content-type": "application/octet-stream", "content-length": String(body.length) },
  } as const;
  for await (const row of client.rows(call, importRow)) rows.push(row);
  return rows;
}

function shown(rows: readonly Row[]): string {
  return table([
    ["WHAT", "NAME", "OUTCOME", "NOTE"],
    ...rows.map(({ what, name, outcome, note = "" }) => [what, oneLine(name), outcome, oneLine(note)]),
  ]);
}

function summary(rows: readonly Row[], applied: boolean): string {
  const count = (...wanted: Row["outcome"][]) => rows.filter(({ outcome }) => wanted.includes(outcome)).length;
  const taken = `${count("add", "replace", "keep")} ${applied ? "taken over" : "to take over"}`;
  const undone = `${count("conflict", "failed")} to be seen to`;
  const next = applied ? "" : "Nothing was changed: --apply does it.\n";
  return `${taken}, ${count("same")} here already, ${undone}, ${count("skip")} without a place here.\n${next}`;
}
