/** A fault at every driver call in turn, seen through the fronts: a failure is an error, never a 404, an empty answer or a shorter one (architecture.md §1). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ErrorKind, StorageError } from "#drivers/contract/errors.ts";
import { readMultistatus } from "#test/webdav/harness.ts";
import { type Chaos, createChaos } from "./chaos.ts";
import { faultAtEveryCall } from "./fault-at-every-call.ts";
import {
  type Answer,
  createOutage,
  type FrontsWorld,
  type Gate,
  openFronts,
  openGate,
  sortedByPath,
  type WorldOptions,
} from "./fronts-world.ts";

const SEED = {
  "first.txt": "first",
  docs: {
    "a.txt": "aaaa",
    "b.txt": "bbb",
    "c.txt": "cc",
    deep: { "x.bin": "x", "y.bin": "yy", "z.bin": "zzz" },
    empty: {},
  },
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

async function inWorld<T>(
  chaos: Pick<Chaos, "layer">,
  options: Partial<WorldOptions>,
  use: (world: FrontsWorld) => Promise<T>,
) {
  const world = await openFronts(gate, chaos, { seed: SEED, ...options });
  try {
    return await use(world);
  } finally {
    await world.close();
  }
}

describe("a fault at every driver call behind", () => {
  it.each(READS)(
    "%s is an error or the whole truth, and the truth once the storage works again",
    async (_name, ask) => {
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
    },
  );

  describe.each<readonly [string, Partial<WorldOptions>, Judge, RegExp]>([
    ["a storage that replaces in one step", {}, isBeforeOrAfter, /./],
    // Each look asks the storage, which then ends what was left half replaced.
    ["a storage that cannot replace", { traits: { replace: "emulated" }, freshness: -1 }, isBeforeOrAfter, / over /],
    ["a storage that cannot copy or move", { without: ["copy", "move"] }, hasLostNothing, /MOVE|COPY/],
  ])("%s:", (_storage, shape, judge, differsIn) => {
    it.each(WRITES.filter(([name]) => differsIn.test(name)))(
      "%s is done or fails, and what is shown is what is stored, all of it whole",
      async (_name, ask) => {
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
            expect(view).toEqual(truth);
            if (isHonestError(answer, error.kind)) return judge(truth, before, clean.truth);
            expect(shown(answer)).toEqual(shown(clean.answer));
            expect(truth).toEqual(clean.truth);
          },
          { error: () => fault("unavailable") },
        );
      },
    );
  });
});

type Held = Readonly<Record<string, string>>;
type Judge = (truth: Held, before: Held, after: Held) => void;

function isBeforeOrAfter(truth: Held, before: Held, after: Held): void {
  expect([before, after]).toContainEqual(truth);
}

/** For what takes several calls and has no journal: a copy may have come half way, but in whole files, and none is lost. */
function hasLostNothing(truth: Held, before: Held, after: Held): void {
  for (const [path, content] of Object.entries(truth)) expect([before[path], after[path]]).toContain(content);
  const kept = Object.values(before).filter((content) => Object.values(after).includes(content));
  expect(Object.values(truth)).toEqual(expect.arrayContaining(kept));
}

describe.each(Object.entries(KINDS) as [keyof typeof KINDS, number][])("a storage that is %s", (kind, status) => {
  const failsWell = ([name, answer]: Named, retryAfter?: number) => {
    expect([name, isHonestError(answer, kind, status) || shown(answer)]).toEqual([name, true]);
    if (status === 503 && answer.envelope === undefined)
      expect([name, Number(answer.retryAfter)]).toEqual([name, retryAfter]);
  };

  it(`is ${status} at every request, and all there when it works again`, async () => {
    const clean = await inWorld(createChaos(), {}, (world) => inTurn(world, READS));
    const outage = createOutage(fault(kind));
    await inWorld(outage, {}, async (world) => {
      for (const answer of await inTurn(world, [...READS, ...WRITES])) failsWell(answer, RETRY_AFTER[kind]);
      outage.end();
      expect((await inTurn(world, READS)).map(whatIsShown)).toEqual(clean.map(whatIsShown));
    });
  });

  it("is shown as it was last seen, and marked; what is not known or is content fails (architecture.md §4, Stale or error)", async () => {
    const outage = createOutage(fault(kind));
    outage.end();
    const listings = READS.filter(([name]) => /PROPFIND|list/.test(name));
    // Every listing is too old at once.
    await inWorld(outage, { freshness: -1 }, async (world) => {
      const before = await inTurn(world, listings);
      outage.begin();
      const during = await inTurn(world, listings);
      expect(during.map(whatIsShown)).toEqual(before.map(whatIsShown));
      for (const [name, { stale }] of during)
        if (/PROPFIND 1|list/.test(name)) expect([name, stale]).toEqual([name, expect.stringMatching(/^\d+$/)]);
      for (const answer of await inTurn(world, [
        ["a missing file", propfind("/dav/m/docs/missing.txt", "0")],
        ["a missing directory", propfind("/dav/m/missing/", "1")],
        ["a missing entry", api("get", { path: "/m/docs/missing.txt" })],
        ...READS.filter(([name]) => /^GET( of a range)?$|read/.test(name)),
        ...WRITES,
      ]))
        failsWell(answer, RETRY_AFTER[kind]);
    });
  });
});

describe("a listing of many pages", () => {
  const FILES = 5_000;
  const seed = { big: Object.fromEntries(Array.from({ length: FILES }, (_, i) => [`file ${i}.txt`, ""])) };
  const hrefs = (answer: Answer) => readMultistatus(answer.body).length;

  it("that breaks on page 2 is an error before the reply has begun, and nothing of it stays", async () => {
    const chaos = createChaos({ faults: [{ operation: "list", call: 2, page: 2, fails: fault("unavailable") }] });
    await inWorld(chaos, { seed, pageSize: 1000 }, async (world) => {
      const broken = await propfind("/dav/m/big/", "1")(world);
      expect([broken.status, isHonestError(broken, "unavailable")]).toEqual([503, true]);
      expect(hrefs(await propfind("/dav/m/big/", "1")(world))).toBe(FILES + 1);
    });
  });

  it("that breaks on page 2 when it is taken again shows the old one whole, and says how old it is", async () => {
    const chaos = createChaos({ faults: [{ operation: "list", call: 4, page: 2, fails: fault("unavailable") }] });
    await inWorld(chaos, { seed, pageSize: 1000, freshness: -1 }, async (world) => {
      const first = await propfind("/dav/m/big/", "1")(world);
      const second = await propfind("/dav/m/big/", "1")(world);
      expect([first.stale, second.stale]).toEqual([undefined, expect.stringMatching(/^\d+$/)]);
      expect([hrefs(first), hrefs(second)]).toEqual([FILES + 1, FILES + 1]);
      expect(chaos.struck()).toBe(1);
    });
  });

  it("whose storage is removed while the reply is on its way is whole, or the connection breaks (webdav.md §5)", async () => {
    const many = 30_000;
    const huge = { big: Object.fromEntries(Array.from({ length: many }, (_, i) => [`file ${i}.txt`, ""])) };
    await inWorld(createChaos(), { seed: huge, pageSize: 10_000 }, async (world) => {
      let removed: Promise<void> | undefined;
      const reply = await world.slowly("PROPFIND", "/dav/m/big/", { depth: "1" }, () => {
        removed ??= world.vfs.storages.remove(world.vfs.storages.list()[0]!.id);
        return removed;
      });
      expect(removed).toBeDefined();
      if (reply.whole) expect(readMultistatus(reply.body)).toHaveLength(many + 1);
      else expect(() => readMultistatus(reply.body)).toThrow();
      const gone = await propfind("/dav/m/big/", "1")(world);
      expect(gone.status).toBe(404);
    });
  });
});

describe("a read that ends early as if the file were that short", () => {
  it.each([
    ["a small file", 1_000, 502],
    ["a large one", 300_000, "cut"],
  ] as const)("is no success: %s (mount.ts, Mount.read)", async (_name, size, status) => {
    const chaos = createChaos({ faults: [{ operation: "read", cutsAfter: size - 1 }] });
    await inWorld(chaos, { seed: { "a.bin": "a".repeat(size) } }, async (world) => {
      expect((await world.ask("GET", "/dav/m/a.bin")).status).toBe(status);
      expect((await world.ask("GET", "/api/pandav/fs/read?path=%2Fm%2Fa.bin")).status).toBe(status);
    });
  });

  it("is no copy either, where its bytes pass through the server", async () => {
    const chaos = createChaos({ faults: [{ operation: "read", cutsAfter: 299_999 }] });
    await inWorld(chaos, { seed: { "a.bin": "a".repeat(300_000) }, without: ["copy", "move"] }, async (world) => {
      const before = world.truth();
      for (const method of ["COPY", "MOVE"]) {
        const copied = await world.ask(method, "/dav/m/a.bin", { headers: { destination: "/dav/m/b.bin" } });
        expect(copied.status).toBe(502);
      }
      expect(world.truth()).toEqual(before);
    });
  });
});

describe("a file of which the storage says that it has changed (mount.ts, Mount.read)", () => {
  const changed = new StorageError("precondition-failed", "another file by now");
  const get = async (world: FrontsWorld) => [
    await world.ask("GET", "/dav/m/first.txt"),
    await world.ask("GET", "/api/pandav/fs/read?path=%2Fm%2Ffirst.txt"),
  ];

  it("is looked at again and sent as it is (architecture.md §5)", async () => {
    const chaos = createChaos({ faults: [1, 3].map((call) => ({ operation: "read", call, fails: changed }) as const) });
    await inWorld(chaos, {}, async (world) => {
      for (const { status, body } of await get(world)) expect([status, body]).toEqual([200, "first"]);
      expect(chaos.struck()).toBe(2);
    });
  });

  it("is an error of the storage where that goes on, and no 412: nobody made a condition (RFC 9110 §15.5.13)", async () => {
    await inWorld(createChaos({ faults: [{ operation: "read", fails: changed }] }), {}, async (world) => {
      for (const { status } of await get(world)) expect(status).toBe(502);
    });
  });
});

type Named = readonly [string, Answer];

const RETRY_AFTER: Readonly<Record<keyof typeof KINDS, number | undefined>> = {
  unavailable: 30,
  timeout: 10,
  "rate-limited": 7,
  blocked: 300,
  unauthenticated: undefined,
  upstream: 30,
};

async function inTurn(world: FrontsWorld, requests: readonly (readonly [string, Ask])[]): Promise<Named[]> {
  const answers: Named[] = [];
  for (const [name, ask] of requests) answers.push([name, await ask(world)]);
  return answers;
}

function whatIsShown([name, answer]: Named) {
  return [name, shown(answer)];
}

/** True for what says that it failed, and of which kind: a cut connection, a 5xx of a gateway, or AList's envelope with code 500. */
function isHonestError({ status, envelope }: Answer, kind: ErrorKind, exactly?: number): boolean {
  if (status === "cut") return true;
  if (envelope !== undefined && status === 200)
    return envelope.code === 500 && envelope.kind === kind && envelope.data === null;
  return exactly === undefined ? [502, 503, 504, 507].includes(status) : status === exactly;
}

/** What an answer tells of the storage, without times and signatures. */
function shown({ status, body, envelope }: Answer): unknown {
  if (status === 207) {
    return readMultistatus(body).map(({ href, propstats }) => [
      href,
      propstats["HTTP/1.1 200 OK"]?.["{DAV:}getcontentlength"],
    ]);
  }
  if (envelope === undefined || status !== 200) return { status, body: status === 200 || status === 206 ? body : "" };
  const { data } = envelope;
  const rows = Array.isArray(data) ? data : (data?.content ?? (data ? [data] : []));
  return {
    code: envelope.code,
    total: data?.total,
    rows: rows.map((row: { name: string; size?: number }) => [row.name, row.size]),
  };
}

/** What the fronts show of the whole storage, once it is what the storage holds or two seconds have passed. */
async function settled(
  world: FrontsWorld,
): Promise<{ readonly view: unknown; readonly truth: Readonly<Record<string, string>> }> {
  const deadline = Date.now() + 2_000;
  for (;;) {
    const [view, truth] = [await walk(world), world.truth()];
    if (JSON.stringify(view) === JSON.stringify(truth) || Date.now() > deadline) return { view, truth };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Every file's content by path, as a client finds it that begins at the top. */
async function walk(world: FrontsWorld, directory = "/dav/m/"): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  const listing = await world.ask("PROPFIND", directory, { headers: { depth: "1" } });
  if (listing.status !== 207) return { [directory]: `PROPFIND: ${listing.status}` };
  for (const { href } of readMultistatus(listing.body).slice(1)) {
    const path = href.slice("/dav/m".length);
    if (href.endsWith("/")) Object.assign(found, { [path]: "" }, await walk(world, href));
    else {
      const { status, body } = await world.ask("GET", href);
      found[path] = status === 200 ? body : `GET: ${status}`;
    }
  }
  return sortedByPath(Object.entries(found));
}
