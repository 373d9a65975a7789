import { createHash, randomBytes } from "node:crypto";
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
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openTransfers, PASSWORD, PLACES, type Transfers } from "#test/support/transfers.ts";

const MIB = 1024 * 1024;

describe.each(PLACES)("pandav upload %s", (place) => {
  let t: Transfers;
  beforeAll(async () => {
    t = await openTransfers(place);
  }, 60_000);
  afterAll(() => t.dispose());
  beforeEach(() => {
    t.clean();
    mkdirSync(join(t.files, "docs"));
    mkdirSync(join(t.files, "remote/path"), { recursive: true });
    mkdirSync(join(t.work, "local"));
    writeFileSync(join(t.work, "file.txt"), "file");
    writeFileSync(join(t.work, "local/file.txt"), "local file");
    utimesSync(join(t.work, "file.txt"), 1_700_000_000, 1_700_000_000);
  });
  const stored = (name: string) => readFileSync(join(t.files, name), "utf8");

  it.each([
    ["pandav upload file.txt # Upload to root directory", "file.txt", "file"],
    ["pandav upload file.txt docs/ # Upload to specific directory", "docs/file.txt", "file"],
    ["pandav upload ./local/file.txt /remote/path/", "remote/path/file.txt", "local file"],
  ])("%s (sjtu-pan.md §9.1)", async (line, name, content) => {
    const { code, stdout, stderr } = await t.sh(line);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^uploaded '.*file.txt' -> '/sjtu/${name}' \\(.*\\)\\n$`));
    expect(stored(name)).toBe(content);
  });

  it("keeps what has the name and chooses another, as jdisk does; tells it as one JSON object per file", async () => {
    await t.sh("pandav upload file.txt");
    const { code, stdout, stderr } = await t.sh("pandav upload --json local/file.txt");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      operation: "upload",
      source: "local/file.txt",
      target: "/sjtu/file (1).txt",
      status: "done",
      size: 10,
      created: true,
      renamed: true,
      hashes: { sha1: createHash("sha1").update("local file").digest("hex") },
      durationMs: expect.any(Number),
    });
    expect([stored("file.txt"), stored("file (1).txt")]).toEqual(["file", "local file"]);
  });

  it("stores what comes on standard input under a name, and refuses to guess one", async () => {
    expect(await t.sh("pandav upload - in.txt", { stdin: "from a pipe" })).toMatchObject({ code: 0, stderr: "" });
    expect(stored("in.txt")).toBe("from a pipe");
    expect(await t.sh("pandav upload -", { stdin: "x" })).toMatchObject({ code: 2, stdout: "" });
    expect(await t.sh("pandav upload - docs/", { stdin: "x" })).toMatchObject({ code: 2, stdout: "" });
  });

  it("takes directories with all in them, empty ones too", async () => {
    mkdirSync(join(t.work, "dir/empty"), { recursive: true });
    mkdirSync(join(t.work, "dir/sub"));
    writeFileSync(join(t.work, "dir/a.txt"), "");
    writeFileSync(join(t.work, "dir/sub/文件 %20.txt"), "b");
    expect(await t.sh("pandav upload -r dir docs")).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(join(t.files, "docs"), { recursive: true }).sort()).toEqual([
      "dir",
      "dir/a.txt",
      "dir/empty",
      "dir/sub",
      "dir/sub/文件 %20.txt",
    ]);
    expect(await t.sh("pandav upload -r dir/. new/")).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(join(t.files, "new")).sort()).toEqual(["a.txt", "empty", "sub"]);
  });

  it("keeps the file's time", async () => {
    await t.sh("pandav upload file.txt");
    expect(statSync(join(t.files, "file.txt")).mtimeMs).toBe(1_700_000_000_000);
  });
});

describe("pandav upload", () => {
  let t: Transfers;
  beforeAll(async () => {
    t = await openTransfers("beside a running server");
  }, 60_000);
  afterAll(() => t.dispose());
  beforeEach(() => {
    t.clean();
    writeFileSync(join(t.work, "a.txt"), "a");
    writeFileSync(join(t.work, "b.txt"), "b");
    writeFileSync(join(t.files, "a.txt"), "old");
  });
  const stored = (name: string) => readFileSync(join(t.files, name), "utf8");

  it.each(["--conflict overwrite", "--overwrite"])("%s replaces what has the name", async (flag) => {
    expect(await t.sh(`pandav upload a.txt ${flag}`)).toMatchObject({ code: 0, stderr: "" });
    expect(stored("a.txt")).toBe("a");
  });

  it("--conflict skip leaves what has the name, and says so", async () => {
    const { code, stdout, stderr } = await t.sh("pandav upload --conflict skip a.txt b.txt docs/ -t /");
    expect({ code, stderr }).toEqual({
      code: 4,
      stderr: "pandav: upload: cannot upload 'docs/': No such file or directory\n",
    });
    expect(stdout).toMatch(/^'\/sjtu\/a.txt' exists: skipped\nuploaded 1 file \(.*\), 1 skipped, 1 failed\n$/);
    expect([stored("a.txt"), stored("b.txt")]).toEqual(["old", "b"]);
  });

  it("--conflict ask needs a terminal", async () => {
    const { code, stderr } = await t.sh("pandav upload --conflict ask a.txt");
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: "pandav: upload: --conflict ask needs a terminal: choose rename, overwrite or skip\n",
    });
  });

  it("expands patterns that the shell did not", async () => {
    expect(await t.sh("pandav upload '*.txt' new/")).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(join(t.files, "new")).sort()).toEqual(["a.txt", "b.txt"]);
    expect(await t.sh("pandav upload 'no*thing' new/")).toEqual({
      code: 4,
      stdout: "",
      stderr: "pandav: upload: cannot upload 'no*thing': No such file or directory\n",
    });
  });

  it("goes on with the other files when one fails", async () => {
    mkdirSync(join(t.work, "dir"));
    symlinkSync("..", join(t.work, "dir/circle"));
    const { code, stderr } = await t.sh("mkfifo pipe && pandav upload pipe dir a.txt b.txt new/");
    expect(code).toBe(1);
    expect(stderr.split("\n").sort()).toEqual([
      "",
      "pandav: upload: cannot upload 'dir': Is a directory (-r takes it along)",
      "pandav: upload: cannot upload 'pipe': Not a regular file",
    ]);
    expect(readdirSync(join(t.files, "new")).sort()).toEqual(["a.txt", "b.txt"]);
    const linked = await t.sh("pandav upload -r dir");
    expect(linked.stderr).toContain("cannot upload 'dir/circle': it is a link to a directory");
  });

  it.each([
    [
      "pandav upload a.txt b.txt nowhere",
      4,
      "cannot upload to 'nowhere': No such file or directory (end it in / to make it)",
    ],
    ["pandav upload a.txt nowhere/b", 4, "cannot upload 'a.txt': No such file or directory"],
    ["pandav upload a.txt b.txt a.txt", 1, "cannot upload to 'a.txt': Not a directory"],
    ["pandav upload a.txt a.txt/", 1, "cannot upload to 'a.txt/': Not a directory"],
    ["pandav upload a.txt --jobs 0", 2, '--jobs needs a number from 1 to 64, and not "0"'],
    ["pandav upload a.txt --conflict no", 2, '--conflict needs one of rename, overwrite, skip, ask, and not "no"'],
  ])("%s exits %i", async (line, code, message) => {
    expect(await t.sh(line)).toEqual({ code, stdout: "", stderr: `pandav: upload: ${message}\n` });
    expect(readdirSync(t.files)).toEqual(["a.txt"]);
  });

  it("fails clearly where the storage is full, and nothing has the name", async () => {
    await t.parts.set("full");
    expect(await t.sh("pandav upload a.txt /parts/")).toEqual({
      code: 1,
      stdout: "",
      stderr: "pandav: upload: cannot upload 'a.txt': the storage is full\n",
    });
    expect(existsSync(join(t.parts.root, "a.txt"))).toBe(false);
  });

  it("fails where the storage holds other bytes than were sent, and nothing has the name", async () => {
    await t.parts.set("corrupt-stored");
    const { code, stderr } = await t.sh("pandav upload a.txt /parts/");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^pandav: upload: cannot upload 'a.txt': the content does not match what was stored .*sha1.*\n$/,
    );
    expect(existsSync(join(t.parts.root, "a.txt"))).toBe(false);
  });
});

describe("pandav upload, interrupted", () => {
  const content = randomBytes(6 * MIB + 5);
  const all = [0, 1, 2, 3, 4, 5, 6].map((n) => `part ${n}`);
  let t: Transfers;
  let file: string;
  beforeAll(async () => {
    t = await openTransfers();
  }, 60_000);
  afterAll(() => t.dispose());
  beforeEach(async () => {
    t.clean();
    file = join(t.work, "big");
    writeFileSync(file, content);
    await t.parts.set("hold-after", "3");
  });

  /** Begins an upload, does something to it after three of seven parts, and gives how it ended. */
  async function interrupted(strike: (pid: number) => unknown) {
    let pid = 0;
    const running = t.run(["upload", file, "/parts/"], {
      onStart: (child) => {
        pid = child.pid ?? 0;
      },
    });
    await t.parts.until("part 2");
    await strike(pid);
    const result = await running;
    await t.parts.clear("hold-after");
    return result;
  }

  const goesOn = async () => {
    expect(await t.run(["upload", file, "/parts/"])).toMatchObject({ code: 0, stderr: "" });
    expect(t.parts.log()).toEqual(["begin big", ...all, "confirm big"]);
    expect(readFileSync(join(t.parts.root, "big")).equals(content)).toBe(true);
    expect(readdirSync(t.parts.root).filter((name) => name !== ".control")).toEqual(["big"]);
  };

  it("by Ctrl-C exits 130, and the same command goes on where it was", async () => {
    expect(await interrupted((pid) => process.kill(pid, "SIGINT"))).toEqual({
      code: 130,
      stdout: "",
      stderr: "pandav: upload: interrupted; the same command goes on where it was\n",
    });
    await goesOn();
  });

  it("by SIGKILL without a server goes on where it was", async () => {
    expect(await interrupted((pid) => process.kill(pid, "SIGKILL"))).toMatchObject({ code: null });
    await goesOn();
  });

  it("by SIGKILL beside a server goes on where it was", async () => {
    const server = await t.start();
    await interrupted((pid) => process.kill(pid, "SIGKILL"));
    await goesOn();
    await server.stop();
  });

  it("by the SIGKILL of the server fails, and goes on where it was", async () => {
    const server = await t.start();
    const { code, stderr } = await interrupted(() => server.kill9());
    expect(code).toBe(1);
    expect(stderr).toContain("pandav: upload: ");
    await goesOn();
  });

  it("begins anew where the file is another one by then", async () => {
    await interrupted((pid) => process.kill(pid, "SIGKILL"));
    writeFileSync(file, "another");
    expect(await t.run(["upload", file, "/parts/"])).toMatchObject({ code: 0, stderr: "" });
    expect(t.parts.log().slice(4)).toEqual(["abandon", "begin big", "part 0", "confirm big"]);
    expect(readFileSync(join(t.parts.root, "big"), "utf8")).toBe("another");
  });

  it("fails where the file changes meanwhile, and nothing has the name", async () => {
    const { code, stderr } = await interrupted(async () => {
      writeFileSync(file, "another");
      await t.parts.clear("hold-after");
    });
    expect(code).toBe(1);
    expect(stderr).toBe(
      `pandav: upload: cannot upload '${file}': ${file} changed while it was uploaded: upload it again\n`,
    );
    expect(existsSync(join(t.parts.root, "big"))).toBe(false);
  });
});

describe("POST /api/pandav/fs/upload-local", () => {
  let t: Transfers;
  let body: string;
  beforeAll(async () => {
    t = await openTransfers("with a server that PANDAV_SERVER names");
    const localPath = join(t.work, "a.txt");
    writeFileSync(localPath, "a");
    const { ino, mtimeNs } = statSync(localPath, { bigint: true });
    body = JSON.stringify({ localPath, path: "/sjtu/a.txt", size: 1, modifiedNs: String(mtimeNs), inode: String(ino) });
  }, 60_000);
  afterAll(() => t.dispose());

  async function post(where: object, content: string, headers: Record<string, string> = {}) {
    const sent = request({ ...where, method: "POST", path: "/api/pandav/fs/upload-local", headers });
    sent.end(content);
    const response = await new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
      sent.once("response", resolve).once("error", reject);
    });
    return { status: response.statusCode, body: await text(response) };
  }
  const owner = () => ({ socketPath: join(t.dataDir, "control.sock") });

  it("is answered on the control socket", async () => {
    const { status, body: answer } = await post(owner(), body);
    expect(status).toBe(200);
    const lines = answer
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { done?: unknown });
    expect(lines.at(-2)?.done).toMatchObject({ path: "/sjtu/a.txt", size: 1 });
    expect(lines.at(-1)).toEqual({ end: true });
  });

  it("is nowhere else, not even for an administrator", async () => {
    const { url: origin } = JSON.parse(readFileSync(join(t.dataDir, "server.json"), "utf8")) as { url: string };
    const url = new URL(origin);
    const login = await fetch(new URL("/api/auth/login", url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: "admin", password: PASSWORD }),
    });
    const { data } = (await login.json()) as { data: { token: string } };
    const { status, body: answer } = await post({ host: url.hostname, port: url.port }, body, {
      "content-type": "application/json",
      authorization: data.token,
    });
    expect(status).toBe(404);
    expect(answer).toContain("there is no route POST /api/pandav/fs/upload-local");
  });

  it.each([
    ["another inode", { inode: "1" }],
    ["another time", { modifiedNs: "1" }],
    ["nothing there", { localPath: "/nowhere/at/all" }],
  ])("refuses 421 where the server sees %s, so that the caller sends the bytes", async (_, change) => {
    const { status } = await post(owner(), JSON.stringify({ ...JSON.parse(body), ...change }));
    expect(status).toBe(421);
  });

  it.each([
    ["a device", "/dev/zero"],
    ["a relative path", "a.txt"],
  ])("refuses %s", async (_, localPath) => {
    const { status } = await post(owner(), JSON.stringify({ ...JSON.parse(body), localPath }));
    expect(status).toBe(400);
  });
});
