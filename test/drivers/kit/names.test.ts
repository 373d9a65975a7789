import { expect, it } from "vitest";
import { numberedName } from "#drivers/kit/names.ts";

it.each([
  ["report.txt", "file", "report (1).txt"],
  ["archive.tar.gz", "file", "archive.tar (1).gz"],
  ["README", "file", "README (1)"],
  [".profile", "file", ".profile (1)"],
  ["folder.d", "directory", "folder.d (1)"],
] as const)("numbers %s (a %s) as %s", (name, kind, numbered) => {
  expect(numberedName(name, 1, kind)).toBe(numbered);
});
