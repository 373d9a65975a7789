/** A driver in a package of its own, with no file of ours edited: named in PANDAV_DRIVERS, added by command, listed and read by other programs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PANDAV, PROJECT_ROOT, type RunningServer, startServer } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { runProgram } from "./run-program.ts";

const DRIVERS = { PANDAV_DRIVERS: join(PROJECT_ROOT, "test/outside-driver") };
const POEM = "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n";
const WITHIN = { withinMs: 30_000 };

withTools(["rclone", "curl"])("a driver from outside (PANDAV_DRIVERS)", () => {
  let server: RunningServer;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-outside-"));
    server = await startServer({ env: DRIVERS });
    const args = [PANDAV, "storage", "add", "/poems", "poems", "--data", server.dataDir];
    const added = await runProgram(process.execPath, args, { ...WITHIN, env: DRIVERS });
    expect(added).toMatchObject({ code: 0, stderr: "" });
    const obscured = (await runProgram("rclone", ["obscure", server.password], WITHIN)).stdout.trim();
    const remote = `[p]\ntype = webdav\nurl = ${server.url}/dav\nvendor = other\nuser = admin\npass = ${obscured}\n`;
    writeFileSync(join(folder, "rclone.conf"), remote);
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is listed by rclone through WebDAV", async () => {
    const { stdout } = await rclone("lsf", "-R", "p:poems");
    expect(stdout.trim().split("\n").sort()).toEqual(
      ["README.md", "李白/", "李白/empty.txt", "李白/静夜思.txt", "王维/", "王维/鹿柴.txt"].sort(),
    );
  });

  it("is read by rclone, whole and by range", async () => {
    expect((await rclone("cat", "p:poems/李白/静夜思.txt")).stdout).toBe(POEM);
    const verse = Buffer.from(POEM)
      .subarray(36, 36 + 36)
      .toString();
    expect((await rclone("cat", "--offset", "36", "--count", "36", "p:poems/李白/静夜思.txt")).stdout).toBe(verse);
  });

  it("is read by curl", async () => {
    const url = `${server.url}/dav/poems/${encodeURIComponent("李白")}/${encodeURIComponent("静夜思.txt")}`;
    const args = ["--silent", "--show-error", "--fail", "--user", `${server.user}:${server.password}`, url];
    expect(await runProgram("curl", args, WITHIN)).toMatchObject({ code: 0, stdout: POEM });
  });

  it("refuses writing as rclone can tell: the driver has no upload", async () => {
    const result = await rclone("copyto", "--retries", "1", "--low-level-retries", "1", PANDAV, "p:poems/new.mjs");
    expect(result.code).not.toBe(0);
    expect((await rclone("lsf", "p:poems")).stdout).not.toContain("new.mjs");
  });

  function rclone(...args: string[]) {
    return runProgram("rclone", ["--config", join(folder, "rclone.conf"), ...args], WITHIN);
  }
});
