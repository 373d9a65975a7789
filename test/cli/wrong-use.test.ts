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
    [[], "pandav: name a command (pandav --help)"],
    [["list"], 'pandav: there is no command "list" (pandav --help)'],
    [["--loud"], "pandav: unknown option '--loud' (pandav --help)"],
    [["ls", "--loud"], "pandav: ls: unknown option '--loud' (pandav ls --help)"],
    [["cat"], "pandav: cat: missing required argument 'path' (pandav cat --help)"],
    [["ls", "a", "b"], /^pandav: ls: too many arguments.* \(pandav ls --help\)$/],
    [["storage"], "pandav: storage: name one of list, add, remove, enable, disable (pandav storage --help)"],
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

  it.each([[[]], [["serve"]], [["ls"]], [["storage"]], [["storage", "add"]], [["user", "passwd"]]])(
    "%j shows its help, with --data, on standard output",
    async (args) => {
      const { code, stdout, stderr } = await runPandav([...args, "--help"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain(`Usage: ${["pandav", ...args].join(" ")}`);
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
