/** `POST /api/pandav/backup`: a backup of the server's data folder, sealed by the passphrase in the body. */
import { pipeline } from "node:stream/promises";
import { z } from "@hono/zod-openapi";
import { demandAdmin } from "../auth/permissions.ts";
import { readBody } from "../http/body.ts";
import { addressOf } from "../http/client.ts";
import type { ApiApp, ApiDeps } from "./deps.ts";
import { parsed, parseJson } from "./input.ts";
import { type RawHandler, rawHandler } from "./raw.ts";

/** Where the raw handler listens. */
export const BACKUP_PATH = "/api/pandav/backup";

/** Longest request body, in bytes. */
const MAX_BODY = 16 * 1024;

const input = z.object({ passphrase: z.string() });

/** Answers the bytes as they come; a connection that ends early means that there is no backup. Never rejects. */
export function createBackupHandler(deps: Pick<ApiDeps, "auth" | "vfs" | "log" | "backups">): RawHandler {
  const { auth, backups } = deps;
  return rawHandler(deps, {
    async POST({ request, response, user, signal }) {
      demandAdmin(user);
      const body = await readBody(request, response, MAX_BODY, signal);
      const { passphrase } = parsed(input, parseJson(body.toString("utf8")));
      const bytes = backups.create(passphrase)[Symbol.asyncIterator]();
      try {
        // What is wrong from the start is answered with a status.
        const first = await bytes.next();
        auth.audit.record({ action: "backup", ok: true, user: user.name, address: addressOf(request), subject: "" });
        response.writeHead(200, { "Content-Type": "application/octet-stream" });
        if (!first.done) response.write(first.value);
        await pipeline({ [Symbol.asyncIterator]: () => bytes } as AsyncIterable<Buffer>, response, { signal });
      } finally {
        await bytes.return?.(undefined);
      }
    },
  });
}

/** Names the route in the documentation. */
export function describeBackup(app: ApiApp): void {
  app.openAPIRegistry.registerPath({
    method: "post",
    path: BACKUP_PATH,
    summary: "A backup of everything but files, spool and tree, sealed by a passphrase",
    security: [{ token: [] }],
    request: { body: { required: true, content: { "application/json": { schema: input } } } },
    responses: {
      200: { description: "docs/backup.md", content: { "application/octet-stream": { schema: z.string() } } },
      default: { description: "AList's envelope, with the status that it means" },
    },
  });
}
