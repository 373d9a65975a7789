/** What a data folder holds at rest: secrets are in it sealed, or not at all. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { expectNoCanary } from "./canaries.ts";

/** What users put there themselves. */
const CONTENT = ["files", "spool"];

/** Larger files are the trees of a million entries. */
const LARGEST = 32 * 2 ** 20;

/** Throws CanaryFound where a file of the folder has a secret in the clear. */
export function expectNoCanaryIn(dataDir: string): void {
  if (!existsSync(dataDir)) return;
  for (const file of filesOf(dataDir, CONTENT)) {
    if (statSync(file).size > LARGEST) continue;
    expectNoCanary(`the file ${relative(dataDir, file)} of the data folder`, readFileSync(file));
  }
}

/** Files below a folder; no link is followed. */
function* filesOf(folder: string, left: readonly string[] = []): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (left.includes(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesOf(path);
    else if (entry.isFile()) yield path;
  }
}
