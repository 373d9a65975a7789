/** A fault at every driver call in turn, seen through the fronts: a failure is an error, never a 404, an empty answer or a shorter one (architecture.md §1). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ErrorKind, StorageError } from "#drivers/contract/errors.ts";
import type { MemoryDriverOptions } from "#drivers/memory/index.ts";
import { readMultistatus } from "#test/webdav/harness.ts";
import { type Chaos, createChaos } from "./chaos.ts";
import { faultAtEveryCall } from "./fault-at-every-call.ts";
import { type Answer, type FrontsWorld, type Gate, openFronts, openGate, type WorldOptions } from "./fronts-world.ts";

const SEED = {
  "first.txt": "first",
  docs: { "a.txt": "aaaa", "b.txt": "bbb", "c.txt": "cc", deep: { "x.bin": "x", "y.bin": "yy", "z.bin": "zzz" }, empty: {} },
  taken: { "old.txt": "old" },
};

type Ask = (world: FrontsWorld) => Promise<Answer>;

const propfind =
  (path: string, depth: string): Ask =>
  (world) =>
    world.ask("PROPFIND", path, { headers: { depth } });
const dav =
  (method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = ""): Ask =>
  (world) =>
    world.ask(method, path, { headers, body });
const api =
  (route: string, input: Readonly<Record<string, unknown>>): Ask =>
  (world) =>
    world.api(`/api/fs/${route}`, input);

const READS: readonly (readonly [string, Ask])[] = [
  ["PROPFIND 0 of the storage", propfind("/dav/m/", "0")],
  ["PROPFIND 1 of the storage", propfind("/dav/m/", "1")],
  ["PROPFIND 1 of a directory", propfind("/dav/m/docs/", "1")],
  ["PROPFIND 1 of a deep directory", propfind("/dav/m/docs/deep", "1")],
  ["PROPFIND 1 of an empty directory", propfind("/dav/m/docs/empty/", "1")],
  ["PROPFIND 0 of a file", propfind("/dav/m/docs/c.txt", "0")],
  ["GET", dav("GET", "/dav/m/docs/a.txt")],
  ["GET of a range", dav("GET", "/dav/m/docs/deep/z.bin", { range: "bytes=1-" })],
  ["GET of a directory", dav("GET", "/dav/m/docs/deep/")],
  ["HEAD", dav("HEAD", "/dav/m/docs/b.txt")],
  ["/api/fs/list of the storage", api("list", { path: "/m" })],
  ["/api/fs/list of a directory", api("list", { path: "/m/docs/deep" })],
  ["/api/fs/list of a page", api("list", { path: "/m/docs", page: 2, per_page: 2 })],
  ["/api/fs/get of a directory", api("get", { path: "/m/docs" })],
  ["/api/fs/get of a file", api("get", { path: "/m/docs/a.txt" })],
  ["/api/fs/dirs", api("dirs", { path: "/m/docs" })],
  ["/api/pandav/fs/read", (world) => world.ask("GET", "/api/pandav/fs/read?path=%2Fm%2Fdocs%2Fdeep%2Fy.bin")],
];

const to = (path: string, overwrite = "T") => ({ destination: `/dav/m/${path}`, overwrite });

const WRITES: readonly (readonly [string, Ask])[] = [
  ["PUT of a new file", dav("PUT", "/dav/m/docs/new.txt", {}, "new")],
  ["PUT over a file", dav("PUT", "/dav/m/docs/b.txt", {}, "other content")],
  ["MKCOL", dav("MKCOL", "/dav/m/docs/made")],
  ["DELETE of a file", dav("DELETE", "/dav/m/docs/c.txt")],
  ["DELETE of a directory", dav("DELETE", "/dav/m/docs/")],
  ["MOVE of a file", dav("MOVE", "/dav/m/docs/c.txt", to("taken/c.txt"))],
  ["MOVE over a file", dav("MOVE", "/dav/m/docs/c.txt", to("taken/old.txt"))],
  ["MOVE of a directory", dav("MOVE", "/dav/m/docs/deep", to("taken/deep"))],
  ["COPY of a file", dav("COPY", "/dav/m/docs/a.txt", to("taken/a.txt"))],
  ["COPY over a file", dav("COPY", "/dav/m/docs/a.txt", to("taken/old.txt"))],
  ["COPY of a directory", dav("COPY", "/dav/m/docs/deep", to("taken/deep"))],
  ["/api/fs/mkdir", api("mkdir", { path: "/m/docs/made" })],
  ["/api/fs/rename", api("rename", { path: "/m/docs/deep", name: "renamed" })],
  ["/api/fs/remove", api("remove", { dir: "/m/docs", names: ["a.txt"] })],
];

/** What a kind is over WebDAV (architecture.md §4: an upstream's login is never the visitor's, and a visitor may come again when he is told). */
const KINDS = {
  unavailable: 503,
  timeout: 504,
  "rate-limited": 503,
  blocked: 503,
  unauthenticated: 502,
  upstream: 502,
} as const satisfies Partial<Record<ErrorKind, number>>;

const fault = (kind: keyof typeof KINDS) =>
  new StorageError(kind, `a fault of the kind ${kind}`, kind === "rate-limited" ? { retryAfterMs: 7_000 } : {});

let gate: Gate;
beforeAll(async () => {
  gate = await openGate();
});
afterAll(() => gate.close());

async function inWorld<T>(chaos: Chaos, options: Partial<WorldOptions>, use: (world: FrontsWorld) => Promise<T>) {
  const world = await openFronts(gate, chaos, { seed: SEED, ...options });
  try {
    return await use(world);
  } finally {
    await world.close();
  }
}

describe("a fault at every driver call behind", () => {
  it.each(READS)("%s is an error or the whole truth, and the truth once the storage works again", async (_name, ask) => {
    const scenario = (chaos: Chaos) =>
      inWorld(chaos, {}, async (world) => {
        const faulty = await ask(world);
        chaos.heal();
        return { faulty, healed: await ask(world) };
      });
    await faultAtEveryCall(
      scenario,
      ({ outcome, clean, error }) => {
        if ("thrown" in outcome) throw outcome.thrown;
        const { faulty, healed } = outcome.value;
        if (!isHonestError(faulty, error.kind)) expect(shown(faulty)).toEqual(shown(clean.faulty));
        expect(shown(healed)).toEqual(shown(clean.healed));
      },
      { error: () => fault("unavailable") },
    );
  });

  describe.each<readonly [string, Pick<MemoryDriverOptions, "traits" | "without">]>([
    ["a storage that replaces in one step", {}],
    ["a storage that cannot replace", { traits: { replace: "emulated" } }],
    ["a storage that cannot copy or move", { without: ["copy", "move"] }],
  ])("%s:", (_storage, shape) => {
    it.each(WRITES)("%s is done or fails, and what is shown and stored is whole, as before or as after", async (_name, ask) => {
      const scenario = (chaos: Chaos) =>
        inWorld(chaos, shape, async (world) => {
          const before = world.truth();
          const answer = await ask(world);
          chaos.heal();
          return { before, answer, ...(await settled(world)) };
        });
      await faultAtEveryCall(
        scenario,
        ({ outcome, clean, error }) => {
          if ("thrown" in outcome) throw outcome.thrown;
          const { before, answer, view, truth } = outcome.value;
          const failed = isHonestError(answer, error.kind);
          if (!failed) expect(shown(answer)).toEqual(shown(clean.answer));
          expect(failed ? [before, clean.truth] : [clean.truth]).toContainEqual(truth);
          expect(view).toEqual(truth);
        },
        { error: () => fault("unavailable") },
      );
    });
  });
});

describe.each(Object.entries(KINDS) as [keyof typeof KINDS, number][])("a storage that is %s", (kind, status) => {
  const down = (chaos = createChaos({ faults: FAULTY_EVERYWHERE(kind) })) => chaos;

  it(`is ${status} at every request, and all there when it works again`, async () => {
    const clean = await inWorld(createChaos(), {}, (world) => inTurn(world, READS));
    const chaos = down();
    await inWorld(chaos, {}, async (world) => {
      for (const [name, answer] of await inTurn(world, [...READS, ...WRITES])) {
        expect([name, isHonestError(answer, kind, status)]).toEqual([name, true]);
        if (status === 503) expect([name, Number(answer.retryAfter)]).toEqual([name, kind === "rate-limited" ? 7 : expect.any(Number)]);
      }
      chaos.heal();
      const healed = await inTurn(world, READS);
      expect(healed.map(([name, answer]) => [name, shown(answer)])).toEqual(
        clean.map(([name, answer]) => [name, shown(answer)]),
      );
    });
  });

  it("is shown as it was last seen, and marked, where it was seen before (architecture.md §4, Stale or error)", async () => {
    const chaos = createChaos();
    const listings = READS.filter(([name]) => /PROPFIND 1|list/.test(name));
    const known = await inWorld(chaos, { freshness: 0 }, async (world) => {
      const before = await inTurn(world, listings);
      const broken = createChaos({ faults: FAULTY_EVERYWHERE(kind) });
      return { before, broken, world };
    });
    expect(known.before).toHaveLength(listings.length);
  });
});
