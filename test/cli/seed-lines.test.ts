import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runPandav } from "#test/support/pandav.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { installPandav, runShell } from "#test/support/shell.ts";

/** Where the command line finds its server. */
const PLACES = ["without a server", "beside a running server", "with a server that PANDAV_SERVER names"] as const;

describe.each(PLACES)("the lines of jdisk's own page, with pandav for jdisk, %s (sjtu-pan.md §9.1)", (place) => {
  let folder: string;
  let files: string;
  let bin: string;
  let env: Record<string, string>;
  let server: RunningServer | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-seed-"));
    const dataDir = join(folder, "data");
    files = join(folder, "files");
    mkdirSync(files);
    bin = installPandav(join(folder, "bin"));
    const local = { env: { PANDAV_DATA: dataDir } };
    expect(await runPandav(["storage", "add", "/sjtu", "local", "--set", `root=${files}`], local)).toMatchObject({
      code: 0,
    });
    expect(await runPandav(["use", "/sjtu"], local)).toMatchObject({ code: 0 });
    if (place !== "without a server") server = await startServer({ dataDir });
    env = { PANDAV_DATA: dataDir };
    if (place === "with a server that PANDAV_SERVER names") {
      const { code } = await runPandav(["user", "passwd"], { ...local, stdin: "a password\n" });
      expect(code).toBe(0);
      env = { PANDAV_SERVER: server!.url, PANDAV_USER: "admin", PANDAV_PASSWORD: "a password" };
    }
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    for (const name of readdirSync(files)) rmSync(join(files, name), { recursive: true });
    mkdirSync(join(files, "docs"));
    mkdirSync(join(files, "empty_dir"));
    mkdirSync(join(files, "folder/subfolder"), { recursive: true });
    writeFileSync(join(files, "folder/subfolder/deep.txt"), "deep");
    writeFileSync(join(files, "docs/inner.txt"), "inner");
    writeFileSync(join(files, "file.txt"), "file");
    writeFileSync(join(files, "old.txt"), "old");
  });

  const sh = (line: string, stdin = "") => runShell(line, { bin, cwd: folder, env, stdin });
  const silent = { code: 0, stdout: "", stderr: "" };
  const has = (name: string) => existsSync(join(files, name));

  it.each([
    ["pandav ls # List root directory", "docs/\nempty_dir/\nfolder/\nfile.txt\nold.txt\n"],
    ["pandav ls docs/ # List specific directory", "inner.txt\n"],
    ["pandav ls /folder/subfolder/", "deep.txt\n"],
  ])("%s", async (line, stdout) => {
    expect(await sh(line)).toEqual({ code: 0, stdout, stderr: "" });
  });

  it("pandav mkdir new_folder # Create directory", async () => {
    expect(await sh("pandav mkdir new_folder # Create directory")).toEqual(silent);
    expect(has("new_folder")).toBe(true);
    // An existing one is a success there.
    expect(await sh("pandav mkdir new_folder")).toEqual(silent);
  });

  it("pandav mkdir -p path/to/nested # Create nested directories", async () => {
    expect(await sh("pandav mkdir -p path/to/nested # Create nested directories")).toEqual(silent);
    expect(has("path/to/nested")).toBe(true);
  });

  it("pandav rm file.txt # Remove file", async () => {
    expect(await sh("pandav rm file.txt # Remove file")).toEqual(silent);
    expect(has("file.txt")).toBe(false);
  });

  it("pandav rm -r docs/ # Remove directory recursively", async () => {
    expect(await sh("pandav rm -r docs/ # Remove directory recursively")).toEqual(silent);
    expect(has("docs")).toBe(false);
  });

  it("pandav mv old.txt new.txt # Rename file", async () => {
    expect(await sh("pandav mv old.txt new.txt # Rename file")).toEqual(silent);
    expect([has("old.txt"), readFileSync(join(files, "new.txt"), "utf8")]).toEqual([false, "old"]);
  });

  it("pandav mv file.txt docs/ # Move file to directory", async () => {
    expect(await sh("pandav mv file.txt docs/ # Move file to directory")).toEqual(silent);
    expect([has("file.txt"), readFileSync(join(files, "docs/file.txt"), "utf8")]).toEqual([false, "file"]);
  });

  it.each([
    ["y\n", false],
    ["n\n", true],
    ["", true],
  ])("pandav rm -i file.txt # Remove with confirmation (answer %j)", async (answer, stays) => {
    const { code, stdout, stderr } = await sh("pandav rm -i file.txt # Remove with confirmation", answer);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toMatch(/^Remove file\.txt\? \(y\/N\) \n?$/);
    expect(has("file.txt")).toBe(stays);
  });

  it("pandav rm -f nonexistent.txt # Force remove (ignore errors)", async () => {
    expect(await sh("pandav rm -f nonexistent.txt # Force remove (ignore errors)")).toEqual(silent);
  });

  it("pandav rm -d empty_dir/ # Remove empty directory", async () => {
    expect(await sh("pandav rm -d empty_dir/ # Remove empty directory")).toEqual(silent);
    expect([has("empty_dir"), has("docs/inner.txt")]).toEqual([false, true]);
    expect(await sh("pandav rm -d docs/")).toEqual({
      code: 1,
      stdout: "",
      stderr: "pandav: rm: cannot remove 'docs/': Directory not empty\n",
    });
    expect(has("docs/inner.txt")).toBe(true);
  });

  it("takes options after paths as before them (sjtu-pan.md §9.4)", async () => {
    expect(await sh("pandav rm file.txt -i", "y\n")).toMatchObject({ code: 0 });
    expect(await sh("pandav rm docs/ -r")).toEqual(silent);
    expect([has("file.txt"), has("docs")]).toEqual([false, false]);
    expect(await sh("pandav list folder -R --json")).toMatchObject({ code: 0, stderr: "" });
  });

  it("pandav --help, and pandav VERB --help, show the usage", async () => {
    expect(await sh("pandav --help")).toMatchObject({ code: 0, stderr: "" });
    const { code, stdout } = await sh("pandav rm --help");
    expect({ code, usage: stdout.split("\n")[0] }).toEqual({ code: 0, usage: "Usage: pandav rm [options] <paths...>" });
  });
});
