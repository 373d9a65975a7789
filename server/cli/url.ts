/** `pandav url`: where a client can fetch files by itself, without this server. */
import { z } from "zod";
import type { Definer } from "./definer.ts";
import { localMinutes } from "./format.ts";
import { resolvePath } from "./paths.ts";
import { about, cannot } from "./report.ts";
import { print } from "./terminal.ts";

const link = z.object({ url: z.string(), expiresAt: z.number().optional() });

/** Adds `url`. */
export function addUrl(define: Definer): void {
  const { stdout, stderr } = define.options.terminal;
  define
    .verb("url <paths...>", "Print direct links to files, where their storage gives links that need no login.")
    .option("--json", "one JSON object per line, with the time when the link expires")
    .action((paths: string[], { json }, command) =>
      define.withClient(command, async (client) => {
        for (const typed of paths) {
          try {
            const path = await resolvePath(client, typed);
            const found = await client.call({ method: "GET", path: "/api/pandav/fs/link", query: { path } }, link);
            await print(stdout, json ? `${JSON.stringify({ path, ...found })}\n` : `${found.url}\n`);
            // Beside the link, so that a program that takes it gets it alone.
            if (!json && stdout.isTTY && found.expiresAt !== undefined) {
              await print(stderr, `expires ${localMinutes(found.expiresAt)}\n`);
            }
          } catch (error) {
            define.complain(about(cannot("link to", typed), error));
          }
        }
      }),
    );
}
