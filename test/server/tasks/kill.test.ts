import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runPandav } from "#test/support/pandav.ts";
import { PartsControl } from "#test/support/parts-driver.ts";
import { PROJECT_ROOT, type RunningServer, startServer } from "#test/support/server.ts";

const PASSWORD = "a password for tasks";
const PART = 64 * 1024;
const SMALL = 200;
const DIRECTORIES = 8;
/** Files on their way at once: what may be sent twice. */
const AT_ONCE = 4;
const env = { PANDAV_DRIVERS: join(PROJECT_ROOT, "test/support/parts-driver.ts") };

describe("a copy between storages and a kill in the middle", () => {
  let folder: string;
  let parts: PartsControl;
  let server: RunningServer | undefined;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-kill-"));
    for (let d = 0; d < DIRECTORIES; d++) mkdirSync(join(folder, "files", "all", String(d)), { recursive: true });
    writeFileSync(join(folder, "files", "all", "0-large.bin"), Buffer.alloc(8 * PART, "large"));
    for (let n = 0; n < SMALL; n++) {
      writeFileSync(join(folder, "files", "all", String(n % DIRECTORIES), `small-${n}.txt`), `content of ${n}`);
    }
    parts = new PartsControl(join(folder, "parts"));
    const add = (args: string[]) =>
      runPandav([...args, "--data", join(folder, "data")], { env: { ...env, PANDAV_ADMIN_PASSWORD: PASSWORD } });
    await add(["storage", "add", "/files", "local", "--set", `root=${join(folder, "files")}`]);
    await add(["storage", "add", "/parts", "parts", "--set", `root=${parts.root}`, "--set", `partBytes=${PART}`]);
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("ends complete after a restart, and nothing was sent twice but what was in flight (architecture.md §8)", async () => {
    await parts.set("hold-after", "3");
    server = await startServer({ dataDir: join(folder, "data"), env, adminPassword: PASSWORD });
    const id = await ask(server);
    await until(() => stored(parts) >= 60 && parts.log().includes("part 2"));
    await server.kill9();
    const before = stored(parts);
    expect(before).toBeLessThan(SMALL);
    await parts.clear("hold-after");
    server = await startServer({ dataDir: join(folder, "data"), env, adminPassword: PASSWORD });
    await until(async () => (await stateOf(server!, id)) === 2);
    for (const name of readdirSync(join(folder, "files"), { recursive: true }) as string[]) {
      if (!/\.(txt|bin)$/.test(name)) continue;
      const [sent, got] = ["files", "parts"].map((top) => readFileSync(join(folder, top, name)));
      expect(got!.equals(sent!), name).toBe(true);
    }
    const log = parts.log();
    // The large file was held after three parts: each of its parts was sent once.
    for (let n = 1; n < 8; n++) expect(log.filter((line) => line === `part ${n}`)).toHaveLength(1);
    const begun = log.filter((line) => line.startsWith("begin "));
    expect(begun.filter((line) => line === "begin 0-large.bin")).toHaveLength(1);
    expect(begun.length).toBeLessThanOrEqual(SMALL + 1 + AT_ONCE);
    expect(new Set(begun).size).toBe(SMALL + 1);
    const left = readdirSync(join(parts.root, ".control")).filter((name) => name.startsWith("upload-"));
    expect(left.length).toBeLessThanOrEqual(AT_ONCE);
  }, 60_000);
});

/** Files that the storage has whole. */
function stored(parts: PartsControl): number {
  return parts.log().filter((line) => line.startsWith("confirm ")).length;
}

async function call(server: RunningServer, path: string, body?: object, token?: string) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: token }) };
  const reply = await fetch(`${server.url}${path}`, { method: "POST", headers, body: JSON.stringify(body ?? {}) });
  return ((await reply.json()) as { data: never }).data as Record<string, never>;
}

async function login(server: RunningServer): Promise<string> {
  return (await call(server, "/api/auth/login", { username: server.user, password: server.password })).token!;
}

async function ask(server: RunningServer): Promise<string> {
  const body = { src_dir: "/files", dst_dir: "/parts", names: ["all"] };
  const { tasks } = await call(server, "/api/fs/copy", body, await login(server));
  return (tasks as unknown as { id: string }[])[0]!.id;
}

let token: string | undefined;
async function stateOf(server: RunningServer, id: string): Promise<number> {
  token ??= await login(server);
  return (await call(server, `/api/task/copy/info?tid=${id}`, {}, token)).state as unknown as number;
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 40_000; !(await what()); await sleep(20)) {
    if (Date.now() > deadline) throw new Error("it did not come to that");
  }
}
