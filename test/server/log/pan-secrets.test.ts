/** The real server at its loudest, in front of SJTU Pan: nothing that it says, answers or stores holds a secret, whatever goes wrong. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Fault } from "#test/simulators/sjtu-pan/faults.ts";
import { createSjtuPan } from "#test/simulators/sjtu-pan/sjtu-pan.ts";
import { addCanary, expectNoCanary } from "#test/support/canaries.ts";
import { expectNoCanaryIn } from "#test/support/canary-folder.ts";
import { type PanServer, startPanServer } from "#test/support/pan-server.ts";
import { runPandav } from "#test/support/pandav.ts";

const MiB = 2 ** 20;

/** Secrets that the service does not know. */
const DEAD_COOKIE = "CaNaRy11deadc0de.c00c1e";
const DEAD_TOKEN = "CaNaRy22".repeat(16);

/** Faults of every request. */
const FAULTS: readonly Fault[] = [
  { kind: "reset", when: "after" },
  { kind: "error", status: 403, code: "NoPermission" },
  { kind: "html" },
];

/** Every reply is searched as it comes (canary-tap.ts), every run of the command line, and at the end the log and the data folder. */
it("says no cookie, token, signature or password in replies, log, command line and data folder (sjtu-pan.md §12.5, scenario 22)", async () => {
  addCanary("cookie", DEAD_COOKIE);
  addCanary("user token", DEAD_TOKEN);
  const simulator = createSjtuPan();
  simulator.files.put("a.txt", "text");
  simulator.files.put("large.bin", { size: 2 * MiB, first: 1 });
  for (const round of ["good", ...FAULTS.keys(), "renewed", "over"]) {
    for (const name of ["b.txt", "c.txt", "d.txt"]) simulator.files.put(`${round}/${name}`, "text");
  }
  await using world = await startPanServer({ simulator: { simulator }, server: { env: { PANDAV_LOG: "trace" } } });
  const { pan, server } = world;
  const run = (...args: string[]) => runPandav([...args, "--data", server.dataDir]);
  const signedIn = await ask(world, "POST", "/api/auth/login", { username: server.user, password: server.password });
  const { data } = (await signedIn.json()) as { data: { token: string } };
  const token = { authorization: data.token };

  expect(await everything(world, token, "good")).toEqual(new Set([200, 201, 204, 206, 207]));
  const routes = await readingRoutes(world, token);
  expect(routes.length).toBeGreaterThan(10);
  for (const path of routes) await (await ask(world, "GET", path, undefined, token)).text();
  const lines = [
    ["ls", "-lR"],
    ["stat", "--json", "a.txt"],
    ["storage", "list", "--json"],
    ["whoami", "--json"],
    ["url", "a.txt"],
  ];
  for (const line of lines) expect(await run(...line)).toMatchObject({ code: 0 });

  const statuses = new Set<number>();
  for (const [i, fault] of FAULTS.entries()) {
    pan.faults.add({ route: "", times: Number.POSITIVE_INFINITY, fault });
    for (const status of await everything(world, token, String(i), fault.kind === "error")) statuses.add(status);
    pan.faults.clear();
  }
  expect([...statuses]).toEqual(expect.arrayContaining([403, 503]));

  const session = mkdtempSync(join(tmpdir(), "pandav-session-"));
  writeFileSync(join(session, "session.json"), JSON.stringify({ ja_auth_cookie: DEAD_COOKIE, user_token: DEAD_TOKEN }));
  const logins = await Promise.all([
    run("auth", "--force", "--cookie", DEAD_COOKIE),
    run("auth", "--force", "--token", DEAD_TOKEN),
    run("auth", "--force", "--import", join(session, "session.json")),
    runPandav(["auth", "--force", "--stdin", "--data", server.dataDir], {
      stdin: `https://pan.sjtu.edu.cn/?user_token=${DEAD_TOKEN}\n`,
    }),
  ]);
  rmSync(session, { recursive: true });
  expect(logins.map(({ code }) => code)).toEqual([3, 3, 3, 3]);

  pan.end("access-tokens");
  pan.end("user-tokens");
  expect(await everything(world, token, "renewed")).toEqual(new Set([200, 201, 204, 206, 207]));
  pan.end("access-tokens");
  pan.end("user-tokens");
  pan.end("cookies");
  expect([...(await everything(world, token, "over"))].some((status) => status >= 500)).toBe(true);
  expect(await run("cat", "a.txt")).toMatchObject({ code: 3 });

  // While it runs, so that the write-ahead logs are there; the end of the world looks again.
  expectNoCanaryIn(server.dataDir);
  expectNoCanary("the log", server.stderr());
  expect(server.stderr().split("\n").length).toBeGreaterThan(100);

  expect(server.stderr()).toContain("NoPermission");
});

/** What clients do, side by side; the statuses of all answers. `name` is a folder that nobody has asked for yet. Uploads are tried for seconds where that has sense. */
async function everything(
  world: PanServer,
  token: Record<string, string>,
  name: string,
  uploads = true,
): Promise<Set<number>> {
  const dav = (method: string, path: string, headers: Record<string, string> = {}, body?: Buffer) =>
    fetch(`${world.dav}/${path}`, {
      method,
      redirect: "manual",
      headers: { authorization: world.authorization, ...headers },
      ...(body && { body }),
    });
  const api = (path: string, body: object) => ask(world, "POST", path, body, token);
  const replies = [
    await dav("PROPFIND", `${name}/`, { depth: "1" }),
    ...(await Promise.all([
      dav("PROPFIND", "", { depth: "1" }),
      dav("GET", "a.txt"),
      dav("GET", "a.txt", { range: "bytes=1-2" }),
      dav("GET", "large.bin", { "user-agent": "rclone/v1.60.1-DEV" }),
      ...(uploads ? [10, 5 * MiB] : []).map((size) => dav("PUT", `${name}-${size}.bin`, {}, Buffer.alloc(size, 1))),
      dav("MKCOL", `${name}-directory`),
      dav("MOVE", `${name}/b.txt`, { destination: `${world.dav}/${name}/e.txt` }),
      dav("COPY", `${name}/c.txt`, { destination: `${world.dav}/${name}/f.txt` }),
      dav("DELETE", `${name}/d.txt`),
      api("/api/fs/list", { path: `/sjtu/${name}`, refresh: true }),
      api("/api/fs/get", { path: "/sjtu/a.txt" }),
      ask(world, "GET", "/api/pandav/fs/link?path=/sjtu/a.txt", undefined, token),
    ])),
  ];
  await Promise.all(replies.map((reply) => reply.text()));
  return new Set(replies.map(({ status }) => status));
}

/** Paths of all that the API lets an administrator read, as its own description has them. */
async function readingRoutes(world: PanServer, token: Record<string, string>): Promise<string[]> {
  const reply = await ask(world, "GET", "/api/openapi.json", undefined, token);
  const { paths } = (await reply.json()) as { paths: Record<string, { get?: object }> };
  return Object.entries(paths).flatMap(([path, methods]) => (methods.get ? [path.replace(/\{\w+\}/g, "1")] : []));
}

function ask(
  { server }: PanServer,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(server.url + path, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
}
