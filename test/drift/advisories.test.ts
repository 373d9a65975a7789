/** docs/advisories.md names a test that is there, or the feature that it waits for, for every record. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT } from "./source-files.ts";

const read = (path: string) => readFileSync(join(PROJECT, path), "utf8");

const rows = [...read("docs/advisories.md").matchAll(/^\| ([^|]+) \| [^|]+ \| (.+) \|$/gm)]
  .map(([, record = "", test = ""]) => ({ record: record.trim(), test: test.trim() }))
  .filter(({ record }) => record !== "record" && !record.startsWith("---"));

/** A row's text is tests, each a file and names in it, and perhaps what is to come. */
const parts = rows.flatMap(({ record, test }) => test.split("; ").map((part) => ({ record, part })));
const tests = parts.flatMap(({ record, part }) => {
  const [, path, names] = /^`([^`]+)` (".*")$/.exec(part) ?? [];
  return path && names ? [{ record, path, names: [...names.matchAll(/"([^"]+)"/g)].map(([, name]) => name!) }] : [];
});

describe("docs/advisories.md", () => {
  it("says of every record which test holds it, or with what feature it comes", () => {
    const unclear = parts.filter(({ part }) => !/^`[^`]+` ".*"$/.test(part) && !/\bcomes? with [\w`]/.test(part));
    expect([rows.length, unclear]).toEqual([29, []]);
  });

  it("names tests that are there", () => {
    const missing = tests.flatMap(({ record, path, names }) => {
      const source = existsSync(join(PROJECT, path)) ? read(path) : "";
      return names.filter((name) => !source.includes(name)).map((name) => `${record}: ${path} "${name}"`);
    });
    expect([tests.length > 25, missing]).toEqual([true, []]);
  });

  it("names every test of test/hardening/advisories", () => {
    const named = new Set(tests.map(({ path }) => path));
    const folder = "test/hardening/advisories";
    expect(readdirSync(join(PROJECT, folder)).filter((file) => !named.has(`${folder}/${file}`))).toEqual([]);
  });
});
