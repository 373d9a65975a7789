import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunOptions, runPandav } from "#test/support/pandav.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

/** More than one page of the listing. */
const MANY = 2_345;

describe.each(["beside a running server", "without a server"] as const)("the command line %s", (where) => {
  let dataDir: string;
  let server: RunningServer | undefined;
  let other: string;

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "pandav-cli-"));
    other = join(dataDir, "other");
    server = await startServer({ dataDir });
    const files = join(dataDir, "files");
    mkdirSync(join(files, "文件夹"));
    writeFileSync(join(files, "文件夹", "a b%20c.txt"), "hello");
    writeFileSync(join(files, ".hidden"), "");
    writeFileSync(join(files, "empty"), "");
    mkdirSync(join(files, "many"));
    for (let i = 0; i < MANY; i++) writeFileSync(join(files, "many", `file ${i}`), "");
    mkdirSync(other);
    if (where === "without a server") {
      await server.stop();
      server = undefined;
    }
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const pandav = (args: readonly string[], options?: RunOptions) => runPandav([...args, "--data", dataDir], options);
  const fails = (code: number, line: string) => ({ code, stdout: "", stderr: `pandav: ${line}\n` });
  const prints = (stdout: string) => ({ code: 0, stdout, stderr: "" });

  it("lists a directory, directories marked, names with a dot only on request", async () => {
    // The only mount is the one in use.
    expect(await pandav(["ls"])).toEqual(prints("many/\n文件夹/\nempty\n"));
    expect(await pandav(["ls", "/local"])).toEqual(prints("many/\n文件夹/\nempty\n"));
    expect((await pandav(["ls", "-a", "local"])).stdout.split("\n")).toContain(".hidden");
  });

  it("lists size and time with -l, and one JSON object per line with --json", async () => {
    const long = await pandav(["ls", "-l", "/local/文件夹"]);
    expect(long.stdout).toMatch(/^- {13}5 \d{4}-\d\d-\d\d \d\d:\d\d a b%20c\.txt\n$/);
    const { stdout } = await pandav(["ls", "--json", "/local/文件夹"]);
    const path = "/local/文件夹/a b%20c.txt";
    const modifiedAt = expect.any(Number);
    expect(JSON.parse(stdout)).toEqual({ path, name: "a b%20c.txt", kind: "file", size: 5, modifiedAt });
  });

  it("lists a directory of several pages whole", async () => {
    const { code, stdout } = await pandav(["ls", "/local/many"]);
    expect(code).toBe(0);
    expect(new Set(stdout.split("\n")).size).toBe(MANY + 1);
  });

  it("lists a file as itself, as coreutils do", async () => {
    const typed = "local/文件夹/a b%20c.txt";
    expect(await pandav(["ls", typed])).toEqual(prints(`${typed}\n`));
  });

  it("prints a file's bytes, and nothing of an empty one", async () => {
    expect(await pandav(["cat", "/local/文件夹/a b%20c.txt"])).toEqual(prints("hello"));
    expect(await pandav(["cat", "/local/empty"])).toEqual(prints(""));
  });

  it("shows what is known of a file", async () => {
    const { stdout } = await pandav(["stat", "/local/文件夹/a b%20c.txt"]);
    expect(stdout).toMatch(/^Path: +\/local\/文件夹\/a b%20c\.txt\nKind: +file\nSize: +5 bytes\nModified: +\d{4}-/);
    const json = await pandav(["stat", "--json", "/local/empty"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ path: "/local/empty", kind: "file", size: 0, mountPath: "/local" });
  });

  it.each([
    ["ls", "access"],
    ["cat", "read"],
    ["stat", "access"],
    ["rm", "remove"],
    ["url", "link to"],
    ["du", "access"],
    ["find", "access"],
    ["tree", "access"],
  ])("%s of what is not there exits 4 and says it as coreutils do", async (verb, word) => {
    for (const path of ["/local/x", "nowhere/x"]) {
      const { code, stderr } = await pandav([verb, path]);
      const line = `pandav: ${verb}: cannot ${word} '${path}': No such file or directory\n`;
      expect({ code, stderr }).toEqual({ code: 4, stderr: line });
    }
  });

  it("cat of a directory exits 1", async () => {
    expect(await pandav(["cat", "/local"])).toEqual(fails(1, "cat: cannot read '/local': Is a directory"));
  });

  it("ends quietly when the reader of its output leaves", async () => {
    const result = await pandav(["ls", "/local/many"], { onStart: (child) => child.stdout?.destroy() });
    expect(result).toEqual({ code: 0, stdout: "", stderr: "" });
    const cat = await pandav(["cat", "/local/文件夹/a b%20c.txt"], { onStart: (child) => child.stdout?.destroy() });
    expect(cat).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("adds, disables, enables and removes a storage", async () => {
    const added = await pandav(["storage", "add", "/more", "local", "--set", `root=${other}`, "--remark", "a note"]);
    expect(added).toEqual(prints(""));
    writeFileSync(join(other, "file"), "x");
    expect(await pandav(["cat", "/more/file"])).toEqual(prints("x"));
    expect((await pandav(["storage", "list"])).stdout).toMatch(/^\/more +local +working +a note$/m);
    expect(await pandav(["storage", "disable", "/more"])).toEqual(prints(""));
    expect((await pandav(["storage", "list"])).stdout).toMatch(/^\/more +local +disabled +a note$/m);
    expect((await pandav(["cat", "/more/file"])).code).not.toBe(0);
    expect(await pandav(["storage", "enable", "more/"])).toEqual(prints(""));
    expect(await pandav(["cat", "/more/file"])).toEqual(prints("x"));
    expect(await pandav(["storage", "remove", "/more"])).toEqual(prints(""));
    expect((await pandav(["storage", "list"])).stdout).not.toContain("/more");
    expect(readdirSync(other)).toEqual(["file"]);
  });

  it.each([
    [["/local", "local", "--set", "root=OTHER"], /^pandav: storage add: .*\/local is taken .*\n$/],
    [["/new", "no-such", "--set", "root=OTHER"], /^pandav: storage add: .*no-such.*local.*\n$/],
    [["/new", "local", "--set", "root=OTHER/missing"], /^pandav: storage add: .*root.*\n$/],
    [["/new", "local", "--set", "root=OTHER", "--set", "colour=red"], /^pandav: storage add: .*colour.*\n$/],
    [["/new", "local"], /^pandav: storage add: .*root.*\n$/],
  ])("storage add %j is refused in one line that names the field, and nothing is stored", async (args, line) => {
    const { code, stdout, stderr } = await pandav([
      "storage",
      "add",
      ...args.map((arg) => arg.replace("OTHER", other)),
    ]);
    expect({ stdout, isFailure: code === 1 || code === 2 }).toEqual({ stdout: "", isFailure: true });
    expect(stderr).toMatch(line);
    expect((await pandav(["storage", "list"])).stdout).not.toContain("/new");
  });

  it("takes text for switches and numbers where the driver wants them", async () => {
    const args = ["storage", "add", "/new", "local", "--set", `root=${other}`, "--set", "verify_writes=true"];
    expect(await pandav(args)).toEqual(prints(""));
    expect((await pandav(["storage", "list", "--json"])).stdout).toContain('"verify_writes":true');
    expect(await pandav(["storage", "remove", "/new"])).toEqual(prints(""));
  });

  it("says where a storage is not", async () => {
    expect(await pandav(["storage", "remove", "/none"])).toEqual(
      fails(4, "storage remove: /none: no storage is mounted there (pandav storage list shows them)"),
    );
  });

  it("changes a password from standard input, or to a random one that it prints", async () => {
    expect(await pandav(["user", "passwd"], { stdin: "new password 密\nrest" })).toEqual(prints(""));
    const random = await pandav(["user", "passwd", "admin", "--random"]);
    expect(random).toMatchObject({ code: 0, stderr: "" });
    expect(random.stdout).toMatch(/^[A-Za-z0-9]{20}\n$/);
    if (server) expect(await login(server.url, random.stdout.trim())).toBe(200);
    if (server) expect(await login(server.url, "new password 密")).not.toBe(200);
    expect(await pandav(["user", "passwd", "nobody"], { stdin: "x\n" })).toMatchObject({ code: 4, stdout: "" });
    expect(await pandav(["user", "passwd"], { stdin: "\n" })).toMatchObject({ code: 1, stdout: "" });
  });
});

/** The code of the envelope (alist-api.md §4.3). */
async function login(url: string, password: string): Promise<number> {
  const reply = await fetch(`${url}/api/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username: "admin", password }),
  });
  return ((await reply.json()) as { code: number }).code;
}
