/** The parts of the guide that are made from code: how they are made, and where they stand in a page. */
import { describeConfig, type FieldDescription } from "#drivers/contract/config.ts";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import { ERROR_KINDS } from "#drivers/contract/errors.ts";
import { ERROR_FORMS, type ErrorForm } from "#server/http/errors.ts";

/** The page without its part between `<!-- name:begin -->` and `<!-- name:end -->`, and that part. Throws when a marker is missing. */
export function splitPage(page: string, name: string): { before: string; part: string; after: string } {
  const begin = `<!-- ${name}:begin -->\n`;
  const end = `<!-- ${name}:end -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page lacks the markers ${begin.trim()} and ${end}`);
  const start = from + begin.length;
  return { before: page.slice(0, start), part: page.slice(start, to), after: page.slice(to) };
}

/** The table of a driver's settings. */
export function settingsTable(driver: AnyDriver): string {
  const rows = describeConfig(driver.settings).map((field) => [
    `\`${field.name}\``,
    field.choices ? field.choices.map((choice) => `\`${choice}\``).join(", ") : field.type,
    field.required ? "required" : defaultOf(field),
    `${field.title}. ${field.description}${field.secret ? " Shown masked." : ""}`,
  ]);
  return markdownTable(["setting", "type", "default", "what it is"], rows);
}

/** The table of every kind of failure and how each front shows it. */
export function errorsTable(): string {
  const rows = ERROR_KINDS.map((kind) => {
    const form: ErrorForm = ERROR_FORMS[kind];
    const retry = form.retryAfter === undefined ? "" : `${form.retryAfter} s`;
    return [`\`${kind}\``, String(form.status), String(form.alist), String(form.exit), retry];
  });
  return markdownTable(["kind", "HTTP and WebDAV", "`code` of the API", "exit code", "Retry-After"], rows);
}

function defaultOf(field: FieldDescription): string {
  return field.default === undefined ? "" : `\`${JSON.stringify(field.default)}\``;
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("");
}
