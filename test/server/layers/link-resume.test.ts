import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { ByteRange, Entry, Link, Mount } from "#drivers/contract/mount.ts";
import { complete } from "#server/layers/complete.ts";
import { memoryJournal } from "#server/layers/journal.ts";
import { linkCache } from "#server/layers/link-cache.ts";
import { createBytes } from "#server/upstream/bytes.ts";
import { FakeClock } from "./fake-clock.ts";
import { withServer } from "./loopback.ts";
import { call, FILE, mountOf, TRAITS } from "./sample-mount.ts";

const BODY = "0123456789";
const file: Entry = { ...FILE, size: BODY.length };

/** How a request is answered: with what it asked for, cut after some bytes, under this ETag; or with this status. */
interface Answer {
  readonly cutAfter?: number;
  readonly etag?: string;
  readonly status?: number;
  readonly body?: string;
  /** Sends nothing until this resolves. */
  readonly waitFor?: Promise<unknown>;
}

interface World {
  readonly mount: Mount;
  readonly clock: FakeClock;
  /** `number of the link: range` of each request. */
  readonly requests: string[];
  /** Answers of the requests to come, in order; what follows is the whole answer. */
  readonly answers: Answer[];
  links: number;
  released: number;
  /** Connections that are being answered, now and at most. */
  open: number;
  mostOpen: number;
}

/** A mount of one file behind links, under the layers that read through them. */
async function linked<T>(use: (world: World) => Promise<T>, link: Partial<Link> = {}): Promise<T> {
  const clock = new FakeClock();
  const state = { requests: [] as string[], answers: [] as Answer[], links: 0, released: 0, open: 0, mostOpen: 0 };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    state.requests.push(`${request.url?.slice(1)}: ${request.headers.range ?? "all"}`);
    state.mostOpen = Math.max(state.mostOpen, ++state.open);
    response.once("close", () => {
      state.open -= 1;
    });
    const { cutAfter, etag = '"1"', status, body = BODY, waitFor } = state.answers.shift() ?? {};
    await waitFor;
    if (status) return void response.writeHead(status).end();
    const [, first = "0", last = `${body.length - 1}`] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    const part = body.slice(Number(first), Number(last) + 1);
    response.writeHead(request.headers.range ? 206 : 200, {
      "content-length": part.length,
      ...(etag && { etag }),
      ...(request.headers.range && { "content-range": `bytes ${first}-${last}/${body.length}` }),
    });
    if (cutAfter === undefined || cutAfter >= part.length) response.end(part);
    else response.write(part.slice(0, cutAfter), () => setImmediate(() => response.destroy()));
  };
  return withServer(
    (request, response) => void answer(request, response),
    async (origin) => {
      const bytes = createBytes({ upstreams: {}, onRequest() {} });
      const driver = mountOf({
        link: async () => ({
          url: `${origin}/${++state.links}`,
          boundTo: [],
          acceptsRanges: true,
          reusable: true,
          expiresAt: clock.now() + 3_600_000,
          explain: (status) => (status === 403 ? "expired" : status === 404 ? "changed" : undefined),
          release: async () => {
            state.released += 1;
          },
          ...link,
        }),
      });
      const options = { traits: TRAITS, clock, journal: memoryJournal(), random: (n: number) => new Uint8Array(n) };
      const mount = complete({ ...options, bytes: () => bytes })(linkCache(options)(driver));
      try {
        return await use(Object.assign(state, { mount, clock }));
      } finally {
        await mount.close?.();
        await bytes.destroy();
      }
    },
  );
}

const open = (world: World, range?: ByteRange) => world.mount.read!(file, range, call().o);
const text = async (world: World, range?: ByteRange) => String(await buffer(await open(world, range)));
const failure = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe("a file read through a kept link", () => {
  it("costs one call for a link, however many ranges are read", () =>
    linked(async (world) => {
      for (let i = 0; i < 5; i++) expect(await text(world, { offset: i, length: 2 })).toBe(BODY.slice(i, i + 2));
      expect(await text(world)).toBe(BODY);
      expect(world.links).toBe(1);
    }));

  it.each([403, 404, 410])("is read with a fresh one, once, where the kept one is refused with %i", (status) =>
    linked(async (world) => {
      await text(world);
      world.answers.push({ status });
      expect(await text(world)).toBe(BODY);
      expect(world.requests).toEqual(["1: all", "1: all", "2: all"]);
      world.answers.push({ status }, { status });
      expect(await failure(text(world))).toHaveProperty("kind");
      expect(world.requests).toHaveLength(5);
      expect(world.links).toBe(3);
    }),
  );

  it("is not read again by itself where the refused link was fresh: retry does that, with another link", () =>
    linked(async (world) => {
      world.answers.push({ status: 403 });
      expect(await failure(text(world))).toMatchObject({ kind: "upstream", retryable: true });
      expect([world.requests.length, world.released]).toEqual([1, 1]);
      expect(await text(world)).toBe(BODY);
      expect(world.links).toBe(2);
    }));

  it("keeps its link where the storage is only busy, and where nobody could satisfy the range", () =>
    linked(async (world) => {
      world.answers.push({ status: 429 });
      expect(await failure(text(world))).toMatchObject({ kind: "rate-limited" });
      expect(await failure(text(world, { offset: 99 }))).toMatchObject({ kind: "range-not-satisfiable" });
      expect(await text(world)).toBe(BODY);
      expect(world.links).toBe(1);
    }));
});

describe("a download that breaks off (architecture.md §7)", () => {
  it("goes on at its offset with a fresh link, in the whole file and in a range, and lets go of every link", () =>
    linked(async (world) => {
      world.answers.push({ cutAfter: 4 }, { cutAfter: 1 });
      const reading = text(world);
      // The second pause of one download, beside the ends of two links.
      await expect.poll(() => world.clock.sleeping).toBe(3);
      await world.clock.advance(250);
      expect(await reading).toBe(BODY);
      expect(world.requests).toEqual(["1: all", "2: bytes=4-9", "3: bytes=5-9"]);
      world.answers.push({ cutAfter: 2 });
      expect(await text(world, { offset: 3, length: 5 })).toBe("34567");
      expect(world.requests.slice(3)).toEqual(["3: bytes=3-7", "4: bytes=5-7"]);
      // The fourth is kept.
      await expect.poll(() => world.released).toBe(3);
    }));

  it.each([
    ["other content", { etag: '"2"' }],
    ["content that nothing tells from other", { etag: "" }],
    ["content with a weak ETag, which other bytes may have too", { etag: 'W/"1"' }],
    ["a file of another size", { body: `${BODY}x` }],
  ])("fails instead of going on with %s", (_what, after) =>
    linked(async (world) => {
      world.answers.push({ cutAfter: 4 }, after);
      expect(await failure(text(world))).toMatchObject({ kind: expect.stringMatching(/^(incomplete|precondition)/) });
      await expect.poll(() => world.open).toBe(0);
    }),
  );

  it("fails as it broke where nothing tells its content from another (RFC 9110 §8.8)", () =>
    linked(async (world) => {
      world.answers.push({ cutAfter: 4, etag: "" });
      expect(await failure(text(world))).toMatchObject({ kind: "incomplete" });
      expect(world.requests).toHaveLength(1);
    }));

  it("fails as it broke where the link takes no ranges", () =>
    linked(
      async (world) => {
        world.answers.push({ cutAfter: 4 });
        expect(await failure(text(world))).toMatchObject({ kind: "incomplete" });
        expect(world.requests).toHaveLength(1);
      },
      { acceptsRanges: false },
    ));

  it("before its first byte is left to retry", () =>
    linked(async (world) => {
      world.answers.push({ cutAfter: 0 });
      expect(await failure(text(world))).toMatchObject({ kind: "incomplete", retryable: true });
      expect(world.requests).toHaveLength(1);
    }));

  it("is tried to go on with five times, with growing pauses, and then fails", () =>
    linked(async (world) => {
      world.answers.push({ cutAfter: 1 }, ...Array(9).fill({ status: 500 }));
      const reading = failure(text(world));
      for (const [requests, pause] of [
        [2, 250],
        [3, 500],
        [4, 1000],
        [5, 2000],
      ] as const) {
        await expect.poll(() => world.requests.length).toBe(requests);
        // One sleeper more than the links' own, which wait for their end.
        await expect.poll(() => world.clock.sleeping).toBe(world.links + 1);
        await world.clock.advance(pause - 1);
        expect(world.requests).toHaveLength(requests);
        await world.clock.advance(1);
      }
      expect(await reading).toMatchObject({ kind: "incomplete" });
      expect([world.requests.length, world.open]).toEqual([6, 0]);
    }));

  it("stops going on at once when nobody reads any more", () =>
    linked(async (world) => {
      world.answers.push({ cutAfter: 4 }, { waitFor: new Promise(() => {}) });
      const { o, abort } = call();
      const stream = await world.mount.read!(file, undefined, o);
      const reading = failure(buffer(stream));
      await expect.poll(() => world.requests.length).toBe(2);
      abort(new Error("left"));
      expect(await reading).toMatchObject({ message: "left" });
      await expect.poll(() => world.open).toBe(0);
      const other = await open(world);
      other.destroy();
      expect(world.requests).toHaveLength(3);
    }));

  it("closes the new connection when its reader goes while it is being asked for", () =>
    linked(async (world) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      world.answers.push({ cutAfter: 4 }, { waitFor: promise });
      const stream = await open(world);
      stream.on("error", () => {}).resume();
      await expect.poll(() => world.requests.length).toBe(2);
      stream.destroy();
      await expect.poll(() => world.open).toBe(0);
      resolve();
    }));
});

describe("connections per file (115.md: two, and a closed one counts for a while)", () => {
  it("are as many as the link says: further reads wait for their turn", () =>
    linked(
      async (world) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        world.answers.push({ waitFor: promise }, { waitFor: promise });
        const reading = Promise.all([0, 1, 2, 3, 4].map((offset) => text(world, { offset, length: 1 })));
        await expect.poll(() => world.open).toBe(2);
        resolve();
        expect(await reading).toEqual([..."01234"]);
        expect([world.mostOpen, world.requests.length]).toEqual([2, 5]);
      },
      { maxConnections: 2 },
    ));

  it("count for the service's time after they were closed", () =>
    linked(
      async (world) => {
        await text(world);
        const reading = text(world, { offset: 9, length: 1 });
        await expect.poll(() => world.clock.sleeping).toBe(2);
        await world.clock.advance(999);
        expect(world.requests).toHaveLength(1);
        await world.clock.advance(1);
        expect(await reading).toBe("9");
      },
      { maxConnections: 1, slotReleaseMs: 1000 },
    ));

  it("are not waited for by a reader that leaves", () =>
    linked(
      async (world) => {
        const first = await open(world);
        const { o, abort } = call();
        const waiting = failure(world.mount.read!(file, { offset: 1, length: 1 }, o));
        await new Promise(setImmediate);
        abort(new Error("left"));
        expect(await waiting).toMatchObject({ message: "left" });
        first.destroy();
        expect(await text(world, { offset: 2, length: 1 })).toBe("2");
        expect(world.requests).toHaveLength(2);
      },
      { maxConnections: 1 },
    ));

  it("a download that goes on takes its own place again", () =>
    linked(
      async (world) => {
        world.answers.push({ cutAfter: 4 });
        expect(await text(world)).toBe(BODY);
        expect(world.mostOpen).toBe(1);
      },
      { maxConnections: 1 },
    ));
});
