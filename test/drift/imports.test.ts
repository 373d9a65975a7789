/** Holds the table of who may import whom. */
import { describe, expect, it } from "vitest";
import { IMPORT_RULES, type ImportRule, REGISTRY_IMPORTERS } from "./import-rules.ts";
import { type ImportStatement, importsOf, resolveImport, type SourceFile, sourceFiles } from "./source-files.ts";

const files = sourceFiles(["drivers", "server", "test", "web-admin"]);

describe("the table of imports (architecture: who may import whom)", () => {
  it.each(IMPORT_RULES.map((rule) => [rule.from, rule] as const))("holds for %s", (_from, rule) => {
    const broken = files
      .filter((file) => ruleOf(file.path) === rule)
      .flatMap((file) => importsOf(file.text).flatMap((statement) => judge(file, statement, rule)));
    expect(broken).toEqual([]);
  });

  it("lets only the mount table and the catalogue see the registry", () => {
    const importers = files
      .filter((file) => file.path.startsWith("server/"))
      .filter((file) =>
        importsOf(file.text).some((s) => resolveImport(file.path, s.specifier) === "drivers/registry.ts"),
      )
      .map((file) => file.path);
    expect(importers.filter((path) => !REGISTRY_IMPORTERS.includes(path))).toEqual([]);
  });

  it("keeps webdav-server behind one module", () => {
    const importers = files
      .filter((file) => file.path.startsWith("server/"))
      .filter((file) => importsOf(file.text).some((s) => packageOf(s.specifier) === "webdav-server"))
      .map((file) => file.path);
    expect(importers.filter((path) => path !== "server/webdav/frame.ts")).toEqual([]);
  });

  it("names files with their ending, as Node resolves them", () => {
    const broken = files.flatMap((file) =>
      importsOf(file.text)
        .filter(
          (s) => resolveImport(file.path, s.specifier) !== undefined && !/\.(ts|tsx|mjs|json|css)$/.test(s.specifier),
        )
        .map((s) => `${file.path} imports ${s.specifier}`),
    );
    expect(broken).toEqual([]);
  });
});

function ruleOf(path: string): ImportRule | undefined {
  return IMPORT_RULES.find((rule) => path.startsWith(rule.from));
}

function judge(file: SourceFile, { specifier, typeOnly }: ImportStatement, rule: ImportRule): string[] {
  const target = resolveImport(file.path, specifier);
  const name = target ?? packageOf(specifier);
  const refused = [`${file.path} may not import ${specifier}: ${rule.because}`];
  if (typeOnly && rule.types?.some((prefix) => name.startsWith(prefix))) return [];
  if (target === undefined) return rule.packages === "all" || rule.packages.includes(name) ? [] : refused;
  const own = ownFolder(file.path, rule);
  return [own, ...rule.may].some((prefix) => target.startsWith(prefix)) ? [] : refused;
}

/** A driver's own folder is the one below `drivers/`. */
function ownFolder(path: string, rule: ImportRule): string {
  return rule.from === "drivers/" ? `${path.split("/").slice(0, 2).join("/")}/` : rule.from;
}

function packageOf(specifier: string): string {
  if (specifier.startsWith("node:")) return "node";
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
