/** `pandav trash`: the recycle bins of storages. */
import type { Command } from "commander";
import { z } from "zod";
import { Asker } from "./asking.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { humanSize, localMinutes } from "./format.ts";
import { mountInUse, mountsOf, resolvePath } from "./paths.ts";
import { about, CommandError, cannot, EXIT } from "./report.ts";
import { oneLine, print } from "./terminal.ts";
import { refusedOf } from "./walk.ts";
import { type TrashedReply, trashed, trashOutcome } from "./wire.ts";

/** Wide enough for sizes as people read them. */
const SIZE_WIDTH = 6;

/** Adds `trash`. */
export function addTrash(define: Definer): void {
  const { terminal, signal } = define.options;
  const trash = define.group("trash", "What was removed, where the storage keeps it.");
  const verb = (nameAndArguments: string, description: string) =>
    trash
      .verb(nameAndArguments, description)
      .option("--mount <path>", "the bin of this mount (default: the one in use)");

  verb("ls", "Show what is in the recycle bin.")
    .option("--json", "one JSON object per line")
    .action((options, command) =>
      define.withClient(command, async (client) => {
        const query = { path: await binOf(client, options.mount) };
        for await (const item of client.rows({ method: "GET", path: "/api/pandav/trash", query }, trashed)) {
          await print(terminal.stdout, options.json ? `${JSON.stringify(item)}\n` : line(item));
        }
      }),
    );
  verb("restore <items...>", "Put items back where they were: by name, or by the id that trash ls shows.")
    .option("--json", "one JSON object per item")
    .action((items: string[], _options, command) => change(define, "restore", items, command));
  verb("rm <items...>", "Delete items of the recycle bin for good.")
    .option("--json", "one JSON object per item")
    .action((items: string[], _options, command) => change(define, "purge", items, command));
  verb("empty", "Delete everything in the recycle bin for good.")
    .option("-f, --force", "do not ask")
    .action((options, command) =>
      define.withClient(command, async (client) => {
        const path = await binOf(client, options.mount);
        const asker = new Asker(terminal, signal);
        try {
          if (!options.force && !(await asker.confirm(`Delete everything in the recycle bin of ${path} for good?`)))
            return;
        } finally {
          asker.close();
        }
        await client.call({ method: "POST", path: "/api/pandav/trash/empty", body: { path } }, z.null());
      }),
    );
}

function change(define: Definer, how: "restore" | "purge", items: readonly string[], command: Command): Promise<void> {
  const { stdout, stderr } = define.options.terminal;
  const options = command.opts<{ readonly mount?: string; readonly json?: boolean }>();
  return define.withClient(command, async (client) => {
    const body = { path: await binOf(client, options.mount), items };
    const call = { method: "POST", path: `/api/pandav/trash/${how}`, body } as const;
    for (const { asked, item, path, failure } of await client.call(call, z.array(trashOutcome))) {
      if (failure) {
        const verb = how === "restore" ? "restore" : "remove";
        define.complain(withId(about(cannot(verb, asked), refusedOf(failure)), failure.kind, failure.message));
        continue;
      }
      if (options.json) {
        await print(stdout, `${JSON.stringify({ ...item, ...(path !== undefined && { path }) })}\n`);
      } else if (path !== undefined && item?.originalPath !== undefined && path !== item.originalPath) {
        await print(stderr, `pandav: trash restore: '${oneLine(asked)}' is now ${oneLine(path)}\n`);
      }
    }
  });
}

/** In a bin, what is missing is no file or directory: the server's own words say it better. */
function withId(error: unknown, kind: string | undefined, message: string): unknown {
  return kind === "not-found" ? new CommandError(EXIT.notFound, message, error) : error;
}

/** A path of the storage whose bin is meant. */
async function binOf(client: Client, mount: string | undefined): Promise<string> {
  return mount === undefined ? mountInUse(await mountsOf(client)) : resolvePath(client, mount);
}

function line({ id, name, kind, size, removedAt, originalPath }: TrashedReply): string {
  const bytes = size === undefined ? "-" : humanSize(size);
  const shown = oneLine(originalPath ?? name) + (kind === "directory" ? "/" : "");
  return `${id}  ${bytes.padStart(SIZE_WIDTH)}  ${localMinutes(removedAt)}  ${shown}\n`;
}
