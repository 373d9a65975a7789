import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runPandav } from "#test/support/pandav.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

/** The lines of an answer that is JSON in lines. */
const rows = (text: string): unknown[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

describe("the verbs", () => {
  let server: RunningServer;
  let folder: string;
  let files: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-verbs-"));
    files = join(folder, "files");
    mkdirSync(files);
    server = await startServer({ dataDir: join(folder, "data") });
    expect(await pandav(["storage", "remove", "/local"])).toMatchObject({ code: 0 });
    expect(await pandav(["storage", "add", "/disk", "local", "--set", `root=${files}`])).toMatchObject({ code: 0 });
    expect(await pandav(["storage", "add", "/bin", "memory", "--set", "trash=true"])).toMatchObject({ code: 0 });
    expect(await pandav(["use", "/disk"])).toMatchObject({ code: 0 });
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    for (const name of readdirSync(files)) rmSync(join(files, name), { recursive: true });
    mkdirSync(join(files, "docs/inner"), { recursive: true });
    put("docs/a.txt", "a".repeat(2000));
    put("docs/inner/b.md", "b");
    put("file.txt", "file");
    put(".hidden", "");
    utimesSync(join(files, "docs/a.txt"), 1_000_000_000, 1_000_000_000);
  });

  const put = (name: string, content: string) => writeFileSync(join(files, name), content);
  const has = (name: string) => existsSync(join(files, name));
  const pandav = (args: readonly string[], stdin = "") =>
    runPandav([...args, "--data", join(folder, "data")], { stdin });
  const prints = (stdout: string) => ({ code: 0, stdout, stderr: "" });
  const fails = (code: number, line: string) => ({ code, stdout: "", stderr: `pandav: ${line}\n` });

  describe("paths (architecture.md §9)", () => {
    it("begin with a mount, or lie inside the mount in use", async () => {
      for (const path of ["docs", "/docs", "docs/", "/disk/docs", "disk/docs/", "./docs/."]) {
        expect(await pandav(["ls", path])).toEqual(prints("inner/\na.txt\n"));
      }
      expect(await pandav(["ls", "/"])).toEqual(prints("docs/\nfile.txt\n"));
      expect(await pandav(["ls", "/bin"])).toEqual(prints(""));
    });

    it("storage list marks the mount in use, and use shows it", async () => {
      expect((await pandav(["storage", "list"])).stdout).toMatch(/^\/disk +local +working +in use$/m);
      const all = rows((await pandav(["storage", "list", "--json"])).stdout) as { mountPath: string; inUse: boolean }[];
      expect(all.map(({ mountPath, inUse }) => [mountPath, inUse]).sort()).toEqual([
        ["/bin", false],
        ["/disk", true],
      ]);
      expect(await pandav(["use"])).toEqual(prints("/disk\n"));
      expect(await pandav(["use", "/never"])).toEqual(fails(4, "use: cannot use '/never': No such file or directory"));
    });

    it("that could mean several mounts are exit 2, and so is a mount in use that is gone", async () => {
      const add = ["storage", "add", "/brief", "memory"];
      expect(await pandav(add)).toMatchObject({ code: 0 });
      await pandav(["use", "/brief"]);
      await pandav(["storage", "remove", "/brief"]);
      const gone = 'rm: the mount in use, /brief, is gone: choose another with "pandav use MOUNT"';
      expect(await pandav(["rm", "x", "y"])).toEqual(fails(2, gone));
      await pandav(["use", "/disk"]);
    });
  });

  describe("ls", () => {
    it("lists several paths, each under its name, and goes on after one that is missing", async () => {
      const { code, stdout, stderr } = await pandav(["ls", "docs", "missing", "file.txt"]);
      expect(stdout).toBe("docs:\ninner/\na.txt\nfile.txt\n");
      expect({ code, stderr }).toEqual({
        code: 4,
        stderr: "pandav: ls: cannot access 'missing': No such file or directory\n",
      });
    });

    it("-R lists what is below, directory by directory", async () => {
      expect(await pandav(["ls", "-R", "docs"])).toEqual(prints("docs:\ninner/\na.txt\n\ndocs/inner:\nb.md\n"));
      mkdirSync(join(files, "docs/void"));
      expect((await pandav(["ls", "-R", "docs"])).stdout).toMatch(/\n\ndocs\/void:\n$/);
    });

    it("-t, -S and -r order the files, after the directories", async () => {
      put("docs/z.txt", "zz");
      expect((await pandav(["ls", "docs", "-r"])).stdout).toBe("inner/\nz.txt\na.txt\n");
      expect((await pandav(["ls", "docs", "-t"])).stdout).toBe("inner/\nz.txt\na.txt\n");
      expect((await pandav(["ls", "docs", "-S"])).stdout).toBe("inner/\na.txt\nz.txt\n");
      expect((await pandav(["ls", "docs", "-Sr"])).stdout).toBe("inner/\nz.txt\na.txt\n");
    });

    it("-lh shows sizes for people, -a names with a dot", async () => {
      expect((await pandav(["ls", "-lh", "docs"])).stdout).toMatch(
        /^d {10}- \d{4}-\d\d-\d\d \d\d:\d\d inner\/\n- {7}2\.0K 2001-09-0\d \d\d:\d\d a\.txt\n$/,
      );
      expect((await pandav(["ls", "-a"])).stdout).toBe("docs/\n.hidden\nfile.txt\n");
    });

    it("--json has one schema for files and directories", async () => {
      expect(rows((await pandav(["ls", "--json", "docs"])).stdout)).toEqual([
        { path: "/disk/docs/inner", name: "inner", kind: "directory", modifiedAt: expect.any(Number) },
        { path: "/disk/docs/a.txt", name: "a.txt", kind: "file", size: 2000, modifiedAt: 1_000_000_000_000 },
      ]);
    });
  });

  describe("mkdir", () => {
    it("needs the parent without -p, and never takes a file's place", async () => {
      const line = "mkdir: cannot create directory 'x/y': No such file or directory";
      expect(await pandav(["mkdir", "x/y"])).toEqual(fails(4, line));
      expect(await pandav(["mkdir", "file.txt"])).toEqual(
        fails(1, "mkdir: cannot create directory 'file.txt': File exists"),
      );
      expect(rows((await pandav(["mkdir", "-p", "x/y", "docs", "--json"])).stdout)).toEqual([
        { path: "/disk/x/y", created: true },
        { path: "/disk/docs", created: false },
      ]);
      expect(has("x/y")).toBe(true);
    });
  });

  describe("rm", () => {
    it("refuses a directory without -r, removes the rest, and says each failure (coreutils)", async () => {
      const { code, stderr } = await pandav(["rm", "docs", "missing", "file.txt"]);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr:
          "pandav: rm: cannot remove 'docs': Is a directory\npandav: rm: cannot remove 'missing': No such file or directory\n",
      });
      expect([has("docs"), has("file.txt")]).toEqual([true, false]);
    });

    it("-f forgives what is missing and nothing else", async () => {
      const { code, stderr } = await pandav(["rm", "-f", "missing", "docs", "file.txt"]);
      expect({ code, stderr }).toEqual({ code: 1, stderr: "pandav: rm: cannot remove 'docs': Is a directory\n" });
    });

    it("-i asks for each, and reads one answer for each", async () => {
      const { code, stderr } = await pandav(["rm", "-i", "-r", "docs", "missing", "file.txt"], "n\ny\n");
      expect(code).toBe(4);
      expect(stderr).toBe(
        "Remove docs? (y/N) pandav: rm: cannot remove 'missing': No such file or directory\nRemove file.txt? (y/N) ",
      );
      expect([has("docs"), has("file.txt")]).toEqual([true, false]);
    });

    it("refuses a mount itself", async () => {
      expect(await pandav(["rm", "-r", "/"])).toMatchObject({ code: 1, stderr: expect.stringMatching(/mount point/) });
      expect(has("docs")).toBe(true);
    });

    it("--json tells what was removed", async () => {
      expect(rows((await pandav(["rm", "file.txt", "--json"])).stdout)).toEqual([{ path: "/disk/file.txt" }]);
    });
  });

  describe("mv and cp", () => {
    it("keep both where the name is taken, and tell the new name", async () => {
      put("docs/file.txt", "other");
      expect(await pandav(["mv", "file.txt", "docs/"])).toEqual({
        code: 0,
        stdout: "",
        stderr: "pandav: mv: 'docs/file.txt' was there: this one is now 'file (1).txt'\n",
      });
      expect(readFileSync(join(files, "docs/file (1).txt"), "utf8")).toBe("file");
    });

    it.each([
      ["--overwrite", "", "file", 0],
      ["-n", "", "other", 0],
      ["--ask", "y\n", "file", 0],
      ["--ask", "n\n", "other", 0],
    ])("%s (answer %j) leaves %j", async (flag, answer, content, exit) => {
      put("docs/file.txt", "other");
      for (const verb of ["cp", "mv"]) {
        put("docs/file.txt", "other");
        expect((await pandav([verb, "file.txt", flag, "docs"], answer)).code).toBe(exit);
        expect(readFileSync(join(files, "docs/file.txt"), "utf8")).toBe(content);
      }
      expect(has("file.txt")).toBe(content === "other");
    });

    it("never replace a whole directory", async () => {
      mkdirSync(join(files, "target/docs"), { recursive: true });
      put("target/docs/kept", "");
      const line = "mv: cannot move 'docs' to 'target': Is a directory";
      expect(await pandav(["mv", "--overwrite", "docs", "target"])).toEqual(fails(1, line));
      expect(has("target/docs/kept")).toBe(true);
    });

    it("need a directory for several files, and for a target that ends in a slash", async () => {
      expect(await pandav(["mv", "file.txt", "docs/a.txt", "nowhere"])).toEqual(
        fails(4, "mv: cannot move to 'nowhere': No such file or directory"),
      );
      expect(await pandav(["cp", "file.txt", "nowhere/"])).toEqual(
        fails(4, "cp: cannot copy to 'nowhere/': No such file or directory"),
      );
      expect(await pandav(["mv", "docs/a.txt", "file.txt/"])).toEqual(
        fails(1, "mv: cannot move to 'file.txt/': Not a directory"),
      );
      expect(await pandav(["mv", "missing", "docs"])).toEqual(
        fails(4, "mv: cannot move 'missing' to 'docs': No such file or directory"),
      );
    });

    it("cp takes directories with -r alone", async () => {
      expect(await pandav(["cp", "docs", "copy"])).toEqual(
        fails(1, "cp: cannot copy 'docs' to 'copy': Is a directory (-r copies it)"),
      );
      expect(await pandav(["cp", "-r", "docs", "copy"])).toEqual(prints(""));
      expect(readFileSync(join(files, "copy/inner/b.md"), "utf8")).toBe("b");
    });

    it("go between mounts, and tell where things are with --json", async () => {
      const answer = rows((await pandav(["cp", "-r", "docs", "file.txt", "/bin/", "--json"])).stdout);
      expect(answer).toEqual([
        { from: "/disk/docs", to: "/bin/docs", created: true },
        { from: "/disk/file.txt", to: "/bin/file.txt", created: true },
      ]);
      expect(await pandav(["cat", "/bin/docs/inner/b.md", "bin/file.txt"])).toEqual(prints("bfile"));
      expect(await pandav(["rm", "-r", "--permanent", "/bin/docs", "/bin/file.txt"])).toEqual(prints(""));
    });
  });

  it("cat --range prints the bytes asked for, the last included (RFC 9110 §14.1.2)", async () => {
    put("file.txt", "0123456789");
    for (const [range, bytes] of [
      ["2-4", "234"],
      ["8-", "89"],
      ["-3", "789"],
      ["-100", "0123456789"],
      ["8-100", "89"],
    ]) {
      expect(await pandav(["cat", "--range", range!, "file.txt"])).toEqual(prints(bytes!));
    }
  });

  it("stat, several at once, with one JSON schema", async () => {
    expect(rows((await pandav(["stat", "--json", "file.txt", "docs"])).stdout)).toMatchObject([
      { path: "/disk/file.txt", name: "file.txt", kind: "file", size: 4, mountPath: "/disk" },
      { path: "/disk/docs", name: "docs", kind: "directory", mountPath: "/disk" },
    ]);
  });

  it("find by name, kind, size and depth, with one dash or two", async () => {
    const lines = async (...args: string[]) => (await pandav(["find", ...args])).stdout;
    expect(await lines("docs")).toBe("docs\ndocs/a.txt\ndocs/inner\ndocs/inner/b.md\n");
    expect(await lines("-name", "*.md")).toBe("/docs/inner/b.md\n");
    expect(await lines("docs", "--iname", "B.MD")).toBe("docs/inner/b.md\n");
    expect(await lines("docs", "-type", "d")).toBe("docs\ndocs/inner\n");
    expect(await lines("docs", "-size", "+1k")).toBe("docs/a.txt\n");
    expect(await lines("docs", "-size", "-1k")).toBe("docs/inner/b.md\n");
    expect(await lines("docs", "-size", "2k")).toBe("docs/a.txt\n");
    expect(await lines("docs", "-maxdepth", "1", "-mindepth", "1")).toBe("docs/a.txt\ndocs/inner\n");
    expect(await lines("docs", "-name", "*.md", "-print0")).toBe("docs/inner/b.md\0");
    expect(rows(await lines("docs", "-name", "a*", "--json"))).toEqual([
      { path: "/disk/docs/a.txt", kind: "file", size: 2000, modifiedAt: 1_000_000_000_000 },
    ]);
  });

  it("du and df, in bytes and for people", async () => {
    expect(await pandav(["du", "docs"])).toEqual(prints("1\tdocs/inner\n2001\tdocs\n"));
    expect(await pandav(["du", "-hs", "docs", "file.txt"])).toEqual(prints("2.0K\tdocs\n4\tfile.txt\n"));
    expect(rows((await pandav(["du", "-d", "0", "docs", "--json"])).stdout)).toEqual([
      { path: "/disk/docs", kind: "directory", bytes: 2001, files: 2, directories: 1, unknownSizes: 0, unlisted: 0 },
    ]);
    const [first] = rows((await pandav(["df", "--json", "docs"])).stdout);
    expect(first).toEqual({ mountPath: "/disk", driver: "local", used: expect.any(Number), total: expect.any(Number) });
    expect((await pandav(["df", "-h"])).stdout).toMatch(/^Driver .* Mounted on\n(.+\n){2}$/);
    expect(await pandav(["df", "/bin"])).toMatchObject({
      stdout: expect.stringMatching(/^memory +- +0 +- +- {2}\/bin$/m),
    });
  });

  it("df shows the others where one storage does not answer, and says so", async () => {
    const root = join(folder, "goes");
    mkdirSync(root);
    expect(await pandav(["storage", "add", "/gone", "local", "--set", `root=${root}`])).toMatchObject({ code: 0 });
    rmSync(root, { recursive: true });
    try {
      const { code, stdout, stderr } = await pandav(["df"]);
      expect(stdout).toMatch(/\/bin\n/);
      expect(stdout).not.toMatch(/\/gone/);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/^pandav: df: cannot access '\/gone': .+\n$/),
      });
    } finally {
      expect(await pandav(["storage", "remove", "/gone"])).toMatchObject({ code: 0 });
    }
  });

  it("tree draws what is below", async () => {
    const drawn = "/\n├── docs/\n│   ├── a.txt\n│   └── inner/\n│       └── b.md\n└── file.txt\n";
    expect(await pandav(["tree"])).toEqual(prints(`${drawn}\n2 directories, 3 files\n`));
    expect(await pandav(["tree", "-L", "1", "docs"])).toEqual(
      prints("docs/\n├── a.txt\n└── inner/\n\n1 directory, 1 file\n"),
    );
  });

  it("url says why there is no direct link", async () => {
    const { code, stdout, stderr } = await pandav(["url", "file.txt"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^pandav: url: cannot link to 'file\.txt': .*the storage gives no links.*\n$/);
  });

  describe("trash", () => {
    const bin = (...args: string[]) => pandav(["trash", ...args, "--mount", "/bin"]);
    beforeEach(async () => {
      await pandav(["trash", "empty", "-f", "--mount", "/bin"]);
      await pandav(["cp", "file.txt", "/bin/one"]);
      await pandav(["cp", "file.txt", "/bin/two"]);
      expect(await pandav(["rm", "/bin/one", "/bin/two"])).toEqual(prints(""));
    });

    it("shows, restores and deletes what rm took away", async () => {
      expect(rows((await bin("ls", "--json")).stdout)).toEqual(
        ["one", "two"].map((name) => ({
          id: expect.stringMatching(/^[0-9a-f]{12}$/),
          name,
          kind: "file",
          size: 4,
          removedAt: expect.any(Number),
          originalPath: `/bin/${name}`,
        })),
      );
      expect((await bin("ls")).stdout).toMatch(/^[0-9a-f]{12} {7}4 {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}\/bin\/one\n/);
      expect(rows((await bin("restore", "one", "--json")).stdout)).toMatchObject([{ name: "one", path: "/bin/one" }]);
      expect(await pandav(["ls", "/bin"])).toEqual(prints("one\n"));
      expect(await bin("restore", "one")).toEqual(fails(4, "trash restore: the recycle bin holds no one"));
      expect(await bin("rm", "two")).toEqual(prints(""));
      expect(await bin("ls")).toEqual(prints(""));
      await pandav(["rm", "--permanent", "/bin/one"]);
    });

    it("empty asks first, and takes silence for a no", async () => {
      const asked = await bin("empty");
      expect(asked).toMatchObject({ code: 0, stdout: "", stderr: expect.stringMatching(/for good\? \(y\/N\) /) });
      expect(rows((await bin("ls", "--json")).stdout).length).toBe(2);
      expect(await pandav(["trash", "empty", "--mount", "/bin"], "yes\n")).toMatchObject({ code: 0 });
      expect(await bin("ls")).toEqual(prints(""));
    });

    it("rm --permanent goes past it", async () => {
      await bin("empty", "-f");
      await pandav(["cp", "file.txt", "/bin/three"]);
      await pandav(["rm", "--permanent", "/bin/three"]);
      expect(await bin("ls")).toEqual(prints(""));
    });

    it("says where there is none", async () => {
      expect(await pandav(["trash", "ls"])).toEqual(fails(1, "trash ls: the storage at /disk has no recycle bin"));
    });
  });
});
