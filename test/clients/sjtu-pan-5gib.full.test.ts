/** A file of 5 GiB through WebDAV, up, down and both at once, and what the server takes for it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cpuSeconds, peakMiB, resetPeak, residentMiB } from "#test/bench/process-figures.ts";
import { ruleContent } from "#test/simulators/sjtu-pan/content.ts";
import { type PanServer, startPanServer } from "#test/support/pan-server.ts";
import { LAUNCHER, PROJECT_ROOT } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { runProgram } from "./run-program.ts";

const SIZE = 5 * 2 ** 30;
/** Byte number i is i mod 251: a part at a wrong place shows, and the simulator keeps the rule instead of the bytes. */
const CONTENT = ruleContent({ kind: "count", first: 0 }, SIZE);
const PATH = "视频/five GiB.bin";

/** In MB of 1,000,000 bytes. */
const MOST_GROWTH_MB = 130;
const MB_PER_MIB = 1.048576;
const IDLE_AFTER_MS = 60_000;
const TRANSFER_WITHIN_MS = 8 * 60_000;
/** How `npm start` runs Node. */
const START = startScript();
/** rclone by its own name is sent to the store for large files (webdav.md §7.1), whose real address leads out of the simulation. */
const RCLONE_FLAGS = ["--retries", "1", "--low-level-retries", "1", "--timeout", "60s", "--user-agent", "Sync/1.0"];

withTools(["rclone", "curl"])("5 GiB through /dav/sjtu", () => {
  let server: PanServer;
  let folder: string;
  let idleMB: number;
  beforeAll(async () => {
    server = await startPanServer({
      server: { command: [process.execPath, ...START.flags, LAUNCHER, "serve"], env: START.env },
    });
    folder = mkdtempSync(join(tmpdir(), "pandav-5gib-"));
    const { user, password } = server.server;
    const obscured = (await runProgram("rclone", ["obscure", password], { withinMs: 30_000 })).stdout.trim();
    const remote = `[p]\ntype = webdav\nurl = ${server.dav}\nvendor = owncloud\nuser = ${user}\npass = ${obscured}\n`;
    writeFileSync(join(folder, "rclone.conf"), remote, { mode: 0o600 });
    await sleep(IDLE_AFTER_MS);
    idleMB = residentMiB(server.server.pid) * MB_PER_MIB;
    console.log(`resident ${IDLE_AFTER_MS / 1000} s after the start: ${idleMB.toFixed(0)} MB`);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server[Symbol.asyncDispose]();
  });

  it("go up with rclone, down with rclone, and both at once with curl, with at most 130 MB more than idle, and arrive as they were", async () => {
    const { files } = server.pan;
    await measured("rclone up", () => rcloneUp(PATH));
    expect(files.tree()).toEqual({ "视频/": null, [PATH]: SIZE });
    expect(files.stat(PATH).crc64).toBe(String(CONTENT.crc64()));

    await measured("rclone down", () => rcloneDown(PATH));

    const beside = "视频/beside.bin";
    await measured("curl up and down at once", async () => {
      await Promise.all([curlUp(beside), curlDown(PATH)]);
    });
    expect(files.stat(beside)).toMatchObject({ size: SIZE, crc64: String(CONTENT.crc64()) });
    expect(Object.keys(files.tree())).toEqual(["视频/", "视频/beside.bin", PATH]);
    expect(server.pan.violations).toEqual([]);
  });

  /** Runs a transfer and holds the server's peak against what it had while idle. */
  async function measured(name: string, transfer: () => Promise<void>): Promise<void> {
    const { pid } = server.server;
    expect(resetPeak(pid)).toBe(true);
    server.pan.log.clear();
    const cpuBefore = cpuSeconds(pid);
    const began = performance.now();
    await transfer();
    const seconds = (performance.now() - began) / 1000;
    const cpu = cpuSeconds(pid) - cpuBefore;
    const growth = peakMiB(pid) * MB_PER_MIB - idleMB;
    console.log(
      `${name}: ${seconds.toFixed(1)} s, peak ${(idleMB + growth).toFixed(0)} MB (idle + ${growth.toFixed(0)}), CPU ${cpu.toFixed(1)} s;`,
      JSON.stringify(server.pan.log.counts()),
    );
    expect(growth).toBeLessThanOrEqual(MOST_GROWTH_MB);
  }

  async function rcloneUp(path: string): Promise<void> {
    await send(start("rclone", ["rcat", "--size", String(SIZE), `p:${path}`, ...rcloneFlags()]));
  }

  async function rcloneDown(path: string): Promise<void> {
    await receive(start("rclone", ["cat", `p:${path}`, ...rcloneFlags()]));
  }

  async function curlUp(path: string): Promise<void> {
    const known = ["--header", `Content-Length: ${SIZE}`, "--header", "Transfer-Encoding:"];
    await send(start("curl", [...curlFlags(), ...known, "--upload-file", "-", davUrl(path)]));
  }

  async function curlDown(path: string): Promise<void> {
    await receive(start("curl", [...curlFlags(), davUrl(path)]));
  }

  function rcloneFlags(): string[] {
    return ["--config", join(folder, "rclone.conf"), ...RCLONE_FLAGS];
  }

  /** Without `--location`: what is not passed on by the server itself is a failure. */
  function curlFlags(): string[] {
    return [
      "--silent",
      "--show-error",
      "--fail",
      "--user-agent",
      "Sync/1.0",
      "--header",
      `Authorization: ${server.authorization}`,
    ];
  }

  function davUrl(path: string): string {
    return `${server.dav}/${path.split("/").map(encodeURIComponent).join("/")}`;
  }
});

/** Flags of Node and environment, out of the script. */
function startScript(): { flags: string[]; env: Record<string, string> } {
  const { scripts } = JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8")) as {
    scripts: { start: string };
  };
  return {
    flags: scripts.start.match(/--[\w-]+=\S+/g) ?? [],
    env: Object.fromEntries(
      [...scripts.start.matchAll(/(?<=\s)([A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name, value]),
    ),
  };
}

interface Program {
  readonly name: string;
  readonly child: ChildProcess;
  /** Settles with an error unless it ends with status 0 in time. */
  readonly ended: Promise<void>;
}

function start(name: string, args: readonly string[]): Program {
  const child = spawn(name, args, { stdio: "pipe", timeout: TRANSFER_WITHIN_MS, killSignal: "SIGKILL" });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = once(child, "close").then(([code]) => {
    if (code !== 0) throw new Error(`${name} ended with ${code}: ${stderr}`);
  });
  ended.catch(() => undefined);
  return { name, child, ended };
}

/** The content into a program. Its own message says more than the broken pipe when it gives up. */
async function send({ child, ended }: Program): Promise<void> {
  child.stdout!.resume();
  const fed = pipeline(Readable.from(CONTENT.read(0, SIZE), { objectMode: true }), child.stdin!);
  fed.catch(() => undefined);
  await ended;
  await fed;
}

/** What a program prints, each byte compared. */
async function receive({ name, child, ended }: Program): Promise<void> {
  child.stdin!.end();
  let at = 0;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    let compared = 0;
    for (const piece of CONTENT.read(at, chunk.length)) {
      if (!chunk.subarray(compared, compared + piece.length).equals(piece)) {
        child.kill("SIGKILL");
        throw new Error(`${name}: other bytes between ${at} and ${at + chunk.length}`);
      }
      compared += piece.length;
    }
    at += chunk.length;
  }
  await ended;
  expect(at).toBe(SIZE);
}
