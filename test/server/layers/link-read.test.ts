import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { ByteRange, Entry, Link, Mount } from "#drivers/contract/mount.ts";
import { complete } from "#server/layers/complete.ts";
import { memoryJournal } from "#server/layers/journal.ts";
import { createBytes } from "#server/upstream/bytes.ts";
import { FakeClock } from "./fake-clock.ts";
import { withServer } from "./loopback.ts";
import { call, FILE, mountOf, TRAITS } from "./sample-mount.ts";

const BODY = "0123456789";
const file: Entry = { ...FILE, size: BODY.length };

interface Setup {
  answer(request: IncomingMessage, response: ServerResponse): void;
  link?: Partial<Link>;
}

/** Runs `use` with a mount whose link leads to a loopback server. */
async function linked<T>({ answer, link = {} }: Setup, use: (mount: Mount, seen: Seen) => Promise<T>): Promise<T> {
  const seen: Seen = { requests: [], released: 0 };
  return withServer(
    (request, response) => {
      seen.requests.push(request);
      answer(request, response);
    },
    async (origin) => {
      const bytes = createBytes({ upstreams: {}, onRequest() {} });
      const mount = complete({
        traits: TRAITS,
        clock: new FakeClock(),
        journal: memoryJournal(),
        random: (n) => new Uint8Array(n),
        bytes: () => bytes,
      })(
        mountOf({
          link: async () => ({
            url: `${origin}/file?sign=1`,
            boundTo: [],
            acceptsRanges: true,
            reusable: true,
            release: async () => {
              seen.released += 1;
            },
            ...link,
          }),
        }),
      );
      try {
        return await use(mount, seen);
      } finally {
        await bytes.destroy();
      }
    },
  );
}

interface Seen {
  readonly requests: IncomingMessage[];
  released: number;
}

/** A server that knows ranges (RFC 9110 §14). */
function ranged(request: IncomingMessage, response: ServerResponse): void {
  const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  if (!match) return void response.writeHead(200, { "content-length": BODY.length }).end(BODY);
  const first = Number(match[1]);
  const last = match[2] ? Number(match[2]) : BODY.length - 1;
  const part = BODY.slice(first, last + 1);
  response.writeHead(206, { "content-range": `bytes ${first}-${last}/${BODY.length}`, "content-length": part.length });
  response.end(part);
}

const text = async (mount: Mount, range?: ByteRange, entry = file) =>
  String(await buffer(await mount.read!(entry, range, call().o)));

describe("read derived from link", () => {
  it("frees the connection when the caller aborts in the middle", async () => {
    let closed = false;
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { "content-length": BODY.length }).write("01");
      request.socket.once("close", () => {
        closed = true;
      });
    };
    await linked({ answer }, async (mount, seen) => {
      const { o, abort } = call();
      const stream = await mount.read!(file, undefined, o);
      const reading = buffer(stream).catch((error: unknown) => error);
      const reason = new Error("left");
      abort(reason);
      expect(await reading).toBe(reason);
      await expect.poll(() => closed).toBe(true);
      expect(seen.released).toBe(1);
    });
  });

  it("frees the connection when the reader goes early, without a failure", async () => {
    let closed = false;
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { "content-length": BODY.length }).write("01");
      request.socket.once("close", () => {
        closed = true;
      });
    };
    await linked({ answer }, async (mount) => {
      for await (const _ of await mount.read!(file, undefined, call().o)) break;
      await expect.poll(() => closed).toBe(true);
    });
  });

  const RANGES: [string, ByteRange | undefined, string, string | undefined][] = [
    ["the whole file, without a Range", undefined, BODY, undefined],
    ["a middle part", { offset: 2, length: 3 }, "234", "bytes=2-4"],
    ["to the end", { offset: 7 }, "789", "bytes=7-9"],
    ["a range that ends past the file, cut to it", { offset: 8, length: 100 }, "89", "bytes=8-9"],
    ["one byte", { offset: 0, length: 1 }, "0", "bytes=0-0"],
  ];
  it.each(RANGES)("fetches %s (RFC 9110 §14.1.2)", async (_what, range, expected, header) => {
    await linked(
      { answer: ranged, link: { headers: { Cookie: "c=1", "User-Agent": "player" } } },
      async (mount, seen) => {
        expect(await text(mount, range)).toBe(expected);
        const headers = seen.requests[0]?.headers;
        expect(headers).toMatchObject({ cookie: "c=1", "user-agent": "player", "accept-encoding": "identity" });
        expect(headers?.range).toBe(header);
        await expect.poll(() => seen.released).toBe(1);
      },
    );
  });

  it("cuts the part out of the whole where the link takes no ranges", async () => {
    const answer = (_request: IncomingMessage, response: ServerResponse) => response.end(BODY);
    await linked({ answer, link: { acceptsRanges: false } }, async (mount, seen) => {
      expect(await text(mount, { offset: 2, length: 3 })).toBe("234");
      expect(seen.requests[0]?.headers.range).toBeUndefined();
    });
  });

  it("closes the connection after its part instead of reading the rest of the whole", async () => {
    let closed = false;
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      request.socket.once("close", () => {
        closed = true;
      });
      response.writeHead(200, { "content-length": BODY.length }).write(BODY.slice(0, 6));
    };
    await linked({ answer, link: { acceptsRanges: false } }, async (mount) => {
      expect(await text(mount, { offset: 2, length: 3 })).toBe("234");
      await expect.poll(() => closed).toBe(true);
    });
  });

  it("makes no request for a range that begins past the file", async () => {
    await linked({ answer: ranged }, async (mount, seen) => {
      const empty = { ...file, size: 0 };
      for (const [offset, entry] of [
        [11, file],
        [10, file],
        [0, empty],
      ] as const) {
        await expect(text(mount, { offset }, entry)).rejects.toMatchObject({ kind: "range-not-satisfiable" });
      }
      expect(seen.requests).toHaveLength(0);
      expect(seen.released).toBe(3);
    });
  });

  it("fails with `incomplete` when the body is shorter than the file, by length or by a broken connection", async () => {
    const short = (_request: IncomingMessage, response: ServerResponse) => {
      response.write(BODY.slice(0, 4));
      response.end();
    };
    await linked({ answer: short }, async (mount) => {
      await expect(text(mount)).rejects.toMatchObject({ kind: "incomplete" });
    });
    const broken = (request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { "content-length": BODY.length });
      response.write(BODY.slice(0, 4), () => request.socket.destroy());
    };
    await linked({ answer: broken }, async (mount) => {
      await expect(text(mount)).rejects.toMatchObject({ kind: "incomplete" });
    });
  });

  it("fails before the first byte when the upstream's size is not the entry's (architecture.md §7)", async () => {
    await linked({ answer: ranged }, async (mount) => {
      const listed = { ...file, size: 12 };
      await expect(text(mount, undefined, listed)).rejects.toMatchObject({ kind: "precondition-failed" });
      await expect(text(mount, { offset: 1, length: 2 }, listed)).rejects.toMatchObject({
        kind: "precondition-failed",
      });
    });
  });

  it("refuses a part that is another one than was asked for", async () => {
    const answer = (_request: IncomingMessage, response: ServerResponse) =>
      response.writeHead(206, { "content-range": `bytes 0-2/${BODY.length}` }).end("012");
    await linked({ answer }, async (mount) => {
      await expect(text(mount, { offset: 4, length: 3 })).rejects.toMatchObject({ kind: "upstream" });
    });
  });

  const EXPLAINED = [
    ["expired", "upstream", true],
    ["busy", "unavailable", true],
    ["refused", "permission-denied", false],
    ["changed", "precondition-failed", false],
  ] as const;
  it.each(EXPLAINED)("maps a refusal through `explain`: %s is %s", async (meaning, kind, retryable) => {
    const heads: string[] = [];
    const explain: Link["explain"] = (status, headers, head) => {
      heads.push(`${status} ${headers["x-why"]} ${Buffer.from(head)}`);
      return meaning;
    };
    const answer = (_request: IncomingMessage, response: ServerResponse) =>
      response.writeHead(403, { "x-why": "because" }).end("pmt");
    await linked({ answer, link: { explain } }, async (mount, seen) => {
      await expect(text(mount)).rejects.toMatchObject({ kind, retryable });
      expect(heads).toEqual(["403 because pmt"]);
      expect(seen.released).toBe(1);
    });
  });

  it("never takes a download's 404 for a missing file (architecture.md §4)", async () => {
    const answer = (_request: IncomingMessage, response: ServerResponse) => response.writeHead(404).end();
    await linked({ answer }, async (mount) => {
      await expect(text(mount)).rejects.toMatchObject({ kind: "upstream", upstream: { status: 404 } });
    });
  });

  it("follows a redirect, and tells no other origin the link's cookie", async () => {
    const seen: (string | undefined)[] = [];
    await withServer(
      (request, response) => {
        seen.push(request.headers.cookie, request.headers["user-agent"]);
        ranged(request, response);
      },
      async (other) => {
        const answer = (_request: IncomingMessage, response: ServerResponse) =>
          response.writeHead(302, { location: `${other}/real` }).end();
        await linked({ answer, link: { headers: { cookie: "c=1", "user-agent": "player" } } }, async (mount) => {
          expect(await text(mount, { offset: 5, length: 2 })).toBe("56");
        });
      },
    );
    expect(seen).toEqual([undefined, "player"]);
  });

  it("says `unavailable` and not more when nobody listens", async () => {
    await linked({ answer: ranged, link: { url: "http://127.0.0.1:1/?token=canary" } }, async (mount) => {
      const error = await text(mount).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ kind: "unavailable", retryable: true });
      expect((error as Error).message).not.toContain("canary");
    });
  });
});
