/** `pandav use`: which mount bare paths mean. */
import { z } from "zod";
import type { Definer } from "./definer.ts";
import { mountInUse, mountsOf } from "./paths.ts";
import { about } from "./report.ts";
import { oneLine, print } from "./terminal.ts";

const chosen = z.object({ mountPath: z.string() });

/** Adds `use`. */
export function addUse(define: Definer): void {
  const { stdout } = define.options.terminal;
  define
    .verb("use [mount]", "Choose the mount that paths without one mean, or show it.")
    .action((mount: string | undefined, _options, command) =>
      define.withClient(command, async (client) => {
        if (mount === undefined) return print(stdout, `${oneLine(mountInUse(await mountsOf(client)))}\n`);
        const call = { method: "POST", path: "/api/pandav/mounts/use", body: { mountPath: mount } } as const;
        await client.call(call, chosen).catch((error: unknown) => {
          throw about(`cannot use '${mount}'`, error);
        });
      }),
    );
}
