/** The shape of the checkout, and words that must not be in it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT, sourceFiles, withoutComments } from "./source-files.ts";

/** Made by tools and by running the program; none is tracked. */
const UNTRACKED = ["node_modules", "bench-results", "coverage", "data", "dist"];

/** What only `DriverEnv` may give to a driver. */
const GLOBALS_OF_THE_SERVER =
  /\b(Date\.now|new Date\(\)|console\.|process\.|fetch\(|setTimeout\(|setInterval\(|Math\.random)/;

/** Folders of a machine that builds this project, and package registries: neither means anything to a reader. */
const PLACES = [/\/work\//, /\/root\//, /\/tmp\/[a-z]/, /\bregistry\.[a-z0-9-]+\.[a-z]{2,}/i];

describe("the checkout", () => {
  it("has the top-level folders drivers, server, web-admin, test and docs, and no other", () => {
    const folders = readdirSync(PROJECT, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && !UNTRACKED.includes(entry.name))
      .map((entry) => entry.name);
    expect(folders.sort()).toEqual(["docs", "drivers", "server", "test", "web-admin"]);
  });

  it("keeps time, output, environment and network out of drivers: they come with DriverEnv", () => {
    const broken = sourceFiles(["drivers"]).flatMap(({ path, text }) =>
      withoutComments(text)
        .split("\n")
        .filter((line) => GLOBALS_OF_THE_SERVER.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(broken).toEqual([]);
  });

  it("names no folder of a machine and no package registry", () => {
    const top = readdirSync(PROJECT, { withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(md|json|ts)$/.test(entry.name) && entry.name !== "package-lock.json")
      .map((entry) => ({ path: entry.name, text: readFileSync(join(PROJECT, entry.name), "utf8") }));
    const below = [".ts", ".mjs", ".md", ".json", ".sh"].flatMap((ending) =>
      sourceFiles(["drivers", "server", "test", "docs", "web-admin", ".ci"], ending),
    );
    const broken = [...top, ...below]
      .filter(({ path }) => !path.startsWith("docs/protocols/"))
      .flatMap(({ path, text }) =>
        text
          .split("\n")
          .filter((line) => PLACES.some((place) => place.test(line)))
          .map((line) => `${path}: ${line.trim()}`),
      );
    expect(broken).toEqual([]);
  });

  it("records no address of a registry in the lock file", () => {
    expect(readFileSync(join(PROJECT, "package-lock.json"), "utf8")).not.toMatch(/"resolved": *"https?:/);
  });
});
