/** The differences that are meant, as docs/protocols/alist-api.md §22 lists them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "#test/drift/source-files.ts";
import type { ServerName } from "./recorded.ts";

/** One exchange, or several that a `*` stands for, and one way in which they differ. */
export interface Listed {
  readonly server: ServerName;
  readonly exchange: string;
  readonly difference: string;
  readonly reason: string;
}

/** A difference that was seen. */
export interface Seen {
  readonly server: ServerName;
  readonly exchange: string;
  readonly difference: string;
}

const LETTERS: Readonly<Record<string, ServerName>> = { A: "alist", O: "openlist" };

/** The rows of the table, one for each server, exchange and difference that they name. */
export function readListed(): readonly Listed[] {
  const page = readFileSync(join(PROJECT, "docs/protocols/alist-api.md"), "utf8");
  const section = page.slice(page.indexOf("\n## 22. ")).split("\n");
  return section
    .filter((line) => /^\| [AO]/.test(line))
    .flatMap((line) => {
      const [servers = "", exchanges = "", found = "", reason = ""] = line
        .split("|")
        .slice(1)
        .map((cell) => cell.trim());
      return servers
        .split(" ")
        .flatMap((letter) =>
          parts(exchanges).flatMap((exchange) =>
            parts(found).map((difference) => ({ server: LETTERS[letter]!, exchange, difference, reason })),
          ),
        );
    });
}

/** True where the row means what was seen. */
export function isMeant(listed: Listed, seen: Seen): boolean {
  return (
    listed.server === seen.server && fits(listed.exchange, seen.exchange) && fits(listed.difference, seen.difference)
  );
}

function parts(cell: string): string[] {
  return cell.split(" · ").map((part) => part.replace(/^`|`$/g, ""));
}

function fits(pattern: string, text: string): boolean {
  const source = pattern
    .split("*")
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${source}$`, "s").test(text);
}
