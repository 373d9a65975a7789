import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "#server/cli/program.ts";
import { PROJECT_ROOT } from "#test/support/server.ts";

/** What the program prints for a command line that needs no server. */
async function shown(...args: string[]): Promise<string> {
  const stdout = new PassThrough();
  const exitCode = await runProgram(args, {
    terminal: { stdin: new PassThrough(), stdout, stderr: new PassThrough() },
    env: {},
    version: "0",
    signal: new AbortController().signal,
    makePassword: () => "",
    serve: async () => 0,
    restore: () => Promise.reject(new Error("help needs no data folder")),
    reach: () => () => Promise.reject(new Error("help needs no server")),
  });
  expect(exitCode).toBe(0);
  stdout.end();
  return text(stdout);
}

/** The verbs that a help text lists, each with its aliases. */
function verbsOf(help: string): string[][] {
  const [, commands = ""] = help.split("\nCommands:\n");
  return [...commands.matchAll(/^ {2}([a-z|]+)(?= )/gm)].map(([, names]) => names!.split("|"));
}

describe("docs/cli.md", () => {
  let page: string;
  beforeAll(() => {
    page = readFileSync(join(PROJECT_ROOT, "docs/cli.md"), "utf8");
  });

  it("names every verb, and every option of it", async () => {
    const verbs = verbsOf(await shown("--help"));
    expect(verbs.length).toBeGreaterThan(20);
    const missing: string[] = [];
    for (const [name, ...aliases] of verbs) {
      const below = ["trash", "index", "storage", "import", "user", "token", "notify"].includes(name!)
        ? verbsOf(await shown(name!, "--help"))
        : [];
      for (const words of below.length > 0 ? below.map(([verb]) => [name!, verb!]) : [[name!]]) {
        if (!page.includes(words.join(" "))) missing.push(words.join(" "));
        const help = await shown(...words, "--help");
        for (const [option] of help.matchAll(/(?<=^ {2}(?:-\w, )?)--[a-z0-9-]+/gm)) {
          const isKnown = new RegExp(`(?<![\\w-])-?${option!.slice(1)}(?![\\w-])`).test(page);
          if (!isKnown && option !== "--help") missing.push(`${words.join(" ")} ${option}`);
        }
      }
      for (const alias of aliases) if (!page.includes(alias)) missing.push(alias);
    }
    expect(missing).toEqual([]);
  });

  it("has the shape of each verb that prints JSON", async () => {
    const [, table = ""] = page.split("## JSON");
    const missing: string[] = [];
    for (const [name] of verbsOf(await shown("--help"))) {
      const below = verbsOf(await shown(name!, "--help"));
      for (const words of below.length > 0 ? below.map(([verb]) => [name!, verb!]) : [[name!]]) {
        const help = await shown(...words, "--help");
        if (/^ {2}--json/m.test(help) && !table.includes(`\`${words.join(" ")}\``)) missing.push(words.join(" "));
      }
    }
    expect(missing).toEqual([]);
  });
});
