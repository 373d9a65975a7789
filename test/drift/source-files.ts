/** The project's own source files, for tests that compare them. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface SourceFile {
  /** From the project's folder, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** The files below `folders` (from the project's folder) whose names end in `ending`, sorted; without `node_modules`. */
export function sourceFiles(folders: readonly string[], ending = ".ts"): readonly SourceFile[] {
  return folders
    .flatMap((folder) => readdirSync(join(PROJECT, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.split("/").includes("node_modules"))
    .sort()
    .map((file) => ({ path: relative(PROJECT, file), text: readFileSync(file, "utf8") }));
}

export interface ImportStatement {
  /** `import type` or `export type … from`: gone at run time. */
  readonly typeOnly: boolean;
  readonly specifier: string;
}

/** The imports and re-exports of a module, `import()` with a literal included. */
export function importsOf(text: string): readonly ImportStatement[] {
  const statements = text.matchAll(/^\s*(?:import|export)\s+(type\s+)?(?:[^"'`;]*?\sfrom\s+)?["']([^"']+)["']/gm);
  const dynamic = text.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)/g);
  return [
    ...[...statements].map((match) => ({ typeOnly: match[1] !== undefined, specifier: match[2] ?? "" })),
    ...[...dynamic].map((match) => ({ typeOnly: false, specifier: match[1] ?? "" })),
  ];
}

/** The project path that an import names, or undefined for packages and Node's modules. */
export function resolveImport(fromPath: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return join(dirname(fromPath), specifier);
  const alias = /^#(drivers|server|test)\//.exec(specifier);
  return alias ? specifier.slice(1) : undefined;
}

/** The text without comments, strings left as they are; good enough to look for forbidden words in code. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[\s;{}(),])\/\/.*$/gm, "$1");
}
