/** GET and HEAD (RFC 9110 §9.3.1, §13, §14; webdav.md §5, §7.1). */
import { connect } from "node:net";
import { Readable } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Vfs } from "#server/vfs/api.ts";
import { FAKE_TIME, fakeVfs } from "./fake-vfs.ts";
import { AUTHORIZATION, startFront } from "./harness.ts";
import { realVfs } from "./real-vfs.ts";

const BIG = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
async function tree(): Promise<Vfs> {
  const vfs = await realVfs({
    "a.txt": "0123456789",
    empty: "",
    "big.mp4": BIG,
    "page.html": "<p>",
    dir: { "<b>&": "x" },
  });
  await vfs.setModifiedAt("/a.txt", FAKE_TIME, { signal: AbortSignal.timeout(5000) });
  return vfs;
}
/** For what the real one cannot be made to show. */
const fakeTree = () => fakeVfs({ "/a.txt": "0123456789", "/big.mp4": BIG });
const DATE = "Thu, 29 Feb 2024 12:34:56 GMT";

async function etagOf(vfs: Vfs, path: string): Promise<string> {
  return (await vfs.stat(path, { signal: AbortSignal.timeout(1000) })).etag!;
}

describe("GET", () => {
  it("sends a file with its headers", async () => {
    const vfs = await tree();
    const front = await startFront(vfs);
    const reply = await front.ask("GET", "/dav/a.txt");
    expect(reply).toMatchObject({ status: 200, text: "0123456789", whole: true });
    expect(reply.headers).toMatchObject({
      "content-length": "10",
      "content-type": "text/plain",
      etag: await etagOf(vfs, "/a.txt"),
      "last-modified": DATE,
      "accept-ranges": "bytes",
    });
    const big = await front.ask("GET", "/dav/big.mp4");
    expect(big.body.equals(BIG)).toBe(true);
    expect(big.headers["content-length"]).toBe("300000");
  });

  it.each([
    ["bytes=0-0", 206, "bytes 0-0/300000", 0, 1],
    ["bytes=100000-", 206, "bytes 100000-299999/300000", 100_000, 300_000],
    ["bytes=-7", 206, "bytes 299993-299999/300000", 299_993, 300_000],
    ["bytes=299990-999999", 206, "bytes 299990-299999/300000", 299_990, 300_000],
    ["bytes=0-1,5-6", 200, undefined, 0, 300_000],
    ["pages=1-2", 200, undefined, 0, 300_000],
    ["bytes=5-2", 200, undefined, 0, 300_000],
  ])("with Range %s is %i (RFC 9110 §14.2)", async (range, status, contentRange, start, end) => {
    const front = await startFront(await tree());
    const reply = await front.ask("GET", "/dav/big.mp4", { Range: range });
    expect(reply.status).toBe(status);
    expect(reply.headers["content-range"]).toBe(contentRange);
    expect(reply.headers["content-length"]).toBe(String(end - start));
    expect(reply.body.equals(BIG.subarray(start, end))).toBe(true);
  });

  it("with an unsatisfiable Range is 416 with the size (RFC 9110 §15.5.17), and reads nothing", async () => {
    const vfs = fakeTree();
    const front = await startFront(vfs);
    const reply = await front.ask("GET", "/dav/a.txt", { Range: "bytes=10-" });
    expect(reply.status).toBe(416);
    expect(reply.headers["content-range"]).toBe("bytes */10");
    expect(vfs.calls).not.toContain("open /a.txt");
  });

  it("of an empty file is empty, with a Range too", async () => {
    const front = await startFront(await tree());
    for (const headers of [{}, { Range: "bytes=0-" }]) {
      expect(await front.ask("GET", "/dav/empty", headers as Record<string, string>)).toMatchObject({
        status: 200,
        text: "",
        whole: true,
      });
    }
  });

  it("obeys Range only for the same If-Range, by etag or by date (RFC 9110 §13.1.5)", async () => {
    const vfs = await tree();
    const front = await startFront(vfs);
    const ask = async (ifRange: string) =>
      (await front.ask("GET", "/dav/a.txt", { Range: "bytes=1-2", "If-Range": ifRange })).status;
    expect(await ask(await etagOf(vfs, "/a.txt"))).toBe(206);
    expect(await ask(DATE)).toBe(206);
    expect(await ask('"other"')).toBe(200);
    expect(await ask("Thu, 29 Feb 2024 12:34:57 GMT")).toBe(200);
  });

  it("answers conditions without asking for content (architecture.md §7)", async () => {
    const vfs = fakeTree();
    const front = await startFront(vfs);
    const etag = await etagOf(vfs, "/a.txt");
    const known = await front.ask("GET", "/dav/a.txt", { "If-None-Match": etag });
    expect(known).toMatchObject({ status: 304, text: "" });
    expect(known.headers.etag).toBe(etag);
    expect((await front.ask("GET", "/dav/a.txt", { "If-Modified-Since": DATE })).status).toBe(304);
    expect((await front.ask("GET", "/dav/a.txt", { "If-Match": '"x"' })).status).toBe(412);
    expect(vfs.calls.filter((call) => /^(deliver|open)/.test(call))).toEqual([]);
    expect((await front.ask("GET", "/dav/a.txt", { "If-Match": etag, Range: "bytes=1-2" })).text).toBe("12");
  });

  it("says nothing of length and ranges where the size is about (architecture.md §7)", async () => {
    const vfs = fakeTree();
    vfs.aboutSizes = true;
    const front = await startFront(vfs);
    const reply = await front.ask("GET", "/dav/a.txt", { Range: "bytes=1-2" });
    expect(reply).toMatchObject({ status: 200, text: "0123456789", whole: true });
    expect(reply.headers["content-length"]).toBeUndefined();
    expect(reply.headers["accept-ranges"]).toBe("none");
  });

  it("redirects where the vfs says so, not to be remembered (webdav.md §7.1)", async () => {
    const vfs = fakeTree();
    vfs.redirectTo = "https://cdn.example/x?sign=1";
    const front = await startFront(vfs);
    const reply = await front.ask("GET", "/dav/big.mp4");
    expect(reply.status).toBe(302);
    expect(reply.headers).toMatchObject({ location: "https://cdn.example/x?sign=1", "cache-control": "no-store" });
    expect((await front.ask("HEAD", "/dav/big.mp4")).status).toBe(200);
  });

  it.each(["Lavf/59.27.100", "libmpv"])(
    "lets %s keep a redirect while it is good, for it cannot seek otherwise (webdav.md §7.1)",
    async (agent) => {
      const vfs = fakeTree();
      vfs.redirectTo = "https://cdn.example/x?sign=1";
      const front = await startFront(vfs);
      const reply = await front.ask("GET", "/dav/big.mp4", { "User-Agent": agent });
      expect([reply.status, reply.headers["cache-control"]]).toEqual([302, "max-age=300, private"]);
    },
  );

  it("sandboxes what a browser would run, for the panel lives in the same origin", async () => {
    const front = await startFront(await tree());
    expect((await front.ask("GET", "/dav/page.html")).headers["content-security-policy"]).toMatch(
      /^sandbox; default-src 'none';/,
    );
    expect((await front.ask("GET", "/dav/a.txt")).headers["x-content-type-options"]).toBe("nosniff");
  });

  it("of a directory is a page whose names are escaped and that may run nothing", async () => {
    const front = await startFront(await tree());
    const reply = await front.ask("GET", "/dav/dir/");
    expect(reply.status).toBe(200);
    expect(reply.headers["content-security-policy"]).toContain("default-src 'none'");
    expect(reply.text).toContain('<a href="/dav/dir/%3Cb%3E%26">&lt;b&gt;&amp;</a>');
  });

  it("is 404 for what is not there", async () => {
    const front = await startFront(await tree());
    expect((await front.ask("GET", "/dav/none.prop")).status).toBe(404);
  });
});

describe("HEAD", () => {
  it("has GET's headers and touches no content (webdav.md §5)", async () => {
    const vfs = fakeTree();
    const front = await startFront(vfs);
    const get = await front.ask("GET", "/dav/big.mp4");
    vfs.calls.length = 0;
    const head = await front.ask("HEAD", "/dav/big.mp4");
    expect(head).toMatchObject({ status: 200, text: "" });
    const { date: _g, ...expected } = get.headers;
    const { date: _h, ...headers } = head.headers;
    expect(headers).toEqual(expected);
    expect(vfs.calls).toEqual(["stat /big.mp4"]);
  });

  it("of a directory is 200, and of nothing 404", async () => {
    const front = await startFront(await tree());
    expect((await front.ask("HEAD", "/dav/dir")).status).toBe(200);
    expect((await front.ask("HEAD", "/dav/none")).status).toBe(404);
  });
});

describe("a body that breaks", () => {
  it.each(["error", "end"] as const)(
    "by %s after its headers cuts the connection, never ends it short",
    async (how) => {
      const vfs = fakeTree();
      vfs.breakRead = { after: 100_000, how };
      const front = await startFront(vfs);
      const reply = await front.ask("GET", "/dav/big.mp4");
      expect(reply.status).toBe(200);
      expect(reply.whole).toBe(false);
      expect(front.logged.join()).toContain("warn");
    },
  );

  it.each(["error", "end"] as const)("by %s in a small file is a status", async (how) => {
    const vfs = fakeTree();
    vfs.breakRead = { after: 3, how };
    const front = await startFront(vfs);
    expect((await front.ask("GET", "/dav/a.txt")).status).toBe(502);
  });

  it("is 504 and the like when it cannot be opened, never 404", async () => {
    const vfs = fakeTree();
    vfs.failing.set("open", new StorageError("timeout", "too slow"));
    const front = await startFront(vfs);
    expect((await front.ask("GET", "/dav/a.txt")).status).toBe(504);
  });
});

describe("a client that leaves", () => {
  it("ends the read behind it, for seeks must not pile up (webdav.md §5)", async () => {
    const vfs = fakeTree();
    const deliver = vfs.deliver;
    const destroyed = vi.fn();
    vfs.deliver = async (path, o) => {
      const delivery = await deliver(path, o);
      if (delivery.kind !== "proxy") return delivery;
      const read = async () => {
        // As much as anybody takes, for ever.
        const body = new Readable({ read: () => void body.push(Buffer.alloc(65536)) });
        body.once("close", destroyed);
        return body;
      };
      return { ...delivery, resource: { ...delivery.resource, size: 2 ** 40 }, read };
    };
    const front = await startFront(vfs);
    for (let i = 0; i < 5; i++) {
      const socket = connect(front.port, "127.0.0.1");
      socket.write(`GET /dav/big.mp4 HTTP/1.1\r\nHost: x\r\nAuthorization: ${AUTHORIZATION}\r\n\r\n`);
      await new Promise((resolve) => socket.once("data", resolve));
      socket.destroy();
    }
    await vi.waitFor(() => expect(destroyed).toHaveBeenCalledTimes(5), 3000);
  });
});
