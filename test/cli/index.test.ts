import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runPandav } from "#test/support/pandav.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

describe("pandav index, and find --index", () => {
  let folder: string;
  let server: RunningServer;
  const pandav = (...args: string[]) => runPandav([...args, "--data", join(folder, "data")], {});
  const lines = async (...args: string[]) => {
    const { stdout, stderr, code } = await pandav(...args);
    expect([stderr, code]).toEqual(["", 0]);
    return stdout.split("\n").filter(Boolean).sort();
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-index-"));
    mkdirSync(join(folder, "files", "课程", "deep"), { recursive: true });
    writeFileSync(join(folder, "files", "课程", "线性代数 第1讲.pdf"), "pdf");
    writeFileSync(join(folder, "files", "课程", "deep", "Report.txt"), "text");
    const { code } = await pandav("storage", "add", "/one", "local", "--set", `root=${join(folder, "files")}`);
    expect(code).toBe(0);
    server = await startServer({ dataDir: join(folder, "data") });
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("finds what a crawl has listed, by words and patterns, and says how the index is", async () => {
    expect(await lines("find", "/one", "--index")).toEqual([]);
    await lines("index", "build");
    for (const deadline = Date.now() + 10_000; ; await sleep(50)) {
      const [line] = await lines("index", "status", "--json");
      const { crawling, state, names, waiting } = JSON.parse(line!);
      if (!crawling && waiting === 0) {
        expect([state, names]).toEqual(["ready", 4]);
        break;
      }
      expect(Date.now()).toBeLessThan(deadline);
    }
    expect(await lines("find", "/one", "--index", "--words", "线性 讲")).toEqual(["/one/课程/线性代数 第1讲.pdf"]);
    expect(await lines("find", "/one", "--index", "-iname", "re*.TXT")).toEqual(["/one/课程/deep/Report.txt"]);
    expect(await lines("find", "/one/课程", "--index", "-type", "d")).toEqual(["/one/课程/deep"]);
    expect(await lines("find", "/one", "--index", "-maxdepth", "2", "-size", "3")).toEqual([
      "/one/课程/线性代数 第1讲.pdf",
    ]);
    const shown = (await lines("index", "status")).join("\n");
    expect(shown).toMatch(/index: ready/);
    expect(shown).toMatch(/\/one +never +usual +usual +all +none/);
  });

  it("keeps rules of a mount, and refuses what cannot be", async () => {
    await lines("index", "rule", "/one", "--every", "6h", "--rate", "30", "--exclude", "/tmp/**", "/old");
    expect((await lines("index", "status")).join("\n")).toMatch(/\/one +6h +30 +usual +all +\/tmp\/\*\* \/old/);
    await lines("index", "rule", "/one", "--every", "never", "--exclude", "none");
    expect((await lines("index", "status")).join("\n")).toMatch(/\/one +never +30 +usual +all +none/);
    expect((await pandav("index", "rule", "/one", "--every", "1m")).stderr).toMatch(/at least ten minutes/);
    expect((await pandav("index", "rule", "/one", "--include", "x")).stderr).toMatch(/begin it with \//);
    expect((await pandav("find", "--words", "x")).code).toBe(2);
  });

  it("forgets all names, and says that nothing runs", async () => {
    await lines("index", "clear");
    expect(await lines("find", "/one", "--index", "--words", "report")).toEqual([]);
    expect((await pandav("index", "stop")).stderr).toMatch(/not running/);
  });
});
