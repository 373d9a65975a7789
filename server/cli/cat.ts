/** `pandav cat`: the bytes of files. */
import { UsageError } from "../config.ts";
import { copyContent, readContent } from "./content.ts";
import type { Definer } from "./definer.ts";
import { resolvePath } from "./paths.ts";
import { about, cannot } from "./report.ts";

/** Adds `cat`. */
export function addCat(define: Definer): void {
  const { stdout } = define.options.terminal;
  define
    .verb("cat <paths...>", "Print files.")
    .option("--range <bytes>", "only these bytes, the last included: 0-99, 100- or -100 (the last 100)", toRange)
    .action((paths: string[], { range }: { readonly range?: string }, command) =>
      define.withClient(command, async (client) => {
        for (const typed of paths) {
          const subject = cannot("read", typed);
          try {
            const body = await readContent(client, await resolvePath(client, typed), { range });
            await copyContent(body, stdout, subject);
          } catch (error) {
            define.complain(about(subject, error));
          }
        }
      }),
    );
}

/** A range as HTTP has it. Throws UsageError. */
function toRange(text: string): string {
  const [, first, last] = /^(\d*)-(\d*)$/.exec(text) ?? [];
  if (first ? !last || Number(last) >= Number(first) : Number(last) > 0) return text;
  throw new UsageError(`--range needs bytes such as 0-99, 100- or -100, and not "${text}"`);
}
