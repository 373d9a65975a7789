/** `pandav mkdir`: new directories. */
import { z } from "zod";
import type { Definer } from "./definer.ts";
import { resolvePath } from "./paths.ts";
import { about, cannot } from "./report.ts";
import { print } from "./terminal.ts";

const made = z.object({ path: z.string(), created: z.boolean() });

/** Adds `mkdir`. */
export function addMkdir(define: Definer): void {
  const { stdout } = define.options.terminal;
  define
    .verb("mkdir <paths...>", "Make directories; one that is there already is left as it is.")
    .option("-p, --parents", "with the directories above that are missing")
    .option("--json", "one JSON object per directory")
    .action((paths: string[], { parents = false, json }, command) =>
      define.withClient(command, async (client) => {
        for (const typed of paths) {
          try {
            const body = { path: await resolvePath(client, typed), parents };
            const result = await client.call({ method: "POST", path: "/api/pandav/fs/mkdir", body }, made);
            if (json) await print(stdout, `${JSON.stringify(result)}\n`);
          } catch (error) {
            define.complain(about(cannot("create directory", typed), error));
          }
        }
      }),
    );
}
