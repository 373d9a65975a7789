/** A real server under generated requests: what must be as it was when they have passed. */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { sendRaw } from "./raw-socket.ts";
import { type FuzzedRequest, fuzzedRequests } from "./request-generator.ts";

/** Stands in every file that nobody may see. */
const SECRET = "nobody-may-read-this-4f1d";
const PASSWORD = "a password of the fuzzed user";
/** Requests that warm caches, connections and files up before anything is counted. */
const WARM_UP = 300;

export interface FuzzResult {
  readonly executed: number;
  /** Status (0: none came) to how often. */
  readonly statuses: ReadonlyMap<number, number>;
}

/** Sends `count` requests, `atOnce` at a time, by a user who may do everything in one folder; then looks at process, descriptors, temporary files and all that lies outside the folder. */
export async function fuzz({
  seed,
  count,
  atOnce = 12,
}: {
  seed: number;
  count: number;
  atOnce?: number;
}): Promise<FuzzResult> {
  const server = await startServer();
  try {
    const port = Number(new URL(server.url).port);
    const box = plant(server);
    const credentials = await addUser(server);
    const outside = () => outsideOf(server, box);
    const requests = fuzzedRequests(seed, credentials);
    await run(port, requests, WARM_UP, atOnce);
    await search(server, credentials.token);
    const before = { descriptors: await settledDescriptors(server.pid), outside: outside() };
    const result = await run(port, requests, count, atOnce);
    await search(server, credentials.token);
    await vi.waitFor(() => expect(descriptorsOf(server.pid)).toEqual(before.descriptors), {
      timeout: 20_000,
      interval: 100,
    });
    expect(outside()).toEqual(before.outside);
    expect(temporaryFiles(server, box)).toEqual([]);
    const alive = await fetch(`${server.url}/dav/`, {
      method: "PROPFIND",
      headers: { Authorization: credentials.basic, Depth: "0" },
    });
    expect([alive.status, (await alive.text()).includes("multistatus")]).toEqual([207, true]);
    expect(server.stderr()).not.toMatch(/"bug":true|by our fault|TypeError|RangeError/);
    expect(server.stdout()).not.toMatch(/"bug":true|by our fault|TypeError|RangeError/);
    return result;
  } catch (error) {
    const code = await Promise.race([
      server.exited,
      new Promise<"alive">((resolve) => setTimeout(resolve, 500, "alive")),
    ]);
    if (code === "alive") throw error;
    throw new Error(`the server ended (${code}) after:\n${server.stderr().slice(-4_000)}`, { cause: error });
  } finally {
    await server.stop();
  }
}

async function run(
  port: number,
  requests: Generator<FuzzedRequest>,
  count: number,
  atOnce: number,
): Promise<FuzzResult> {
  const statuses = new Map<number, number>();
  let left = count;
  let executed = 0;
  const wrong: string[] = [];
  const worker = async () => {
    while (left-- > 0) {
      const { bytes, cut } = requests.next().value as FuzzedRequest;
      const { status, received } = await sendRaw(port, bytes, { cut });
      executed++;
      await unlock(port, bytes, received);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      // 500 is a bug by definition (server/http/errors.ts); what is outside must not show in any form.
      if (status === 500 || received.includes(SECRET) || received.includes("root:x:0:0")) {
        if (wrong.length < 10) wrong.push(`${status}: ${JSON.stringify(bytes.toString("latin1").slice(0, 700))}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  expect(wrong).toEqual([]);
  return { executed, statuses };
}

/** A lock that was granted is given back, or soon nothing would answer but 423. */
async function unlock(port: number, request: Buffer, reply: Buffer): Promise<void> {
  const token = /\r\nLock-Token: (<[^>]+>)\r\n/i.exec(reply.toString("latin1"))?.[1];
  const text = request.toString("latin1");
  const login = /\r\n(Authorization: [^\r]+)\r\n/.exec(text)?.[1];
  if (token === undefined || login === undefined) return;
  const head = `UNLOCK ${text.split(" ")[1]} HTTP/1.1\r\nHost: h\r\n${login}\r\nLock-Token: ${token}\r\nConnection: close\r\n\r\n`;
  await sendRaw(port, Buffer.from(head, "latin1"));
}

/** Files in the user's folder, and secrets beside it and above it. */
function plant({ dataDir }: RunningServer): string {
  const files = join(dataDir, "files");
  const box = join(files, "box");
  mkdirSync(join(box, "dir", "y"), { recursive: true });
  for (const name of ["a.txt", "b.txt", "dir/x", "dir/y/z"]) writeFileSync(join(box, name), `content of ${name}`);
  writeFileSync(join(box, "empty"), "");
  mkdirSync(join(files, "other"));
  for (const path of ["files/secret.txt", "files/other/a.txt", "secret.txt"])
    writeFileSync(join(dataDir, path), SECRET);
  return box;
}

async function addUser({ url, password }: RunningServer): Promise<{ basic: string; token: string }> {
  const post = async (path: string, token: string, body: object) => {
    const headers = { "Content-Type": "application/json", ...(token && { Authorization: token }) };
    const reply = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
    const { code, message, data } = (await reply.json()) as { code: number; message: string; data: { token: string } };
    if (code !== 200) throw new Error(message);
    return data;
  };
  const { token } = await post("/api/auth/login", "", { username: "admin", password });
  const user = { username: "fuzz", password: PASSWORD, base_path: "/local/box", permission: 0xffff, role: 0 };
  await post("/api/admin/user/create", token, user);
  const session = await post("/api/auth/login", "", { username: "fuzz", password: PASSWORD });
  return { basic: `Basic ${Buffer.from(`fuzz:${PASSWORD}`).toString("base64")}`, token: session.token };
}

/** A search, since whose end the thread of the index stays for a minute: it has descriptors of its own, which are to be there both times that they are counted. */
async function search({ url }: RunningServer, token: string): Promise<void> {
  const headers = { "Content-Type": "application/json", Authorization: token };
  const body = JSON.stringify({ parent: "/", keywords: "a", scope: 0, page: 1, per_page: 10 });
  const reply = await fetch(`${url}/api/fs/search`, { method: "POST", headers, body });
  expect(await reply.json()).toMatchObject({ code: 200 });
}

/** Names of all that lies in the data folder outside the user's, and what the secret files hold. */
function outsideOf({ dataDir }: RunningServer, box: string): Record<string, string> {
  const inside = box.slice(dataDir.length + 1);
  const names = readdirSync(dataDir, { recursive: true, encoding: "utf8" }).filter(
    (name) => name !== inside && !name.startsWith(`${inside}/`) && !/\.db-(wal|shm)$/.test(name),
  );
  return Object.fromEntries(
    names
      .sort()
      .map((name) => [name, /secret\.txt$|a\.txt$/.test(name) ? readFileSync(join(dataDir, name), "utf8") : ""]),
  );
}

/** Uploads that were begun and not ended: the spool's, and the local driver's. */
function temporaryFiles({ dataDir }: RunningServer, box: string): string[] {
  const spooled = readdirSync(join(dataDir, "spool"));
  return [
    ...spooled,
    ...readdirSync(box, { recursive: true, encoding: "utf8" }).filter((name) => name.includes(".pandav-")),
  ];
}

/** Open descriptors once those of the last requests are closed: what each is, to how many. Empty where the system does not tell. */
export async function settledDescriptors(pid: number): Promise<Record<string, number>> {
  let least = descriptorsOf(pid);
  const until = Date.now() + 1_000;
  while (Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = descriptorsOf(pid);
    if (sum(now) < sum(least)) least = now;
  }
  return least;
}

/** By what they are open on, numbers left out: `socket`, `anon_inode:inotify`, the path of a file. */
export function descriptorsOf(pid: number): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const kind = readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:\[\d+\]$/, "");
      // The system's one queue of changed files, which the first directory in use opens.
      if (kind !== "anon_inode:inotify") kinds[kind] = (kinds[kind] ?? 0) + 1;
    } catch {
      // closed since it was listed
    }
  }
  return kinds;
}

function sum(kinds: Readonly<Record<string, number>>): number {
  return Object.values(kinds).reduce((all, n) => all + n, 0);
}
