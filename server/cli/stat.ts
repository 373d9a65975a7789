/** `pandav stat`: what is known of files and directories. */
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { resolvePath } from "./paths.ts";
import { about, cannot } from "./report.ts";
import { oneLine, print } from "./terminal.ts";
import { resource, type StatReply } from "./wire.ts";

/** Adds `stat`. */
export function addStat(define: Definer): void {
  const { stdout } = define.options.terminal;
  define
    .verb("stat <paths...>", "Show what is known of files and directories.")
    .option("--json", "one JSON object per line")
    .action((paths: string[], { json }, command) =>
      define.withClient(command, async (client) => {
        for (const [i, typed] of paths.entries()) {
          try {
            const found = await statPath(client, await resolvePath(client, typed));
            const text = json ? `${JSON.stringify(found)}\n` : `${i > 0 ? "\n" : ""}${describe(found)}`;
            await print(stdout, text);
          } catch (error) {
            define.complain(about(cannot("access", typed), error));
          }
        }
      }),
    );
}

/** The file or directory at an absolute path. Throws Refused. */
export function statPath(client: Client, path: string): Promise<StatReply> {
  return client.call({ method: "GET", path: "/api/pandav/fs/stat", query: { path } }, resource);
}

function describe(found: StatReply): string {
  const size = found.size === undefined ? "unknown" : `${found.sizeIs === "about" ? "about " : ""}${found.size} bytes`;
  const lines: [string, string][] = [
    ["Path", found.path],
    ["Kind", found.kind],
    ...(found.kind === "file" ? ([["Size", size]] as [string, string][]) : []),
    ["Modified", time(found.modifiedAt)],
    ...(found.createdAt === undefined ? [] : ([["Created", time(found.createdAt)]] as [string, string][])),
    ...Object.entries(found.hashes ?? {}).map(([name, value]): [string, string] => [name.toUpperCase(), value]),
    ...(found.pending ? ([["Upload", uploadOf(found)]] as [string, string][]) : []),
    ...(found.mountPath === undefined ? [] : ([["Storage", found.mountPath]] as [string, string][])),
  ];
  return lines.map(([name, value]) => `${`${name}:`.padEnd(10)}${oneLine(value)}\n`).join("");
}

function uploadOf({ failure }: StatReply): string {
  return failure ? `failed: ${failure.message} (pandav tasks retry)` : "pending: kept here until the storage has it";
}

function time(ms: number | undefined): string {
  return ms === undefined ? "unknown" : new Date(ms).toISOString();
}
