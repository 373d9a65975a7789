/** `pandav df`: how full the storages are. */
import { z } from "zod";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { showSize } from "./format.ts";
import { resolvePath } from "./paths.ts";
import { about, cannot } from "./report.ts";
import { table } from "./table.ts";
import { print } from "./terminal.ts";
import { complainOf } from "./walk.ts";
import { mountUsage } from "./wire.ts";

type MountUsage = z.output<typeof mountUsage>;

/** Adds `df`. */
export function addDf(define: Definer): void {
  const { stdout } = define.options.terminal;
  define
    .verb("df [paths...]", "Show how full the storages are, or those that hold the paths.")
    .option("-h, --human-readable", "sizes as 1.5K, 23M, …")
    .option("--json", "one JSON object per line")
    .action((paths: string[], { humanReadable = false, json }, command) =>
      define.withClient(command, async (client) => {
        const found = new Map<string, MountUsage>();
        if (paths.length === 0) for (const one of await ask(client)) found.set(one.mountPath, one);
        for (const typed of paths) {
          try {
            for (const one of await ask(client, await resolvePath(client, typed))) found.set(one.mountPath, one);
          } catch (error) {
            define.complain(about(cannot("access", typed), error));
          }
        }
        const all = [...found.values()].filter((one) => !one.failure);
        // The others are shown all the same: one storage that does not answer hides nothing.
        for (const { mountPath, failure } of found.values())
          if (failure) complainOf(define, "access", mountPath, failure);
        if (json) return print(stdout, all.map((one) => `${JSON.stringify(one)}\n`).join(""));
        if (all.length > 0) await print(stdout, tableOf(all, humanReadable));
      }),
    );
}

function ask(client: Client, path?: string): Promise<readonly MountUsage[]> {
  const query = path === undefined ? {} : { path };
  return client.call({ method: "GET", path: "/api/pandav/usage", query }, z.array(mountUsage));
}

function tableOf(all: readonly MountUsage[], isHuman: boolean): string {
  const size = (bytes: number | undefined) => (bytes === undefined ? "-" : showSize(bytes, isHuman));
  const rows = all.map(({ mountPath, driver, used, total }) => {
    const free = total === undefined || used === undefined ? undefined : Math.max(0, total - used);
    const share = free === undefined || total === 0 ? "-" : `${Math.ceil((100 * used!) / total!)}%`;
    return [driver, size(total), size(used), size(free), share, mountPath];
  });
  return table([["Driver", "Size", "Used", "Avail", "Use%", "Mounted on"], ...rows], [1, 2, 3, 4]);
}
