/** What the READMEs tell people to type and set must be there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT, sourceFiles } from "./source-files.ts";

const { scripts } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { scripts: object };
const pages = ["README.md", "README.zh-CN.md"].map(
  (name) => [name, readFileSync(join(PROJECT, name), "utf8")] as const,
);

describe.each(pages)("%s", (_name, text) => {
  it("names only npm scripts that exist", () => {
    const named = [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map((m) => m[1] ?? m[2]);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((name) => !(name && name in scripts))).toEqual([]);
  });

  it("has a row for every environment variable that the server reads, and no other", () => {
    const config = readFileSync(join(PROJECT, "server/config.ts"), "utf8");
    const folder = readFileSync(join(PROJECT, "server/store/data-folder.ts"), "utf8");
    const read = new Set([...(config + folder).matchAll(/\benv\.(PANDAV_[A-Z_]+)/g)].map((m) => m[1]));
    const rows = [...text.matchAll(/^\| `(PANDAV_[A-Z_]+)` \|/gm)].map((m) => m[1]);
    expect(rows.sort()).toEqual([...read].sort());
  });

  it("links only to files that exist", () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map((m) => m[1] ?? "");
    expect(links.filter((link) => !exists(link))).toEqual([]);
  });
});

it("no other file of the server reads an environment variable of ours (server/config.ts does)", () => {
  const readers = sourceFiles(["server", "drivers"]).filter(({ text }) => /process\.env\.PANDAV_/.test(text));
  expect(readers.map(({ path }) => path)).toEqual([]);
});

function exists(link: string): boolean {
  try {
    return readFileSync(join(PROJECT, link)).length > 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EISDIR";
  }
}
