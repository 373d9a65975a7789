/**
 * A service that is silent for ten minutes after the last byte, and rclone with its own deadlines before it. `PANDAV_SILENT_SECONDS` and `PANDAV_SILENT_BYTES`
 * make it shorter.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runPandav } from "#test/support/pandav.ts";
import { PROJECT_ROOT, type RunningServer, startServer } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { runProgram } from "./run-program.ts";

const SILENT_SECONDS = Number(process.env.PANDAV_SILENT_SECONDS ?? 600);
const BYTES = Number(process.env.PANDAV_SILENT_BYTES ?? 5 * 2 ** 30);
/** As it is by itself where the service is silent for ten minutes. */
const REPLY_WITHIN_SECONDS = Math.min(60, SILENT_SECONDS / 4);
const MARGIN_MS = 5 * 60_000;
const PASSWORD = "a password for silence";

withTools(["rclone"])("rclone and a service that is silent for long (architecture.md §6)", () => {
  let folder: string;
  let server: RunningServer;
  const stored = () => join(folder, "storage", "five GiB.bin");
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-silent-"));
    mkdirSync(join(folder, "storage"));
    const env = { PANDAV_DRIVERS: join(PROJECT_ROOT, "test/support/silent-driver.ts") };
    const settings = {
      root: join(folder, "storage"),
      silentMs: SILENT_SECONDS * 1000,
      reply_within: REPLY_WITHIN_SECONDS,
    };
    const sets = Object.entries(settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
    const add = await runPandav(["storage", "add", "/silent", "silent", ...sets, "--data", join(folder, "data")], {
      env: { ...env, PANDAV_ADMIN_PASSWORD: PASSWORD },
    });
    expect(add).toMatchObject({ code: 0 });
    server = await startServer({ dataDir: join(folder, "data"), env, adminPassword: PASSWORD });
    const obscured = (await runProgram("rclone", ["obscure", PASSWORD], { withinMs: 30_000 })).stdout.trim();
    const [url, user] = [`${server.url}/dav/silent`, server.user];
    const remote = `[p]\ntype = webdav\nurl = ${url}\nvendor = owncloud\nuser = ${user}\npass = ${obscured}\n`;
    writeFileSync(join(folder, "rclone.conf"), remote, { mode: 0o600 });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("takes a large file by one PUT, no retry and no DELETE, and keeps the old one until the new one is there", async () => {
    writeFileSync(stored(), "the old one");
    for (const version of ["first", "second"]) {
      const before = statSync(stored()).size;
      const source = join(folder, "source.bin");
      const sha1 = await write(source, version);
      const began = performance.now();
      const { code, stderr } = await rclone(
        "copyto",
        source,
        "p:five GiB.bin",
        "--ignore-times",
        "--dump",
        "headers",
        "-vv",
      );
      const seconds = (performance.now() - began) / 1000;
      console.log(`${version}: rclone was done after ${seconds.toFixed(0)} s`);
      const changes = [...stderr.matchAll(/(PUT|DELETE|MOVE) \S+ HTTP/g)].map(([, method]) => method);
      expect([code, changes]).toEqual([0, ["PUT"]]);
      // The path shows what was sent, and the service has what it had.
      const listed = JSON.parse((await rclone("lsjson", "p:five GiB.bin", "--hash")).stdout)[0] as { Size: number };
      expect(listed.Size).toBe(BYTES);
      const waits = await openTasks();
      if (SILENT_SECONDS > REPLY_WITHIN_SECONDS) {
        expect(statSync(stored()).size).toBe(before);
        expect(waits).toMatchObject([{ kind: "upload", state: "running", to: "/silent/five GiB.bin" }]);
      }
      const deadline = Date.now() + SILENT_SECONDS * 1000 + MARGIN_MS;
      while ((await openTasks()).length > 0) {
        expect(Date.now()).toBeLessThan(deadline);
        await sleep(500);
      }
      expect(await digestOf(stored())).toBe(sha1);
    }
  });

  const rclone = (...args: string[]) =>
    runProgram("rclone", ["--config", join(folder, "rclone.conf"), ...args], {
      withinMs: SILENT_SECONDS * 1000 + 2 * MARGIN_MS,
    });

  async function openTasks(): Promise<readonly object[]> {
    const { stdout } = await runPandav(["tasks", "list", "--json", "--data", join(folder, "data")]);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as object);
  }
});

/** Writes the content of that version, and resolves to its SHA-1. */
async function write(path: string, version: string): Promise<string> {
  const digest = createHash("sha1");
  const block = Buffer.alloc(1024 * 1024, `${version} version; `);
  const blocks = function* () {
    for (let at = 0; at < BYTES; at += block.length) {
      block.writeDoubleBE(at, 0);
      const part = Buffer.from(block.subarray(0, Math.min(block.length, BYTES - at)));
      digest.update(part);
      yield part;
    }
  };
  await pipeline(Readable.from(blocks()), createWriteStream(path));
  return digest.digest("hex");
}

async function digestOf(path: string): Promise<string> {
  const digest = createHash("sha1");
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), digest);
  return digest.digest("hex");
}
