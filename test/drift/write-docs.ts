/** Writes the generated parts of docs/drivers and docs/guide/errors.md: `node test/drift/write-docs.ts`. A driver without a page gets one. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allDrivers } from "./all-drivers.ts";
import { errorsTable, settingsTable, splitPage } from "./generated-docs.ts";
import { PROJECT } from "./source-files.ts";

for (const driver of await allDrivers()) {
  const page = join(PROJECT, "docs/drivers", `${driver.id}.md`);
  if (!existsSync(page)) {
    writeFileSync(page, `# ${driver.title}\n\n## Settings\n\n<!-- settings:begin -->\n<!-- settings:end -->\n`);
  }
  rewrite(page, "settings", settingsTable(driver));
}
rewrite(join(PROJECT, "docs/guide/errors.md"), "errors", errorsTable());

function rewrite(page: string, marker: string, part: string): void {
  const { before, after } = splitPage(readFileSync(page, "utf8"), marker);
  writeFileSync(page, before + part + after);
}
