import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { type ClientRequest, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runPandav } from "#test/support/pandav.ts";
import { LAUNCHER, type RunningServer, type ServerOptions, startServer } from "#test/support/server.ts";

describe("pandav serve", () => {
  let dataDir: string;
  let running: RunningServer[];

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "pandav-serve-"));
    running = [];
  });
  afterEach(async () => {
    for (const server of running) await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function start(options: ServerOptions = {}): Promise<RunningServer> {
    const server = await startServer({ dataDir, ...options });
    running.push(server);
    return server;
  }

  it("prints account, password and how to reach it at the first start, and never again", async () => {
    // A checkout's own, which is called by another name than what the tests start.
    const first = await start({ adminPassword: null, command: [process.execPath, LAUNCHER, "serve"] });
    const said = first.stdout();
    expect(said).toMatch(/^First start: the data folder is /);
    expect(said).toMatch(/^ {2}Account {3}admin, password [A-Za-z0-9]{16} /m);
    expect(said).toContain(`${first.url} (this machine only; "npm start -- --host 0.0.0.0" opens it to others)`);
    expect(said).toContain(`WebDAV    ${first.url}/dav\n`);
    expect(said).toMatch(
      /^ {2}rclone {4}rclone config create pandav webdav url=\S+\/dav vendor=owncloud user=admin pass=\S+$/m,
    );
    expect(await statusOf(first, "/dav/local/")).toBe(207);
    expect(readdirSync(join(dataDir, "files"))).toEqual([]);
    expect(first.stderr()).not.toContain(first.password);
    expect(await first.stop()).toBe(0);

    const second = await start({ adminPassword: null });
    expect(second.stdout()).toBe(`Pandav listens on ${second.url}\n`);
    expect(await statusOf({ ...second, password: first.password }, "/dav/local/")).toBe(207);
  });

  it("takes the first password from PANDAV_ADMIN_PASSWORD and does not print it", async () => {
    const server = await start({ adminPassword: "chosen-by-the-owner" });
    expect(await statusOf(server, "/dav/")).toBe(207);
    expect(server.stdout() + server.stderr()).not.toContain("chosen-by-the-owner");
  });

  it("keeps what it stores from other users of the machine", async () => {
    await start();
    for (const name of ["pandav.db", "tree.db", "control.sock", "lock", "server.json"]) {
      expect([name, statSync(join(dataDir, name)).mode & 0o077]).toEqual([name, 0]);
    }
  });

  it("is refused a data folder that another server has, in one line that says which and where", async () => {
    const first = await start();
    const second = await runPandav(["serve", "--port", "0", "--data", dataDir]);
    expect(second).toEqual({
      code: 1,
      stdout: "",
      stderr: `pandav: serve: the data folder ${dataDir} is in use by process ${first.pid}, which serves it at ${first.url}: stop that one, or name another folder with --data\n`,
    });
    expect(await statusOf(first, "/ping")).toBe(200);
  });

  it("takes a data folder over from a server that was killed by SIGKILL, its socket file included", async () => {
    const first = await start();
    await first.kill9();
    expect(existsSync(join(dataDir, "control.sock"))).toBe(true);
    await start();
    const listed = await runPandav(["storage", "list", "--data", dataDir]);
    expect(listed).toEqual({ code: 0, stdout: expect.stringContaining("/local"), stderr: "" });
  });

  it("says in one line that a port is in use, and how to choose another", async () => {
    const { url } = await start();
    const port = new URL(url).port;
    const other = join(dataDir, "other");
    const result = await runPandav(["serve", "--port", port, "--data", other], { env: { PANDAV_ADMIN_PASSWORD: "x" } });
    expect(result).toMatchObject({
      code: 1,
      stderr: `pandav: serve: port ${port} of 127.0.0.1 is in use: choose another with --port\n`,
    });
  });

  it("refuses a data folder that a newer version wrote, in one line, and leaves it as it is", async () => {
    const first = await start();
    await first.stop();
    const database = new DatabaseSync(join(dataDir, "pandav.db"));
    database.exec("insert into kysely_migration (name, timestamp) values ('9999-future', '2126-01-01')");
    database.close();
    const { code, stdout, stderr } = await runPandav(["serve", "--port", "0", "--data", dataDir]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^pandav: serve: the data folder was written by a newer version of Pandav .*--data\n$/);
  });

  it("finishes the request that runs when SIGTERM comes, then exits 0 within 10 s", async () => {
    const server = await start();
    const body = Buffer.alloc(1024, "x");
    let answered: number | undefined;
    const put = await beginPut(server, "/dav/local/slow.bin", body.length * 2);
    put.on("response", (response) => {
      answered = response.statusCode;
      response.resume();
    });
    put.write(body);
    process.kill(server.pid, "SIGTERM");
    await untilRefused(server.url);
    put.end(body);
    const startedAt = performance.now();
    expect(await server.exited).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(answered).toBe(201);
    expect(statSync(join(dataDir, "files", "slow.bin")).size).toBe(body.length * 2);
    expect(existsSync(join(dataDir, "control.sock"))).toBe(false);
  });

  it("exits 0 within 10 s of SIGTERM though a client never ends its request, and leaves nothing of it", async () => {
    const server = await start();
    const put = await beginPut(server, "/dav/local/never.bin", 10);
    put.write("half");
    const startedAt = performance.now();
    process.kill(server.pid, "SIGTERM");
    expect(await server.exited).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(readdirSync(join(dataDir, "files"))).toEqual([]);
  });

  it("exits at once at the second signal", async () => {
    const server = await start();
    const put = await beginPut(server, "/dav/local/never.bin", 10);
    process.kill(server.pid, "SIGTERM");
    await untilRefused(server.url);
    const signalled = setInterval(() => kill(server.pid), 100);
    const startedAt = performance.now();
    expect(await server.exited).toBe(1);
    clearInterval(signalled);
    put.destroy();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it("ends with npm start when that is sent SIGTERM, and exits 0", async () => {
    const server = await start({ command: ["npm", "start", "--silent", "--"] });
    process.kill(server.startedPid, "SIGTERM");
    expect(await server.exited).toBe(0);
    await untilRefused(server.url);
  });
});

function basic({ user, password }: Pick<RunningServer, "user" | "password">): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

async function statusOf(server: Pick<RunningServer, "url" | "user" | "password">, path: string): Promise<number> {
  const method = path.startsWith("/dav") ? "PROPFIND" : "GET";
  const reply = await fetch(server.url + path, { method, headers: { authorization: basic(server), depth: "0" } });
  await reply.arrayBuffer();
  return reply.status;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // it has ended
  }
}

/** Resolves when nobody accepts connections there any more; the test's own deadline ends the wait. */
async function untilRefused(url: string): Promise<void> {
  const port = Number(new URL(url).port);
  for (;;) {
    const refused = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        resolve(false);
      });
      socket.once("error", () => resolve(true));
    });
    if (refused) return;
    await sleep(20);
  }
}

/** An upload whose body the server is waiting for. */
async function beginPut(server: RunningServer, path: string, length: number): Promise<ClientRequest> {
  const headers = { authorization: basic(server), "content-length": length, expect: "100-continue" };
  const put = request(server.url + path, { method: "PUT", headers });
  put.on("error", () => undefined); // the server may cut it off
  await new Promise((resolve) => put.once("continue", resolve).flushHeaders());
  return put;
}
