/** What `npm pack` makes runs where nothing of the checkout is: the launcher, the bundle and their dependencies. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runProgram } from "#test/clients/run-program.ts";
import { PROJECT_ROOT, startServer } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { type InstalledPackage, installPackage } from "./install.ts";

/** Neither tests nor sources nor docs; the dependencies come from the registry. */
const PUBLISHED = /^(LICENSE|README(\.zh-CN)?\.md|package\.json|server\/pandav\.mjs|dist\/[\w-]+\.js)$/;
const LARGEST_TARBALL = 1024 * 1024;
const POEMS = { PANDAV_DRIVERS: "pandav-driver-poems" };

withTools(["npm"])("the package that npm pack makes, installed with npm i -g", () => {
  let installed: InstalledPackage;
  let dataDir: string;
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "pandav-pack-data-"));
    installed = await installPackage([join(PROJECT_ROOT, "test/outside-driver")]);
  }, 180_000);
  afterAll(() => {
    installed?.remove();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const pandav = (args: readonly string[], env = {}) =>
    runProgram(installed.pandav, args, { withinMs: 20_000, env: { ...installed.env, ...env } });

  it("holds the launcher, the bundle, licence and READMEs, and no source or test", () => {
    const files = readdirSync(installed.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(installed.folder, join(entry.parentPath, entry.name)))
      .filter((path) => !path.startsWith("node_modules"));
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "dist/main.js", "server/pandav.mjs"]));
    expect(files.filter((path) => !PUBLISHED.test(path))).toEqual([]);
    expect(installed.tarballSize).toBeLessThan(LARGEST_TARBALL);
  });

  it("loads every piece of the bundle from the dependencies that it declares", async () => {
    const pieces = piecesOfTheBundle().filter((name) => name !== "main.js");
    expect(pieces.length).toBeGreaterThan(3);
    const urls = pieces.map((name) => pathToFileURL(join(installed.folder, "dist", name)).href);
    const script = `for (const url of ${JSON.stringify(urls)}) await import(url);`;
    const result = await runProgram(process.execPath, ["--input-type=module", "--eval", script], { withinMs: 20_000 });
    expect(result).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("has no piece that waits for the main one, which waits for the pieces", () => {
    const waiting = piecesOfTheBundle().filter((name) =>
      /["']\.\/main\.js["']/.test(readFileSync(join(installed.folder, "dist", name), "utf8")),
    );
    expect(waiting).toEqual([]);
  });

  it("begins the thread of the index of names, which is a piece of its own", async () => {
    const data = join(installed.folder, "index-data");
    expect((await pandav(["storage", "add", "/m", "memory", "--data", data])).code).toBe(0);
    const { code, stdout } = await pandav(["index", "status", "--json", "--data", data]);
    expect([code, JSON.parse(stdout).names]).toEqual([0, 0]);
    expect(JSON.parse(stdout).state).toMatch(/ready|building/);
  });

  it("tells its version", async () => {
    const { version } = JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8")) as { version: string };
    expect(await pandav(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("serves under the Node that it brings, where the machine's is too old", async () => {
    const machine = await runProgram("node", ["--version"], { withinMs: 20_000, env: installed.env });
    const isOld = Number(/\d+/.exec(machine.stdout)?.[0]) < 24;
    const server = await startServer({ command: [installed.pandav, "serve"], env: installed.env, dataDir });
    try {
      expect(await (await fetch(`${server.url}/ping`)).text()).toBe("pong");
      expect(server.pid !== server.startedPid).toBe(isOld);
      expect(server.stdout()).toContain('"pandav serve --host 0.0.0.0"');
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });

  it("lists a mount without a server, its driver loaded from the bundle", async () => {
    writeFileSync(join(dataDir, "files", "note.txt"), "hello");
    expect(await pandav(["ls", "/local", "--data", dataDir])).toEqual({ code: 0, stdout: "note.txt\n", stderr: "" });
  });

  it("finds a driver package that is installed beside it (PANDAV_DRIVERS)", async () => {
    expect(await pandav(["storage", "add", "/poems", "poems", "--data", dataDir], POEMS)).toMatchObject({ code: 0 });
    const { stdout } = await pandav(["ls", "/poems", "--data", dataDir], POEMS);
    expect(stdout.split("\n")).toContain("李白/");
  });

  function piecesOfTheBundle(): readonly string[] {
    return readdirSync(join(installed.folder, "dist"));
  }
});
