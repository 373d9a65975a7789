import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runPandav } from "#test/support/pandav.ts";

describe("the command line, used wrongly", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "pandav-wrong-use-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    [["frobnicate"], 'pandav: there is no command "frobnicate" (pandav --help)'],
    [["--loud"], "pandav: unknown option '--loud' (pandav --help)"],
    [["ls", "--loud"], "pandav: ls: unknown option '--loud' (pandav ls --help)"],
    [["cat"], "pandav: cat: missing required argument 'paths' (pandav cat --help)"],
    [["use", "a", "b"], /^pandav: use: too many arguments.* \(pandav use --help\)$/],
    [["ls", "--server", "ftp://x"], /^pandav: ls: --server needs an address such as https:.*$/],
    [
      ["ls", "--server", "http://u:secret@x"],
      /^pandav: ls: --server must not hold a login, which others could see: (?!.*secret).*$/,
    ],
    [
      ["ls", "--server", "http://127.0.0.1:1", "--data", "x"],
      "pandav: ls: --data and --server exclude each other: name one of them",
    ],
    [["mv", "a"], "pandav: mv: after 'a' the target is missing (pandav mv --help)"],
    [
      ["mv", "--rename", "-n", "a", "b"],
      "pandav: mv: --rename, --overwrite, --ask and -n exclude each other: give one",
    ],
    [["cat", "--range", "9-1", "a"], /^pandav: cat: --range needs bytes such as .* and not "9-1"$/],
    [["find", "-size", "big"], /^pandav: find: --size needs a size such as .* and not "big"$/],
    [["find", "-type", "x"], /^pandav: find: --type needs f for files or d for directories, and not "x"$/],
    [["find", "-name", "a", "-iname", "b"], "pandav: find: -name and -iname exclude each other: give one"],
    [["du", "-s", "-d", "1"], "pandav: du: -s and --max-depth exclude each other: give one"],
    [["trash"], "pandav: trash: name one of ls, restore, rm, empty (pandav trash --help)"],
    [["storage"], "pandav: storage: name one of list, add, set, remove, enable, disable (pandav storage --help)"],
    [["storage", "mount"], /^pandav: storage: there is no "mount": name one of list, .* \(pandav storage --help\)$/],
    [["storage", "add", "/x"], "pandav: storage add: missing required argument 'driver' (pandav storage add --help)"],
    [
      ["storage", "add", "/x", "local", "--set", "root"],
      'pandav: storage add: --set needs key=value, such as root=/srv/files, and not "root"',
    ],
    [["serve", "--port", "http"], /^pandav: serve: --port needs a number from 0 .* and not "http"$/],
    [["serve", "--port"], "pandav: serve: option '--port <number>' argument missing (pandav serve --help)"],
  ])("%j is one line on standard error and exit 2", async (args, line) => {
    const data = join(folder, "never-made");
    const { code, stdout, stderr } = await runPandav(args, { env: { PANDAV_DATA: data } });
    expect({ code, stdout, lines: stderr.split("\n").length }).toEqual({ code: 2, stdout: "", lines: 2 });
    if (typeof line === "string") expect(stderr).toBe(`${line}\n`);
    else expect(stderr.trimEnd()).toMatch(line);
    expect(existsSync(data)).toBe(false);
  });

  it("shows the commands where none is named, as jdisk does (sjtu-pan.md §9.1)", async () => {
    const { code, stdout, stderr } = await runPandav([]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const verb of [
      "ls|list",
      "mkdir",
      "rm",
      "mv",
      "cp",
      "cat",
      "stat",
      "df",
      "du",
      "find|search",
      "tree",
      "url",
    ]) {
      expect(stdout).toContain(`\n  ${verb} [options]`);
    }
  });

  it.each([[[]], [["serve"]], [["ls"]], [["storage"]], [["storage", "add"]], [["user", "passwd"]]])(
    "%j shows its help, with --data, on standard output",
    async (args) => {
      const { code, stdout, stderr } = await runPandav([...args, "--help"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout.replace(/\w+\|/g, "")).toContain(
        `Usage: ${["pandav", ...args].join(" ").replace(/\bls$/, "list")}`,
      );
      if (args[0] !== "storage" || args.length > 1) expect(stdout).toContain("--data <folder>");
    },
  );

  it("shows the version of package.json", async () => {
    expect(await runPandav(["--version"])).toEqual({ code: 0, stdout: "0.1.0\n", stderr: "" });
  });

  it("does not make a data folder for a command that only reads", async () => {
    const data = join(folder, "missing");
    const { code, stdout, stderr } = await runPandav(["ls", "--data", data]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^pandav: ls: .*missing holds no data of Pandav: .*--data\n$/);
    expect(existsSync(data)).toBe(false);
  });
});
