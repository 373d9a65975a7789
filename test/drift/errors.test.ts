/** One closed list of failures, one table, one page. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ERROR_KINDS } from "#drivers/contract/errors.ts";
import { ERROR_FORMS } from "#server/http/errors.ts";
import { errorsTable, splitPage } from "./generated-docs.ts";
import { PROJECT } from "./source-files.ts";

const page = readFileSync(join(PROJECT, "docs/guide/errors.md"), "utf8");

describe("kinds of failure", () => {
  it("are all in the table of server/http/errors.ts, and nothing else is", () => {
    expect(Object.keys(ERROR_FORMS).sort()).toEqual([...ERROR_KINDS].sort());
  });

  it("are never 401, which would ask the visitor for a password (style: errors)", () => {
    expect(Object.values(ERROR_FORMS).map((form) => form.status)).not.toContain(401);
  });

  it("stand in docs/guide/errors.md as they are (else: node test/drift/write-docs.ts)", () => {
    expect(splitPage(page, "errors").part).toBe(errorsTable());
  });

  it.each(ERROR_KINDS)("%s is explained in docs/guide/errors.md", (kind) => {
    expect(splitPage(page, "errors").after).toMatch(new RegExp(`^\\| \`${kind}\` \\| \\S`, "m"));
  });
});
