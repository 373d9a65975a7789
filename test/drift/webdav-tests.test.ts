/** docs/webdav-tests.md names every line of webdav.md §8, and tests that are there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT } from "./source-files.ts";

const read = (path: string) => readFileSync(join(PROJECT, path), "utf8");

interface Row {
  readonly line: string;
  readonly what: string;
  readonly test: string;
}

const rows: Row[] = [...read("docs/webdav-tests.md").matchAll(/^\| ([^|]+) \| ([^|]+) \| (.+) \|$/gm)]
  .map(([, line = "", what = "", test = ""]) => ({ line: line.trim(), what: what.trim(), test: test.trim() }))
  .filter(({ line }) => line !== "line" && !line.startsWith("---"));

describe("docs/webdav-tests.md", () => {
  it("has every line of webdav.md §8", () => {
    const [, section = ""] = /\n## 8\. [^\n]*\n([\s\S]*?)\n## 9\./.exec(read("docs/protocols/webdav.md")) ?? [];
    const lines = [...section.matchAll(/^\| ([^|]+) \|/gm)].map((m) => m[1]!.trim()).slice(2);
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.filter((line) => !rows.some((row) => line.startsWith(row.line)))).toEqual([]);
  });

  it("names tests that are there", () => {
    const missing: string[] = [];
    for (const { what, test } of rows) {
      if (test === "none yet") continue;
      const parts = test.split(/; (?=`)/);
      for (const part of parts) {
        const [, path = "", names = ""] = /^`([^`]+)` (".*")$/.exec(part) ?? [];
        const source = existsSync(join(PROJECT, path)) && path !== "" ? read(path) : undefined;
        if (source === undefined) missing.push(`${what}: ${part}`);
        for (const [, name = ""] of names.matchAll(/"([^"]+)"/g)) {
          if (source && !source.includes(name)) missing.push(`${path}: ${name}`);
        }
      }
    }
    expect(missing).toEqual([]);
  });

  it("has a test for every line", () => {
    expect(rows.filter(({ test }) => test === "none yet").map(({ line }) => line)).toEqual([]);
  });
});
