/** How many requests what a person does costs at the service: counted by the service, printed as a table. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PanServer, startPanServer } from "#test/support/pan-server.ts";
import { type RunResult, runPandav } from "#test/support/pandav.ts";
import { pseudoRandom } from "#test/support/pseudo-random.ts";
import { countingBytes } from "./sources.ts";

/** Bytes. */
const FILM = 4 * 2 ** 20;
const FILES = 50;
const MANY = 500;
const RANGES = 100;

const local = mkdtempSync(join(tmpdir(), "pandav-calls-"));
let world: PanServer;

beforeAll(async () => {
  world = await startPanServer();
  const { files } = world.pan;
  for (let i = 0; i < 20; i++) files.put(`opened/f${i}`, `${i}`);
  for (const name of ["a", "b"]) files.put(`films/${name}.bin`, { size: FILM, first: 0 });
  for (const folder of ["stored-cli", "stored-dav"]) files.put(`${folder}/old`, "old");
  for (const folder of ["many1", "many2", "many3"]) {
    for (let i = 0; i < MANY; i++) files.put(`${folder}/f${i}.txt`, `${i}`);
  }
  for (let i = 0; i < 8; i++) files.put(`unseen${i}/a`, "a");
  await listed("/");
});

afterAll(async () => {
  rmSync(local, { recursive: true, force: true });
  await world?.[Symbol.asyncDispose]();
});

/** Lines of the table: what was done, and the requests that reached the service. */
const table: string[] = [];

afterAll(() => {
  process.stdout.write(
    `\nRequests at SJTU Pan, counted by the simulator\n${table.map((line) => `  ${line}\n`).join("")}\n`,
  );
});

/** The requests that `act` costs, by route; a line of the table. */
async function cost(what: string, act: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  world.pan.log.clear();
  await act();
  const counts = world.pan.log.counts();
  const routes = Object.entries(counts).map(([route, times]) => `${times} ${route}`);
  table.push(`${what.padEnd(58)} ${String(sum(counts)).padStart(4)}  ${routes.join(", ")}`);
  return counts;
}

/** Requests of the planes, the store's left out: bytes cost no budget. */
function sum(counts: Readonly<Record<string, number>>): number {
  return Object.entries(counts).reduce((all, [route, times]) => (route.startsWith("store.") ? all : all + times), 0);
}

async function dav(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: world.authorization, ...(init.headers as Record<string, string>) };
  return fetch(world.dav + path, { ...init, method, headers });
}

async function pandav(...args: string[]): Promise<RunResult> {
  const run = await runPandav([...args, "--data", world.server.dataDir]);
  expect([run.code, run.stderr]).toEqual([0, ""]);
  return run;
}

async function listed(path: string): Promise<number> {
  const response = await dav("PROPFIND", path, { headers: { depth: "1" } });
  expect(response.status).toBe(207);
  return (await response.text()).split("<D:response>").length - 1;
}

describe("requests at the service", () => {
  it("opening a directory that was listed before costs none (architecture.md §5)", async () => {
    const first = await cost("WebDAV: opening a directory of 20 files, first time", () => listed("/opened/"));
    expect(first).toEqual({ "api.list": 1 });
    const again = await cost("WebDAV: opening it again", async () => expect(await listed("/opened/")).toBe(21));
    expect(again).toEqual({});
    const cli = await cost("pandav ls: opening it again", async () => {
      expect((await pandav("ls", "/sjtu/opened")).stdout.trim().split("\n")).toHaveLength(20);
    });
    expect(cli).toEqual({});
  });

  it(`reading ${RANGES} random ranges of one file costs one call for its address (architecture.md §7)`, async () => {
    await listed("/films/");
    const random = pseudoRandom(7);
    const counts = await cost(`WebDAV: ${RANGES} random ranges of one file, 4 at a time`, () =>
      atOnce(4, RANGES, async () => {
        const offset = Math.floor(random() * (FILM - 1));
        const length = 1 + Math.floor(random() * Math.min(FILM - offset - 1, 100_000));
        const range = `bytes=${offset}-${offset + length - 1}`;
        const response = await dav("GET", "/films/a.bin", { headers: { range, "user-agent": "a player" } });
        expect(response.status).toBe(206);
        const body = Buffer.from(await response.arrayBuffer());
        expect(body.equals(countingBytes(length, offset))).toBe(true);
      }),
    );
    expect(counts).toEqual({ "api.download": 1, "store.get": RANGES });
  });

  it("an address that is copied costs one call for all its askings (architecture.md §7)", async () => {
    await listed("/films/");
    const addresses = new Set<string>();
    const counts = await cost("pandav url: five times", async () => {
      for (let i = 0; i < 5; i++) addresses.add((await pandav("url", "/sjtu/films/b.bin")).stdout.trim());
    });
    expect(counts).toEqual({ "api.download": 1 });
    expect(addresses.size).toBe(1);
  });

  it("a client that follows redirects is not sent to a host that only this server reaches (architecture.md §3, upstreams)", async () => {
    const init = { redirect: "manual", headers: { "user-agent": "VLC/3.0.20 LibVLC/3.0.20" } } as const;
    const response = await dav("GET", "/films/b.bin", init);
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  it(`storing ${FILES} files into one directory costs at most one listing (architecture.md §5)`, async () => {
    const names = Array.from({ length: FILES }, (_, i) => `new${i}`);
    for (const name of names) writeFileSync(join(local, name), `content of ${name}`);
    const cli = await cost(`pandav upload: ${FILES} files into one directory`, () =>
      pandav("upload", ...names.map((name) => join(local, name)), "/sjtu/stored-cli/"),
    );
    expect(cli["api.list"] ?? 0).toBeLessThanOrEqual(1);
    const puts = await cost(`WebDAV: PUT of ${FILES} files into one directory`, () =>
      atOnce(4, FILES, async (i) => {
        const response = await dav("PUT", `/stored-dav/${names[i]}`, { body: `content of ${names[i]}` });
        expect(response.status).toBe(201);
      }),
    );
    expect(puts["api.list"] ?? 0).toBeLessThanOrEqual(1);
    // Nor a question for the room that is left, for each.
    for (const counts of [cli, puts]) expect(counts["user.space"] ?? 0).toBeLessThanOrEqual(1);
    for (const folder of ["stored-cli", "stored-dav"]) {
      expect(world.pan.files.list(folder)).toHaveLength(FILES + 1);
      expect(String(world.pan.files.read(`${folder}/new7`))).toBe("content of new7");
    }
  });

  it(`removing ${MANY} files costs five calls or fewer: the service has a batch (sjtu-pan.md §3.7)`, async () => {
    const paths = Array.from({ length: MANY }, (_, i) => `/sjtu/many1/f${i}.txt`);
    const operands = await cost(`pandav rm: ${MANY} files by their names`, () => pandav("rm", ...paths));
    const folder = await cost(`pandav rm -r: a folder of ${MANY} files`, () => pandav("rm", "-r", "/sjtu/many2"));
    const folderByDav = await cost(`WebDAV: DELETE of a folder of ${MANY} files`, async () => {
      expect((await dav("DELETE", "/many3/")).status).toBe(204);
    });
    for (const counts of [operands, folder, folderByDav]) expect(sum(counts)).toBeLessThanOrEqual(5);
    expect(world.pan.files.list("many1")).toHaveLength(0);
    for (const gone of ["many2", "many3"]) expect(world.pan.files.exists(gone)).toBe(false);
  });

  it("eight requests at once with a token that is over renew it once (sjtu-pan.md §2.1)", async () => {
    world.pan.end("access-tokens");
    const counts = await cost("WebDAV: 8 unlisted directories at once, the token being over", () =>
      atOnce(8, 8, async (i) => expect(await listed(`/unseen${i}/`)).toBe(2)),
    );
    expect(counts["user.personal-space"]).toBe(1);
  });
});

/** `times` calls of `run`, so many of them at once. */
async function atOnce(workers: number, times: number, run: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < times) await run(next++);
  };
  await Promise.all(Array.from({ length: workers }, work));
}
