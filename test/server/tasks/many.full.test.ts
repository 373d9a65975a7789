import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runPandav } from "#test/support/pandav.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

const PASSWORD = "a password for tasks";
const DIRECTORIES = 2_000;
const FILES_EACH = 10;
/** Beside what the server takes when it does nothing, in bytes. */
const MOST_MEMORY = 130 * 1024 * 1024;
/** How long a server has run before it counts as idle, in milliseconds. */
const IDLE_AFTER_MS = 3_000;

describe("a copy of 20,000 files in 2,000 directories", () => {
  let folder: string;
  let server: RunningServer | undefined;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-many-"));
    for (let d = 0; d < DIRECTORIES; d++) {
      const directory = join(folder, "from", "all", `${d % 40}`, `directory ${d}`);
      mkdirSync(directory, { recursive: true });
      for (let n = 0; n < FILES_EACH; n++) writeFileSync(join(directory, `${n}.txt`), `file ${n} of ${d}`);
    }
    mkdirSync(join(folder, "to"));
    for (const name of ["from", "to"]) {
      const set = ["storage", "add", `/${name}`, "local", "--set", `root=${join(folder, name)}`];
      expect(
        (await runPandav([...set, "--data", join(folder, "data")], { env: { PANDAV_ADMIN_PASSWORD: PASSWORD } })).code,
      ).toBe(0);
    }
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is complete after a kill in the middle, in bounded memory", async () => {
    const dataDir = join(folder, "data");
    server = await startServer({ dataDir, adminPassword: PASSWORD });
    const headers = { "Content-Type": "application/json", Authorization: await login(server) };
    await sleep(IDLE_AFTER_MS);
    const idle = memoryOf(server);
    const body = JSON.stringify({ src_dir: "/from", dst_dir: "/to", names: ["all"] });
    const reply = await fetch(`${server.url}/api/fs/copy`, { method: "POST", headers, body });
    const { id } = ((await reply.json()) as { data: { tasks: { id: string }[] } }).data.tasks[0]!;
    let most = 0;
    const begun = Date.now();
    const task = async () => {
      most = Math.max(most, memoryOf(server!));
      const found = await fetch(`${server!.url}/api/pandav/tasks/${id}`, { headers });
      return ((await found.json()) as { data: { task: { state: string; totals: { filesDone: number } } } }).data.task;
    };
    await until(async () => (await task()).totals.filesDone > 8_000);
    await server.kill9();
    const before = births(join(folder, "to"));
    server = await startServer({ dataDir, adminPassword: PASSWORD });
    await until(async () => (await task()).state === "succeeded");
    const uploads = await uploadsOf(server, headers.Authorization);
    console.log(
      `20,000 files: ${Math.round((Date.now() - begun) / 1000)} s, ${Math.round((most - idle) / 1e6)} MB more than idle`,
    );
    const [sent, got] = ["from", "to"].map((name) => contents(join(folder, name)));
    expect(got).toEqual(sent);
    // What lay there whole was not sent again: neither in the place of the file nor to be refused.
    expect(uploads).toBe(DIRECTORIES * FILES_EACH - before.size);
    const after = births(join(folder, "to"));
    expect([...before].filter(([name, birth]) => after.get(name) !== birth)).toEqual([]);
    expect(most - idle).toBeLessThan(MOST_MEMORY);
  }, 600_000);
});

async function login(server: RunningServer): Promise<string> {
  const body = JSON.stringify({ username: server.user, password: server.password });
  const headers = { "Content-Type": "application/json" };
  const reply = await fetch(`${server.url}/api/auth/login`, { method: "POST", headers, body });
  return ((await reply.json()) as { data: { token: string } }).data.token;
}

/** Resident memory, in bytes. */
function memoryOf({ pid }: RunningServer): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

/** How many files the new process has sent to the target, as its metrics count them. */
async function uploadsOf(server: RunningServer, token: string): Promise<number> {
  const reply = await fetch(`${server.url}/metrics`, { headers: { Authorization: `Bearer ${token}` } });
  const lines = (await reply.text()).split("\n").filter((line) => /^pandav_driver_calls_total\{.*"upload"/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** Which file lies at each path, and since when. */
function births(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".txt"));
  return new Map(
    names.map((name) => {
      const { ino, birthtimeMs } = statSync(join(folder, name));
      return [name, `${ino} ${birthtimeMs}`];
    }),
  );
}

function contents(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".txt"));
  return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

async function until(what: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 500_000; !(await what()); await sleep(250)) {
    if (Date.now() > deadline) throw new Error("it did not come to that");
  }
}
