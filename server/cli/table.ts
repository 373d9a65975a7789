/** Rows in columns. */
import { oneLine } from "./terminal.ts";

/** The rows as lines, each column as wide as its widest cell; columns in `right` are set flush right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const clean = rows.map((row) => row.map(oneLine));
  const widths = (clean[0] ?? []).map((_, column) => Math.max(...clean.map((row) => row[column]?.length ?? 0)));
  const cell = (text: string, column: number) =>
    right.includes(column) ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  return clean.map((row) => `${row.map(cell).join("  ").trimEnd()}\n`).join("");
}
