/** PROPFIND: what is in the answers, and what happens when a listing cannot be completed (RFC 4918 §9.1, webdav.md §5, §6). */
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { gunzipSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import { type ErrorKind, StorageError } from "#drivers/contract/errors.ts";
import type { Resource } from "#server/vfs/resource.ts";
import { FAKE_TIME, fakeVfs } from "./fake-vfs.ts";
import { AUTHORIZATION, chunked, MISSING, OK, readMultistatus, startFront } from "./harness.ts";
import { realVfs } from "./real-vfs.ts";

const tree = () => fakeVfs({ "/dir": "directory", "/dir/sub": "directory", "/dir/a.txt": "hello" });
const propfind = (inner: string, declarations = "") =>
  `<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:" ${declarations}>${inner}</d:propfind>`;

describe("a PROPFIND", () => {
  it("of Depth 1 begins with the directory and lists its children, allprop for an empty body (RFC 4918 §9.1)", async () => {
    const front = await startFront(tree());
    const reply = await front.ask("PROPFIND", "/dav/dir", { Depth: "1" });
    expect(reply.status).toBe(207);
    expect(reply.headers["content-type"]).toBe("application/xml; charset=utf-8");
    const responses = readMultistatus(reply.text);
    expect(responses.map(({ href }) => href)).toEqual(["/dav/dir/", "/dav/dir/sub/", "/dav/dir/a.txt"]);
    expect(Object.keys(responses[2]!.propstats)).toEqual([OK]);
    expect(responses[2]!.propstats[OK]).toEqual({
      "{DAV:}resourcetype": "",
      "{DAV:}displayname": "a.txt",
      "{DAV:}getcontentlength": "5",
      "{DAV:}getcontenttype": "text/plain",
      "{DAV:}getlastmodified": "Thu, 29 Feb 2024 12:34:56 GMT",
      "{DAV:}creationdate": "2024-02-29T12:34:56Z",
      "{DAV:}getetag": '"aaf4c61ddcc5"',
    });
    expect(responses[1]!.propstats[OK]).toEqual({
      "{DAV:}resourcetype": "<collection>",
      "{DAV:}displayname": "sub",
      "{DAV:}getlastmodified": "Thu, 29 Feb 2024 12:34:56 GMT",
      "{DAV:}creationdate": "2024-02-29T12:34:56Z",
    });
  });

  it("of Depth 0 shows one resource, a directory's quota in allprop (webdav.md §5.1)", async () => {
    const vfs = tree();
    vfs.usageAnswer = { used: 30, total: 100 };
    const front = await startFront(vfs);
    const [only, ...more] = readMultistatus((await front.ask("PROPFIND", "/dav/dir/", { Depth: "0" })).text);
    expect(more).toEqual([]);
    expect(only!.propstats[OK]).toMatchObject({
      "{DAV:}quota-available-bytes": "70",
      "{DAV:}quota-used-bytes": "30",
    });
  });

  it("leaves unknown quota to a 404 propstat and never shows 0 or -1 for it (webdav.md §5.1)", async () => {
    const vfs = tree();
    const front = await startFront(vfs);
    const body = propfind("<d:prop><d:quota-available-bytes/><d:quota-used-bytes/><d:displayname/></d:prop>");
    for (const answer of [undefined, {}, { used: 5 }]) {
      vfs.usageAnswer = answer;
      const [only] = readMultistatus((await front.ask("PROPFIND", "/dav/dir", { Depth: "0" }, body)).text);
      expect(only!.propstats[MISSING]).toHaveProperty("{DAV:}quota-available-bytes", "");
    }
    vfs.failing.set("usage", new StorageError("unavailable", "down"));
    const reply = await front.ask("PROPFIND", "/dav/dir", { Depth: "0" }, body);
    expect(reply.status).toBe(207);
    expect(readMultistatus(reply.text)[0]!.propstats[OK]).toEqual({ "{DAV:}displayname": "dir" });
  });

  it("answers named properties, unknown ones in a 404 propstat with their own namespaces (RFC 4918 §9.1.2)", async () => {
    const front = await startFront(tree());
    const body = propfind(
      `<d:prop><d:getcontentlength/><d:nonsense/><oc:checksums/><oc:fileid/><x:thing/><x:物/><bare xmlns=""/></d:prop>`,
      'xmlns:oc="http://owncloud.org/ns" xmlns:x="urn:a&amp;bé"',
    );
    const [only] = readMultistatus((await front.ask("PROPFIND", "/dav/dir/a.txt", { Depth: "0" }, body)).text);
    expect(only!.propstats).toEqual({
      [OK]: {
        "{DAV:}getcontentlength": "5",
        "{http://owncloud.org/ns}checksums": "<checksum>SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
        "{http://owncloud.org/ns}fileid": "1",
      },
      [MISSING]: { "{DAV:}nonsense": "", "{urn:a&bé}thing": "", "{urn:a&bé}物": "", "{}bare": "" },
    });
  });

  it("writes no empty propstat", async () => {
    const front = await startFront(tree());
    const body = propfind("<d:prop><d:nonsense/></d:prop>");
    const [only] = readMultistatus((await front.ask("PROPFIND", "/dav/dir", { Depth: "0" }, body)).text);
    expect(Object.keys(only!.propstats)).toEqual([MISSING]);
  });

  it("answers propname with names alone (RFC 4918 §9.1.3)", async () => {
    const front = await startFront(tree());
    const [only] = readMultistatus(
      (await front.ask("PROPFIND", "/dav/dir/a.txt", { Depth: "0" }, propfind("<d:propname/>"))).text,
    );
    expect(only!.propstats[OK]).toHaveProperty("{DAV:}getetag", "");
    expect(Object.values(only!.propstats[OK]!).every((value) => value === "")).toBe(true);
  });

  it("adds what include names to allprop (RFC 4918 §9.1.5)", async () => {
    const front = await startFront(tree());
    const body = propfind("<d:allprop/><d:include><d:iscollection/></d:include>");
    const [only] = readMultistatus((await front.ask("PROPFIND", "/dav/dir", { Depth: "0" }, body)).text);
    expect(only!.propstats[OK]).toMatchObject({ "{DAV:}iscollection": "1", "{DAV:}displayname": "dir" });
  });

  it("leaves lengths, dates and etags out rather than empty", async () => {
    const vfs = tree();
    const { stat } = vfs;
    vfs.stat = async (...of) => ({ ...(await stat(...of)), size: undefined, modifiedAt: undefined, etag: undefined });
    const front = await startFront(vfs);
    const [only] = readMultistatus((await front.ask("PROPFIND", "/dav/dir/a.txt", { Depth: "0" })).text);
    expect(Object.keys(only!.propstats[OK]!)).toEqual([
      "{DAV:}resourcetype",
      "{DAV:}displayname",
      "{DAV:}getcontenttype",
    ]);
  });

  it("of Depth infinity is refused with propfind-finite-depth (RFC 4918 §9.1); without Depth it counts as 1", async () => {
    const front = await startFront(tree());
    const refused = await front.ask("PROPFIND", "/dav/dir", { Depth: "infinity" });
    expect(refused.status).toBe(403);
    expect(refused.text).toContain("<D:propfind-finite-depth/>");
    expect(readMultistatus((await front.ask("PROPFIND", "/dav/dir")).text)).toHaveLength(3);
    expect((await front.ask("PROPFIND", "/dav/dir", { Depth: "2" })).status).toBe(400);
  });

  it("of a file with Depth 1 shows the file, as older rclones ask", async () => {
    const front = await startFront(tree());
    const responses = readMultistatus((await front.ask("PROPFIND", "/dav/dir/a.txt", { Depth: "1" })).text);
    expect(responses.map(({ href }) => href)).toEqual(["/dav/dir/a.txt"]);
  });

  it("answers the prefix with and without slash, without a redirect (webdav.md §5)", async () => {
    const front = await startFront(tree());
    for (const target of ["/dav", "/dav/", "/dav?x"]) {
      const reply = await front.ask("PROPFIND", target, { Depth: "1" });
      expect(readMultistatus(reply.text).map(({ href }) => href)).toEqual(["/dav/", "/dav/dir/"]);
    }
  });

  it("says 404 for what is not there, below a file too", async () => {
    const front = await startFront(tree());
    expect((await front.ask("PROPFIND", "/dav/none", { Depth: "1" })).status).toBe(404);
  });

  it("takes a chunked body", async () => {
    const front = await startFront(tree());
    const body = propfind("<d:prop><d:displayname/></d:prop>");
    const headers = { Depth: "0", "Transfer-Encoding": "chunked" };
    const [only] = readMultistatus((await front.ask("PROPFIND", "/dav/dir", headers, chunked(body, 7))).text);
    expect(only!.propstats).toEqual({ [OK]: { "{DAV:}displayname": "dir" } });
  });

  it("takes UTF-16 with a byte order mark", async () => {
    const front = await startFront(tree());
    const body = Buffer.from(`\ufeff${propfind("<d:propname/>").replace("utf-8", "utf-16")}`, "utf16le");
    expect((await front.ask("PROPFIND", "/dav/dir", { Depth: "0" }, body)).status).toBe(207);
  });

  it.each([
    ["what is not XML", "nonsense", 400],
    ["what is not closed", "<d:propfind xmlns:d='DAV:'>", 400],
    ["an unbound prefix", "<d:propfind/>", 400],
    ["a prefix bound to nothing", propfind("<d:prop><x:y/></d:prop>", 'xmlns:x=""'), 400],
    ["a DOCTYPE", `<!DOCTYPE d [<!ENTITY e "x">]>${propfind("<d:propname/>")}`, 400],
    ["an entity of no one", propfind("<d:prop>&e;</d:prop>"), 400],
    ["another root", '<d:lockinfo xmlns:d="DAV:"/>', 400],
    ["a propfind of nothing", propfind(""), 400],
    ["bytes that are not UTF-8", Buffer.from([0x3c, 0x61, 0xff, 0x2f, 0x3e]), 400],
    [
      "another encoding",
      '<?xml version="1.0" encoding="iso-8859-1"?><d:propfind xmlns:d="DAV:"><d:propname/></d:propfind>',
      400,
    ],
    ["33 levels", propfind("<d:prop>".repeat(32) + "</d:prop>".repeat(32)), 400],
    ["5,001 elements", propfind(`<d:prop>${"<d:x/>".repeat(5000)}</d:prop>`), 400],
    ["more than 1 MiB", propfind(`<d:prop>${" ".repeat(1024 * 1024)}</d:prop>`), 413],
  ])("refuses %s (webdav.md §5)", async (_name, body, status) => {
    const front = await startFront(tree());
    expect((await front.ask("PROPFIND", "/dav/dir", { Depth: "0" }, body)).status).toBe(status);
  });

  it("refuses more than 1 MiB in chunks, and lengths that cannot be (webdav.md §8)", async () => {
    const front = await startFront(tree());
    const body = chunked(Buffer.alloc(1024 * 1024 + 1, " "), 65536);
    expect((await front.ask("PROPFIND", "/dav", { "Transfer-Encoding": "chunked" }, body)).status).toBe(413);
    for (const length of ["9007199254740993", String(4 * 1024 ** 3)]) {
      expect((await front.ask("PROPFIND", "/dav", { "Content-Length": length }, "<")).status).toBe(413);
    }
  });

  it("marks a listing that is older than it should be (architecture.md §4)", async () => {
    const vfs = tree();
    vfs.staleSeconds = 61.2;
    const front = await startFront(vfs);
    expect((await front.ask("PROPFIND", "/dav/dir", { Depth: "1" })).headers["pandav-stale"]).toBe("62");
  });
});

describe("over the real vfs", () => {
  it("etags, times and quota agree with the other methods, and a write shows in the next listing (webdav.md §5.1)", async () => {
    const front = await startFront(await realVfs({ d: { "a.txt": "hello" } }));
    const put = await front.ask("PUT", "/dav/d/b.txt", { "X-OC-Mtime": "1000000000" }, "new");
    expect(put.headers["x-oc-mtime"]).toBe("accepted");
    const [, , b] = readMultistatus((await front.ask("PROPFIND", "/dav/d", { Depth: "1" })).text);
    expect(b!.propstats[OK]).toMatchObject({
      "{DAV:}getetag": put.headers.etag,
      "{DAV:}getlastmodified": put.headers["last-modified"],
      "{DAV:}getcontentlength": "3",
    });
    const named = propfind("<d:prop><o:checksums/><o:permissions/></d:prop>", 'xmlns:o="http://owncloud.org/ns"');
    const [only] = readMultistatus((await front.ask("PROPFIND", "/dav/d/b.txt", { Depth: "0" }, named)).text);
    expect(only!.propstats[OK]).toEqual({
      "{http://owncloud.org/ns}checksums": "<checksum>SHA1:c2a6b03f190dfb2b4aa91f8af8d477a9bc3401dc",
      "{http://owncloud.org/ns}permissions": "DNVW",
    });
  });

  it("more entries than are kept in memory are all there, once each", async () => {
    const many = Object.fromEntries(Array.from({ length: 2500 }, (_, i) => [`文件 ${i}.txt`, ""]));
    const front = await startFront(await realVfs({ big: many }));
    const reply = await front.ask("PROPFIND", "/dav/big", { Depth: "1" });
    const responses = readMultistatus(reply.text);
    expect(new Set(responses.map(({ propstats }) => propstats[OK]!["{DAV:}displayname"])).size).toBe(2501);
    expect((await front.ask("PROPFIND", "/dav/big", { Depth: "1" })).body.equals(reply.body)).toBe(true);
  });

  it("a name typed in the other normal form is found, and shown as it is stored (webdav.md §5)", async () => {
    const front = await startFront(await realVfs({ "e\u0301": "x" }));
    const [only] = readMultistatus((await front.ask("PROPFIND", "/dav/%C3%A9", { Depth: "0" })).text);
    expect(only!.href).toBe("/dav/e%CC%81");
  });
});

describe("names", () => {
  const NAMES = [
    "#",
    "?",
    "%",
    "&",
    "+",
    ";",
    "'",
    '"',
    "<",
    ">",
    " lead",
    "trail.",
    "é",
    "e\u0301",
    "中文",
    "🦉",
    "a%2fb",
    "100%",
    "%zz",
  ];

  it.each(NAMES)("%j comes back in href and displayname and can be read by its href", async (name) => {
    const front = await startFront(await realVfs({ d: { [name]: name } }));
    const [, child] = readMultistatus((await front.ask("PROPFIND", "/dav/d", { Depth: "1" })).text);
    expect(child!.propstats[OK]!["{DAV:}displayname"]).toBe(name);
    expect(child!.href).toBe(`/dav/d/${encodeURIComponent(name)}`);
    expect((await front.ask("GET", child!.href)).text).toBe(name);
  });

  it("that XML cannot carry lose what it cannot, and break no listing (XML 1.0 §2.2)", async () => {
    const front = await startFront(fakeVfs({ "/d": "directory", "/d/a\u0001\ufffe\ud800b": "", "/d/ok": "" }));
    const responses = readMultistatus((await front.ask("PROPFIND", "/dav/d", { Depth: "1" })).text);
    expect(responses.map(({ propstats }) => propstats[OK]!["{DAV:}displayname"])).toEqual(["d", "ab", "ok"]);
  });
});

describe("a storage that fails", () => {
  it.each<[ErrorKind, number, string | undefined]>([
    ["unauthenticated", 502, undefined],
    ["rate-limited", 503, "7"],
    ["blocked", 503, "300"],
    ["unavailable", 503, "30"],
    ["timeout", 504, "10"],
    ["upstream", 502, "30"],
    ["incomplete", 502, "10"],
    ["permission-denied", 403, undefined],
  ])("is never an empty listing or 404: %s is %i", async (kind, status, retryAfter) => {
    const vfs = tree();
    vfs.failing.set("list", new StorageError(kind, "no", kind === "rate-limited" ? { retryAfterMs: 6100 } : {}));
    const front = await startFront(vfs);
    const reply = await front.ask("PROPFIND", "/dav/dir", { Depth: "1" });
    expect(reply.status).toBe(status);
    expect(reply.headers["retry-after"]).toBe(retryAfter);
    expect(reply.headers["www-authenticate"]).toBeUndefined();
  });

  it("before the first byte is its status", async () => {
    const vfs = tree();
    vfs.pageSize = 1;
    vfs.failPage = { page: 1, error: new StorageError("timeout", "too slow") };
    const front = await startFront(vfs);
    expect((await front.ask("PROPFIND", "/dav/dir", { Depth: "1" })).status).toBe(504);
  });

  it("after the 207 began cuts the connection: no well-formed short listing (webdav.md §5)", async () => {
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`/big/file-${i}.txt`, "x"]));
    const vfs = fakeVfs({ "/big": "directory", ...many });
    vfs.pageSize = 400;
    vfs.failPage = { page: 1, error: new StorageError("unavailable", "gone") };
    const front = await startFront(vfs);
    const reply = await front.ask("PROPFIND", "/dav/big", { Depth: "1" });
    expect(reply.status).toBe(207);
    expect(reply.body.length).toBeGreaterThan(60_000);
    expect(reply.whole).toBe(false);
    expect(() => readMultistatus(reply.text)).toThrow();
    vfs.failPage = { page: 9, error: new Error("never reached") };
    expect(readMultistatus((await front.ask("PROPFIND", "/dav/big", { Depth: "1" })).text)).toHaveLength(601);
  });

  it("says nothing of its inner workings, and no secrets of a URL", async () => {
    const vfs = tree();
    const front = await startFront(vfs);
    vfs.failing.set("list", new Error("token=abc"));
    const bug = await front.ask("PROPFIND", "/dav/dir", { Depth: "1" });
    expect(bug.status).toBe(500);
    expect(bug.text).not.toContain("abc");
    vfs.failing.set("list", new StorageError("upstream", "GET https://u:p@host/x?sign=abc failed <badly>"));
    const failed = await front.ask("PROPFIND", "/dav/dir", { Depth: "1" });
    expect(failed.text).toContain("GET https://host/x failed &lt;badly&gt;");
  });
});

describe("prepared listings", () => {
  const big = () =>
    fakeVfs({ "/d": "directory", ...Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`/d/${i}.txt`, "x"])) });

  const realBig = () => realVfs({ d: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${i}.txt`, "x"])) });

  it("are the same bytes again while the version is, and new ones after a change", async () => {
    const front = await startFront(await realBig());
    const ask = async () => (await front.ask("PROPFIND", "/dav/d", { Depth: "1" })).text;
    const first = await ask();
    expect(await ask()).toBe(first);
    await front.ask("PUT", "/dav/d/new.txt", {}, "y");
    expect(readMultistatus(await ask()).map(({ href }) => href)).toContain("/dav/d/new.txt");
  });

  it("do not serve a request for other properties", async () => {
    const front = await startFront(await realBig());
    await front.ask("PROPFIND", "/dav/d", { Depth: "1" });
    const body = propfind("<d:prop><d:getcontentlength/></d:prop>");
    const responses = readMultistatus((await front.ask("PROPFIND", "/dav/d", { Depth: "1" }, body)).text);
    expect(responses[1]!.propstats).toEqual({ [OK]: { "{DAV:}getcontentlength": "1" } });
  });

  it("are not made of listings without a version", async () => {
    const vfs = big();
    const { list } = vfs;
    vfs.list = async (...of) => {
      const { version: _, ...listing } = await list(...of);
      return listing;
    };
    const front = await startFront(vfs);
    await front.ask("PROPFIND", "/dav/d", { Depth: "1" });
    vfs.files.delete("/d/3.txt");
    const responses = readMultistatus((await front.ask("PROPFIND", "/dav/d", { Depth: "1" })).text);
    expect(responses.map(({ href }) => href)).not.toContain("/dav/d/3.txt");
  });

  it("are not shared by users of different base paths", async () => {
    const vfs = fakeVfs({
      "/u1": "directory",
      "/u1/d": "directory",
      "/u1/d/1": "",
      "/u2": "directory",
      "/u2/d": "directory",
      "/u2/d/2": "",
    });
    const base = {
      id: 2,
      name: "u",
      role: "general",
      permission: 0xffff,
      disabled: false,
      passwordChangedAt: 0,
    } as const;
    for (const n of [1, 2]) {
      const front = await startFront(vfs, { user: { ...base, basePath: `/u${n}` } });
      const responses = readMultistatus((await front.ask("PROPFIND", "/dav/d", { Depth: "1" })).text);
      expect(responses.map(({ href }) => href)).toEqual(["/dav/d/", `/dav/d/${n}`]);
    }
  });
});

describe("a client that takes gzip", () => {
  const GZIP = { Depth: "1", "Accept-Encoding": "gzip" };
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`文件 ${i}.txt`, "x"]));

  it.each([
    ["in memory", 500],
    ["too large for memory, sent as it is read", 2500],
  ])(
    "gets the same bytes compressed, the first time and again, of a directory %s (RFC 9110 §8.4.1)",
    async (_what, count) => {
      const front = await startFront(await realVfs({ d: many(count) }));
      const first = await front.ask("PROPFIND", "/dav/d", GZIP);
      expect(first.status).toBe(207);
      expect(first.headers).toMatchObject({ "content-encoding": "gzip", vary: "Accept-Encoding" });
      const again = await front.ask("PROPFIND", "/dav/d", GZIP);
      expect(again.headers).toMatchObject({ "content-encoding": "gzip", "content-length": String(again.body.length) });
      const plain = await front.ask("PROPFIND", "/dav/d", { Depth: "1" });
      expect(plain.headers["content-encoding"]).toBeUndefined();
      expect(plain.headers.vary).toBe("Accept-Encoding");
      expect(gunzipSync(first.body).equals(plain.body)).toBe(true);
      expect(gunzipSync(again.body).equals(plain.body)).toBe(true);
      expect(again.body.length).toBeLessThan(plain.body.length / 5);
      expect(readMultistatus(plain.text)).toHaveLength(count + 1);
    },
  );

  it("gets a new answer after a change, compressed too", async () => {
    const front = await startFront(await realVfs({ d: many(500) }));
    await front.ask("PROPFIND", "/dav/d", GZIP);
    await front.ask("PUT", "/dav/d/new.txt", {}, "y");
    const text = gunzipSync((await front.ask("PROPFIND", "/dav/d", GZIP)).body).toString();
    expect(readMultistatus(text).map(({ href }) => href)).toContain("/dav/d/new.txt");
  });

  it("gets a small answer as it is, with Vary all the same", async () => {
    const front = await startFront(tree());
    const reply = await front.ask("PROPFIND", "/dav/dir", { Depth: "0", "Accept-Encoding": "gzip" });
    expect(reply.headers["content-encoding"]).toBeUndefined();
    expect(reply.headers.vary).toBe("Accept-Encoding");
    expect(readMultistatus(reply.text)).toHaveLength(1);
  });

  it.each([
    ["br, gzip;q=0.5", "gzip"],
    ["x-gzip", "gzip"],
    ["*", "gzip"],
    ["gzip;q=0, *", undefined],
    ["GZIP", "gzip"],
    ["*;q=0", undefined],
    ["br, deflate", undefined],
    ["", undefined],
  ])("says so by Accept-Encoding: %j gets %j (RFC 9110 §12.5.3)", async (header, coding) => {
    const front = await startFront(await realVfs({ d: many(50) }));
    const reply = await front.ask("PROPFIND", "/dav/d", { Depth: "1", "Accept-Encoding": header });
    expect(reply.headers["content-encoding"]).toBe(coding);
  });

  it.each([["identity"], ["gzip"]])(
    "that leaves in the middle ends the reading, and is nobody's fault (%s)",
    async (coding) => {
      const vfs = fakeVfs({ "/big": "directory" });
      const PAGES = 2000;
      let pages = 0;
      let isOver = false;
      const { list } = vfs;
      vfs.list = async (...of) => {
        const { entries: _, version: __, ...listing } = await list(...of);
        return {
          ...listing,
          async *pages() {
            try {
              for (; pages < PAGES; pages++) {
                yield Array.from({ length: 100 }, (_, i) => ({
                  ...listing.directory,
                  kind: "file" as const,
                  name: `${randomUUID()}-${i}`,
                }));
              }
            } finally {
              isOver = true;
            }
          },
        };
      };
      const front = await startFront(vfs);
      const socket = connect(front.port, "127.0.0.1");
      socket.write(
        `PROPFIND /dav/big HTTP/1.1\r\nHost: h\r\nAuthorization: ${AUTHORIZATION}\r\nDepth: 1\r\nAccept-Encoding: ${coding}\r\n\r\n`,
      );
      await new Promise((resolve) => socket.once("data", resolve));
      socket.destroy();
      await vi.waitFor(() => expect(isOver).toBe(true), 10_000);
      expect(pages).toBeLessThan(PAGES);
      expect(front.logged.filter((line) => /^(?:error|warn|bug)/.test(line))).toEqual([]);
    },
  );

  it("sees a cut connection where a listing fails after the 207 began (webdav.md §5)", async () => {
    const vfs = fakeVfs({
      "/big": "directory",
      ...Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`/big/file-${i}.txt`, "x"])),
    });
    vfs.pageSize = 1000;
    vfs.failPage = { page: 1, error: new StorageError("unavailable", "gone") };
    const front = await startFront(vfs);
    const reply = await front.ask("PROPFIND", "/dav/big", GZIP);
    expect(reply.status).toBe(207);
    expect(reply.whole).toBe(false);
    expect(() => gunzipSync(reply.body)).toThrow();
  });
});

describe("many who list a directory at once", () => {
  it("are answered by one reading of its entries, and each by the whole of it", async () => {
    const vfs = fakeVfs({
      "/d": "directory",
      ...Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`/d/${i}.txt`, "x"])),
    });
    let readings = 0;
    const { list } = vfs;
    vfs.list = async (...of) => {
      const listing = await list(...of);
      const entries = listing.entries as readonly Resource[];
      const counted = new Proxy(entries, {
        get(target, key) {
          if (key === "0") readings += 1;
          // So slow that all are there before the first is done.
          for (const until = performance.now() + (Number(key) % 50 === 0 ? 2 : 0); performance.now() < until; );
          return Reflect.get(target, key, target);
        },
      });
      return { ...listing, entries: counted };
    };
    const front = await startFront(vfs);
    const replies = await Promise.all(Array.from({ length: 8 }, () => front.ask("PROPFIND", "/dav/d", { Depth: "1" })));
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    expect(readMultistatus(replies[0]!.text)).toHaveLength(2001);
    expect(readings).toBeLessThanOrEqual(2);
  });
});

it("times are those of the resource (guards the fixture)", () => {
  expect(new Date(FAKE_TIME).toUTCString()).toBe("Thu, 29 Feb 2024 12:34:56 GMT");
});
