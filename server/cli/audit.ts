/** `pandav audit`: who logged in, and who changed or deleted what. */
import { z } from "zod";
import { UsageError } from "../config.ts";
import type { Definer } from "./definer.ts";
import { localMinutes } from "./format.ts";
import { table } from "./table.ts";
import { oneLine, print } from "./terminal.ts";

const auditRow = z.object({
  id: z.number(),
  at: z.number(),
  action: z.string(),
  ok: z.boolean(),
  user: z.string(),
  address: z.string(),
  subject: z.string(),
});

interface Options {
  readonly limit: string;
  readonly action?: string;
  readonly user?: string;
  readonly json?: boolean;
}

/** Adds `audit`. */
export function addAudit(define: Definer): void {
  const { stdout } = define.options.terminal;
  define
    .verb("audit", "Show who logged in, and who changed or deleted what, newest first.")
    .option("--limit <number>", "rows at most, up to 1000", "50")
    .option("--action <action>", "of this action alone, such as login, or of a group: user, token, storage, file")
    .option("--user <name>", "of this user alone")
    .option("--json", "one JSON object per line")
    .action((options: Options, command) => {
      const { limit, action, user } = options;
      if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > 1000) {
        throw new UsageError("--limit is a number from 1 to 1000");
      }
      return define.withClient(command, async (client) => {
        const query = { limit, ...(action !== undefined && { action }), ...(user !== undefined && { user }) };
        const rows = await client.call({ method: "GET", path: "/api/pandav/audit", query }, z.array(auditRow));
        if (options.json) return print(stdout, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
        const shown = rows.map((row) => [
          localMinutes(row.at),
          row.ok ? row.action : `${row.action} FAILED`,
          row.user,
          row.address,
          oneLine(row.subject),
        ]);
        return print(stdout, table([["TIME", "ACTION", "USER", "ADDRESS", "SUBJECT"], ...shown]));
      });
    });
}
