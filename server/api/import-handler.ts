/** `POST /api/pandav/import`: a database or backup of AList or OpenList as the body; without `apply` it is only told what would be done. */
import { z } from "@hono/zod-openapi";
import { demandAdmin } from "../auth/permissions.ts";
import { openBody } from "../http/body.ts";
import { addressOf } from "../http/client.ts";
import { type ImportRow, OUTCOMES, SUBJECTS } from "../import/step.ts";
import type { ApiApp, ApiDeps } from "./deps.ts";
import { type RawHandler, rawHandler, readQuery } from "./raw.ts";
import { changesIn } from "./setting-items.ts";
import { sendRows } from "./stream.ts";

/** Where the raw handler listens. */
export const IMPORT_PATH = "/api/pandav/import";

const query = z.object({ apply: z.enum(["true", "false"]).default("false") });

const importRow = z
  .object({
    what: z.enum(SUBJECTS),
    name: z.string(),
    outcome: z.enum(OUTCOMES),
    note: z.string().optional(),
  })
  .openapi("ImportRow");

/** Answers in lines, a row each, as things are done. Never rejects. */
export function createImportHandler(deps: Pick<ApiDeps, "auth" | "vfs" | "log" | "importer" | "settings">): RawHandler {
  const { auth, importer, settings, log } = deps;
  return rawHandler(deps, {
    async POST(call) {
      demandAdmin(call.user);
      const apply = readQuery(call.request, query).apply === "true";
      const dump = await importer.receive(openBody(call.request, call.response), { signal: call.signal });
      if (apply) {
        const { name: user } = call.user;
        auth.audit.record({ action: "import.alist", ok: true, user, address: addressOf(call.request), subject: "" });
      }
      const rows = importer.run(dump, {
        apply,
        signal: call.signal,
        settingChanges: (items) => changesIn(items, settings),
      });
      await sendRows(oneByOne(rows), call, log);
    },
  });
}

async function* oneByOne(rows: AsyncIterable<ImportRow>): AsyncGenerator<readonly ImportRow[]> {
  for await (const row of rows) yield [row];
}

/** Names the route in the documentation. */
export function describeImport(app: ApiApp): void {
  app.openAPIRegistry.registerPath({
    method: "post",
    path: IMPORT_PATH,
    summary:
      "Take over storages, users, rules of folders, shares and settings of AList or OpenList; a dry run unless apply=true",
    security: [{ token: [] }],
    request: { query, body: { required: true, content: { "application/octet-stream": { schema: z.string() } } } },
    responses: {
      200: {
        description: 'one JSON object per line; the last is {"end":true}, or {"error":{…}} where the rest failed',
        content: { "application/x-ndjson": { schema: importRow } },
      },
      default: { description: "AList's envelope, with the status that it means" },
    },
  });
}
