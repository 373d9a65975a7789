import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RunningSjtuPan, startSjtuPan } from "#test/simulators/sjtu-pan/start.ts";
import { watchPan } from "#test/support/canaries.ts";
import { expectNoCanaryIn } from "#test/support/canary-folder.ts";
import { installPandav, runShell } from "#test/support/shell.ts";
import { openSeedWorld, PLACES, type SeedWorld, scanWhenShown, upstreamsOf } from "./seed-world.ts";

const THINGS = {
  "docs/inner.txt": "inner",
  "empty_dir/": "",
  "folder/subfolder/deep.txt": "deep",
  "file.txt": "file",
  "old.txt": "old",
};

describe.each(PLACES)("the lines of jdisk's own page, with pandav for jdisk, %s (sjtu-pan.md §9.1)", (place) => {
  let world: SeedWorld;

  beforeAll(async () => {
    world = await openSeedWorld(place);
  }, 60_000);
  afterAll(() => world?.dispose());
  beforeEach(() => world.fill(THINGS));

  const sh = (line: string, stdin = "") => world.sh(line, { stdin });
  const silent = { code: 0, stdout: "", stderr: "" };
  const has = (name: string) => world.has(name);

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
    expect([has("old.txt"), world.read("new.txt")]).toEqual([false, "old"]);
  });

  it("pandav mv file.txt docs/ # Move file to directory", async () => {
    expect(await sh("pandav mv file.txt docs/ # Move file to directory")).toEqual(silent);
    expect([has("file.txt"), world.read("docs/file.txt")]).toEqual([false, "file"]);
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

describe("the lines of jdisk's own page that move bytes, against SJTU Pan (sjtu-pan.md §9.1)", () => {
  let world: SeedWorld;

  beforeAll(async () => {
    world = await openSeedWorld("without a server, against SJTU Pan");
  }, 60_000);
  afterAll(() => world?.dispose());
  beforeEach(() => {
    for (const name of readdirSync(world.work)) rmSync(join(world.work, name), { recursive: true });
    mkdirSync(join(world.work, "local"));
  });

  it.each([
    ["pandav upload file.txt # Upload to root directory", "file.txt", "from here"],
    ["pandav upload file.txt docs/ # Upload to specific directory", "docs/file.txt", "from here"],
    ["pandav upload ./local/file.txt /remote/path/", "remote/path/file.txt", "local file"],
  ])("%s", async (line, name, text) => {
    world.fill({ "docs/": "", "remote/": "" });
    writeFileSync(join(world.work, "file.txt"), "from here");
    writeFileSync(join(world.work, "local/file.txt"), "local file");
    expect(await world.sh(line)).toMatchObject({ code: 0, stderr: "" });
    expect(world.read(name)).toBe(text);
  });

  it.each([
    ["pandav download file.txt # Download from root directory", "file.txt", "file"],
    ["pandav download docs/file.txt # Download from specific directory", "file.txt", "docs file"],
    ["pandav download /remote/file.txt ./local/", "local/file.txt", "remote file"],
  ])("%s", async (line, name, text) => {
    world.fill({ "file.txt": "file", "docs/file.txt": "docs file", "remote/file.txt": "remote file" });
    expect(await world.sh(line)).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(join(world.work, name), "utf8")).toBe(text);
  });
});

describe("pandav auth # QR code authentication, without a server (sjtu-pan.md §2.2, §9.1)", () => {
  let folder: string;
  let bin: string;
  let pan: RunningSjtuPan;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-seed-"));
    bin = installPandav(join(folder, "bin"));
    pan = await startSjtuPan();
    watchPan(pan);
    pan.files.put("file.txt", "file");
  });
  afterAll(async () => {
    await pan.close();
    rmSync(folder, { recursive: true, force: true });
    expect(pan.violations).toEqual([]);
  });

  it("logs in once; every later line of the same user goes on with that login, and renews it without a code", async () => {
    const env = { PANDAV_DATA: join(folder, "data"), PANDAV_UPSTREAMS: upstreamsOf(pan) };
    const sh = (line: string) => runShell(line, { bin, cwd: folder, env });
    const login = await runShell("pandav auth # QR code authentication", {
      bin,
      cwd: folder,
      env,
      onStart: (child) => scanWhenShown(pan, child),
    });
    expect(login.code).toBe(0);
    expect(login.stdout).toMatch(
      /█[\s\S]*Scan the code, or open https:\S+\nLogged in as 林小明 \(sjtu\), mounted at \/sjtu\.\n$/,
    );
    const read = { code: 0, stdout: "file", stderr: "" };
    const logins = () => pan.log.count("jaccount.") + pan.log.count("user.verify");

    pan.log.clear();
    expect(await sh("pandav cat file.txt")).toEqual(read);
    expect(logins()).toBe(0);

    // Both tokens are over: the kept cookie earns new ones (§2.1), and those are kept for the next process.
    pan.end("access-tokens");
    pan.end("user-tokens");
    expect(await sh("pandav cat file.txt")).toEqual(read);
    expect(logins()).toBeGreaterThan(0);
    pan.log.clear();
    expect(await sh("pandav cat file.txt")).toEqual(read);
    expect([logins(), pan.log.count("ws.connect")]).toEqual([0, 0]);
    expectNoCanaryIn(env.PANDAV_DATA);
  });
});
