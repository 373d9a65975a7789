import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openTransfers, PLACES, type Transfers } from "#test/support/transfers.ts";

const MIB = 1024 * 1024;

describe.each(PLACES)("pandav download %s", (place) => {
  let t: Transfers;
  beforeAll(async () => {
    t = await openTransfers(place);
  }, 60_000);
  afterAll(() => t.dispose());
  beforeEach(() => {
    t.clean();
    mkdirSync(join(t.files, "docs"));
    mkdirSync(join(t.files, "remote"));
    writeFileSync(join(t.files, "file.txt"), "file");
    writeFileSync(join(t.files, "docs/file.txt"), "docs file");
    writeFileSync(join(t.files, "remote/file.txt"), "remote file");
    utimesSync(join(t.files, "file.txt"), 1_700_000_000, 1_700_000_000);
  });
  const got = (name: string) => readFileSync(join(t.work, name), "utf8");

  it.each([
    ["pandav download file.txt # Download from root directory", "file.txt", "file"],
    ["pandav download docs/file.txt # Download from specific directory", "file.txt", "docs file"],
    ["pandav download /remote/file.txt ./local/", "local/file.txt", "remote file"],
  ])("%s (sjtu-pan.md §9.1)", async (line, name, content) => {
    const { code, stdout, stderr } = await t.sh(line);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^downloaded '.*file.txt' -> '${name}' \\(.*\\)\\n$`));
    expect(got(name)).toBe(content);
    expect(readdirSync(t.work, { recursive: true }).filter((entry) => String(entry).includes("pandav-part"))).toEqual(
      [],
    );
  });

  it("gives the file its time, and tells it as one JSON object per file", async () => {
    const { code, stdout, stderr } = await t.sh("pandav download --json file.txt new.txt");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(statSync(join(t.work, "new.txt")).mtimeMs).toBe(1_700_000_000_000);
    expect(JSON.parse(stdout)).toEqual({
      operation: "download",
      source: "file.txt",
      target: "new.txt",
      status: "done",
      size: 4,
      created: true,
      renamed: false,
      durationMs: expect.any(Number),
    });
  });

  it("writes to standard output, and nothing else there", async () => {
    expect(await t.sh("pandav download file.txt -")).toEqual({ code: 0, stdout: "file", stderr: "" });
  });

  it("takes directories with all in them, empty ones too", async () => {
    mkdirSync(join(t.files, "docs/empty"));
    mkdirSync(join(t.files, "docs/sub"));
    writeFileSync(join(t.files, "docs/sub/文件 %20.txt"), "");
    expect(await t.sh("pandav download -r docs")).toMatchObject({ code: 0, stderr: "" });
    const all = ["empty", "file.txt", "sub", "sub/文件 %20.txt"];
    expect(readdirSync(join(t.work, "docs"), { recursive: true }).sort()).toEqual(all);
    expect(await t.sh("pandav download -r docs other")).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(join(t.work, "other"), { recursive: true }).sort()).toEqual(all);
  });
});

describe("pandav download", () => {
  let t: Transfers;
  beforeAll(async () => {
    t = await openTransfers("beside a running server");
  }, 60_000);
  afterAll(() => t.dispose());
  beforeEach(() => {
    t.clean();
    mkdirSync(join(t.files, "docs"));
    for (const name of ["a.txt", "b.txt", "docs/a.txt", ".c.txt"]) writeFileSync(join(t.files, name), name);
  });
  const got = (name: string) => readFileSync(join(t.work, name), "utf8");

  it("replaces what has the name, as jdisk does; skips or renames on request", async () => {
    for (const name of ["a.txt", "b.txt"]) writeFileSync(join(t.work, name), "old");
    expect(await t.sh("pandav download a.txt")).toMatchObject({ code: 0, stderr: "" });
    expect(got("a.txt")).toBe("a.txt");
    expect(await t.sh("pandav download --conflict skip b.txt")).toEqual({
      code: 0,
      stdout: "'b.txt' exists: skipped\n",
      stderr: "",
    });
    expect(await t.sh("pandav download --conflict rename b.txt")).toMatchObject({ code: 0, stderr: "" });
    expect([got("b.txt"), got("b (1).txt")]).toEqual(["old", "b.txt"]);
  });

  it("expands patterns, a dot at a name's beginning only by a dot", async () => {
    expect(await t.sh("pandav download '*.txt' 'd*/?.txt' new/ --conflict rename")).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect(readdirSync(join(t.work, "new")).sort()).toEqual(["a (1).txt", "a.txt", "b.txt"]);
    expect(await t.sh("pandav download '.*.txt' dots/")).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(join(t.work, "dots"))).toEqual([".c.txt"]);
  });

  it("does not let two files of one command take one name", async () => {
    const { code, stderr } = await t.sh("pandav download a.txt docs/a.txt new/");
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "pandav: download: will not overwrite just-downloaded 'new/a.txt' with 'docs/a.txt'\n",
    });
    expect(got("new/a.txt")).toBe("a.txt");
  });

  it("goes on with the other files when one fails", async () => {
    const { code, stdout, stderr } = await t.sh("pandav download nope docs b.txt new/");
    expect({ code, stderr }).toEqual({
      code: 4,
      stderr:
        "pandav: download: cannot download 'nope': No such file or directory\npandav: download: cannot download 'docs': Is a directory (-r takes it along)\n",
    });
    expect(stdout).toMatch(/^downloaded 1 file \(.*\), 2 failed\n$/);
    expect(got("new/b.txt")).toBe("b.txt");
  });

  it("follows a link to a directory, takes the place of a link to a file, and leaves what it led to", async () => {
    mkdirSync(join(t.work, "real"));
    writeFileSync(join(t.work, "real/mine"), "mine");
    symlinkSync("real", join(t.work, "link"));
    symlinkSync("real/mine", join(t.work, "a.txt"));
    expect(await t.sh("pandav download b.txt link")).toMatchObject({ code: 0, stderr: "" });
    expect(got("real/b.txt")).toBe("b.txt");
    expect(await t.sh("pandav download a.txt")).toMatchObject({ code: 0, stderr: "" });
    expect([got("a.txt"), got("real/mine")]).toEqual(["a.txt", "mine"]);
  });

  it.each([
    ["pandav download nope", 4, "cannot download 'nope': No such file or directory"],
    ["pandav download 'no*pe'", 4, "cannot download 'no*pe': No such file or directory"],
    ["pandav download docs", 1, "cannot download 'docs': Is a directory (-r takes it along)"],
    [
      "pandav download a.txt b.txt nowhere",
      1,
      "cannot download to 'nowhere': No such file or directory (end it in / to make it)",
    ],
    ["pandav download a.txt nowhere/a.txt", 4, "cannot write 'nowhere/a.txt': No such file or directory"],
    ["pandav download a.txt b.txt -", 2, "only one file at a time goes to standard output (-)"],
    ["pandav download a.txt -j many", 2, '--jobs needs a number from 1 to 64, and not "many"'],
  ])("%s exits %i", async (line, code, message) => {
    expect(await t.sh(line)).toEqual({ code, stdout: "", stderr: `pandav: download: ${message}\n` });
    expect(readdirSync(t.work)).toEqual([]);
  });

  it("fetches a large file in pieces side by side", async () => {
    const content = randomBytes(40 * MIB + 3);
    writeFileSync(join(t.parts.root, "big"), content);
    expect(await t.sh("pandav download /parts/big")).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(join(t.work, "big")).equals(content)).toBe(true);
    const reads = t.parts.log().filter((line) => line.startsWith("read"));
    expect(reads.sort()).toEqual([
      `read 0-${16 * MIB}`,
      `read ${16 * MIB}-${32 * MIB}`,
      `read ${32 * MIB}-${40 * MIB + 3}`,
    ]);
  });

  it("fails where other bytes come than the storage told, and leaves nothing", async () => {
    writeFileSync(join(t.parts.root, "a"), "content");
    await t.parts.set("corrupt-read");
    expect(await t.sh("pandav download /parts/a")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "pandav: download: '/parts/a' came damaged: its sha1 is not the one that the storage tells; nothing was kept\n",
    });
    expect(readdirSync(t.work)).toEqual([]);
    const { code } = await t.sh("pandav download /parts/a - > /dev/null");
    expect(code).toBe(1);
    expect(await t.sh("pandav download --no-verify /parts/a")).toMatchObject({ code: 0, stderr: "" });
  });

  it("fails clearly where the local disk takes no more, and nothing has the name", async () => {
    writeFileSync(join(t.files, "big"), randomBytes(2 * MIB));
    writeFileSync(join(t.work, "big"), "old");
    const { code, stderr } = await t.sh("ulimit -f 1024; pandav download big");
    expect({ code, stderr }).toEqual({ code: 1, stderr: "pandav: download: cannot write 'big': File too large\n" });
    expect(got("big")).toBe("old");
  });
});

describe("pandav download, interrupted", () => {
  const SIZE = 4 * MIB;
  const content = randomBytes(SIZE);
  let t: Transfers;
  let target: string;
  beforeAll(async () => {
    t = await openTransfers();
  }, 60_000);
  afterAll(() => t.dispose());
  beforeEach(async () => {
    t.clean();
    target = join(t.work, "big");
    writeFileSync(join(t.parts.root, "big"), content);
    await t.parts.set("slow-read", "60");
  });

  const download = (onStart?: (pid: number) => void) =>
    t.run(["download", "/parts/big", target], {
      onStart: (child) => onStart?.(child.pid ?? 0),
      withinMs: 30_000,
    });

  /** Bytes that the note beside the part says are there. */
  function noted(): number {
    try {
      const { done } = JSON.parse(readFileSync(`${target}.pandav-part.json`, "utf8")) as {
        done: { from: number; to: number }[];
      };
      return done.reduce((sum, { from, to }) => sum + to - from, 0);
    } catch {
      return 0;
    }
  }

  async function interrupted(strike: (pid: number) => unknown) {
    let pid = 0;
    const running = download((started) => {
      pid = started;
    });
    const deadline = Date.now() + 20_000;
    while (noted() === 0) {
      if (Date.now() > deadline) throw new Error("nothing of the file came");
      await sleep(10);
    }
    await strike(pid);
    const result = await running;
    return result;
  }

  const fetched = () =>
    t.parts
      .log()
      .filter((line) => line.startsWith("read"))
      .map((line) => /(\d+)-(\d+)/.exec(line)!)
      .reduce((sum, [, from, to]) => sum + Number(to) - Number(from), 0);

  async function goesOn() {
    expect(existsSync(target)).toBe(false);
    const before = { noted: noted(), fetched: fetched() };
    expect(before.noted).toBeGreaterThan(0);
    await t.parts.clear("slow-read");
    expect(await download()).toMatchObject({ code: 0, stderr: "" });
    expect(fetched() - before.fetched).toBe(SIZE - before.noted);
    expect(readFileSync(target).equals(content)).toBe(true);
    expect(readdirSync(t.work)).toEqual(["big"]);
  }

  it("by Ctrl-C exits 130, and the same command fetches only what is missing", async () => {
    expect(await interrupted((pid) => process.kill(pid, "SIGINT"))).toEqual({
      code: 130,
      stdout: "",
      stderr: "pandav: download: interrupted; the same command goes on where it was\n",
    });
    await goesOn();
  });

  it("by SIGKILL goes on where it was", async () => {
    expect(await interrupted((pid) => process.kill(pid, "SIGKILL"))).toMatchObject({ code: null });
    await goesOn();
  });

  it("by the SIGKILL of the server goes on by itself, as the server that it becomes", async () => {
    const server = await t.start();
    const result = await interrupted(async () => {
      await server.kill9();
      await t.parts.clear("slow-read");
    });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(target).equals(content)).toBe(true);
  });

  it("begins anew where the file is another one by then", async () => {
    await interrupted((pid) => process.kill(pid, "SIGKILL"));
    writeFileSync(join(t.parts.root, "big"), "another");
    await t.parts.clear("slow-read");
    expect(await download()).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(target, "utf8")).toBe("another");
    expect(readdirSync(t.work)).toEqual(["big"]);
  });

  it("is not disturbed by a second one of the same file", async () => {
    const second = await interrupted(async (pid) => {
      expect(await download()).toEqual({
        code: 1,
        stdout: "",
        stderr: `pandav: download: ${target} is being downloaded by process ${pid}\n`,
      });
      await t.parts.clear("slow-read");
    });
    expect(second).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(target).equals(content)).toBe(true);
  });
});
