/** Facts that code cites must be there to read. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT, sourceFiles } from "./source-files.ts";

/** `115.md §6.3`, and `webdav.md §5.1, §6` for several sections of one page. */
const CITATION = /\b([A-Za-z0-9-]+\.md) §(\d+(?:\.\d+)*(?:, §?\d+(?:\.\d+)*)*)/g;

/** Where a cited page may be; protocol facts first. */
const FOLDERS = ["docs/protocols", "docs"];

const headings = new Map<string, ReadonlySet<string> | undefined>();

describe("citations of facts", () => {
  it("name a section that exists under docs/protocols or docs", () => {
    const broken = sourceFiles(["drivers", "server", "test"]).flatMap(({ path, text }) =>
      citationsOf(text).flatMap(({ page, section }) => {
        const sections = sectionsOf(page);
        if (sections?.has(section)) return [];
        return [`${path} cites ${page} §${section}: ${sections ? "no such heading" : "no such page"}`];
      }),
    );
    expect(broken).toEqual([]);
  });
});

function citationsOf(text: string): { page: string; section: string }[] {
  return [...text.matchAll(CITATION)].flatMap(([, page = "", sections = ""]) =>
    sections.split(/, §?/).map((section) => ({ page, section })),
  );
}

/** Numbers of a page's headings; undefined when there is no such page. */
function sectionsOf(page: string): ReadonlySet<string> | undefined {
  if (!headings.has(page)) {
    const file = FOLDERS.map((folder) => join(PROJECT, folder, page)).find(existsSync);
    const found = file && [...readFileSync(file, "utf8").matchAll(/^#+ (\d+(?:\.\d+)*)[. ]/gm)].map((m) => m[1] ?? "");
    headings.set(page, found ? new Set(found) : undefined);
  }
  return headings.get(page);
}
