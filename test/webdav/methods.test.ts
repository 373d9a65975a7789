/** Statuses and headers per method (webdav.md §5). */
import { describe, expect, it } from "vitest";
import { fakeVfs } from "./fake-vfs.ts";
import { chunked, startFront } from "./harness.ts";
import { realVfs, textOf } from "./real-vfs.ts";

const tree = () => realVfs({ "a.txt": "hello", dir: { "b.txt": "world" } });

describe("OPTIONS", () => {
  it("is answered without credentials, for missing paths too, with 200, classes and Allow (RFC 4918 §10.1, webdav.md §5)", async () => {
    const front = await startFront(await tree());
    for (const target of ["/dav", "/dav/", "/dav/missing/x", "*"]) {
      const reply = await front.raw(`OPTIONS ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect(reply.status).toBe(200);
      expect(reply.headers.dav).toBe("1, 2, 3");
      expect(reply.headers["ms-author-via"]).toBe("DAV");
      expect(reply.headers.allow).toBe(
        "OPTIONS, PROPFIND, PROPPATCH, GET, HEAD, PUT, DELETE, MKCOL, COPY, MOVE, LOCK, UNLOCK",
      );
      expect(reply.headers["content-length"]).toBe("0");
    }
  });
});

describe("methods that the front does not speak", () => {
  it.each(["POST", "PATCH", "REPORT"])("%s is 405 with Allow (RFC 9110 §15.5.6)", async (method) => {
    const front = await startFront(await tree());
    const reply = await front.ask(method, "/dav/a.txt");
    expect(reply.status).toBe(405);
    expect(reply.headers.allow).toContain("PROPFIND");
    expect(reply.headers.allow!.split(", ")).not.toContain(method);
    expect(reply.headers.dav).toBe("1, 2, 3");
  });
});

describe("PUT", () => {
  it("answers 201 for a new file and 204 for a replaced one, with ETag and Last-Modified (RFC 9110 §9.3.4)", async () => {
    const vfs = await tree();
    const front = await startFront(vfs);
    const created = await front.ask("PUT", "/dav/new.txt", {}, "one");
    expect(created.status).toBe(201);
    const head = await front.ask("HEAD", "/dav/new.txt");
    expect(created.headers.etag).toBe(head.headers.etag);
    expect(created.headers["last-modified"]).toBe(head.headers["last-modified"]);
    const replaced = await front.ask("PUT", "/dav/new.txt", {}, "two");
    expect(replaced.status).toBe(204);
    expect(await textOf(vfs, "/new.txt")).toBe("two");
  });

  it.each([
    ["409 without the parent (RFC 4918 §9.7.1)", "/dav/none/x", {}, 409],
    ["409 below a file", "/dav/a.txt/x", {}, 409],
    ["405 on a directory (RFC 4918 §9.7.2)", "/dav/dir", {}, 405],
    ["405 on the root", "/dav/", {}, 405],
    [
      "501 for a part of a file, which is never written (RFC 9110 §14.5)",
      "/dav/a.txt",
      { "Content-Range": "bytes 0-1/5" },
      501,
    ],
    ["412 for If-None-Match: * on a taken name (RFC 9110 §13.1.2)", "/dav/a.txt", { "If-None-Match": "*" }, 412],
    ["412 for If-Match with another etag (RFC 9110 §13.1.1)", "/dav/a.txt", { "If-Match": '"other"' }, 412],
    ["412 for If-Match: * on a new name", "/dav/new", { "If-Match": "*" }, 412],
    [
      "204 for Joplin's unquoted If-None-Match, which matches nothing",
      "/dav/a.txt",
      { "If-None-Match": "JoplinIgnore-123" },
      204,
    ],
    ["412 for gvfs' Overwrite: F on a taken name", "/dav/a.txt", { Overwrite: "F" }, 412],
    ["413 for a length that no number holds", "/dav/new", { "Content-Length": "9007199254740993" }, 413],
  ])("is %s", async (_name, path, headers, status) => {
    const vfs = await tree();
    const front = await startFront(vfs);
    expect((await front.ask("PUT", path, headers, "body!")).status).toBe(status);
    if (status >= 400) expect(await textOf(vfs, "/a.txt")).toBe("hello");
  });

  it("takes a chunked body without a length, and checks Finder's announced one (webdav.md §7)", async () => {
    const vfs = await tree();
    const front = await startFront(vfs);
    const body = "x".repeat(5000);
    const headers = { "Transfer-Encoding": "chunked" };
    expect((await front.ask("PUT", "/dav/f", headers, chunked(body))).status).toBe(201);
    expect(await textOf(vfs, "/f")).toBe(body);
    const expected = { ...headers, "X-Expected-Entity-Length": "4000" };
    expect((await front.ask("PUT", "/dav/g", expected, chunked(body))).status).toBe(502);
    expect(await textOf(vfs, "/g")).toBeUndefined();
  });

  it("says X-OC-MTime: accepted only where the time was stored (alist-api.md §17.5)", async () => {
    const vfs = await tree();
    const front = await startFront(vfs);
    const reply = await front.ask("PUT", "/dav/t", { "X-OC-Mtime": "1000000000" }, "x");
    expect(reply.headers["x-oc-mtime"]).toBe("accepted");
    expect(reply.headers["last-modified"]).toBe("Sun, 09 Sep 2001 01:46:40 GMT");
    const write = vfs.write;
    vfs.write = async (...of) => ({ ...(await write(...of)), modifiedAtStored: false });
    const refused = await front.ask("PUT", "/dav/u", { "X-OC-Mtime": "1000000000" }, "x");
    expect(refused.status).toBe(201);
    expect(refused.headers["x-oc-mtime"]).toBeUndefined();
  });

  it("hands the client's checksums on in lower case (OC-Checksum)", async () => {
    const vfs = await tree();
    const seen: unknown[] = [];
    const write = vfs.write;
    vfs.write = (path, source, o) => {
      seen.push(source.hashes);
      return write(path, source, o);
    };
    const front = await startFront(vfs);
    const sha1 = "AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D";
    await front.ask("PUT", "/dav/c", { "OC-Checksum": `SHA1:${sha1} MD5:5d41402abc4b2a76b9719d911017c592` }, "hello");
    await front.ask("PUT", "/dav/c", { "OC-Checksum": "ADLER32:0a0b" }, "hello");
    expect(seen).toEqual([{ sha1: sha1.toLowerCase(), md5: "5d41402abc4b2a76b9719d911017c592" }, undefined]);
  });

  it("checks conditions again when the new content takes its place", async () => {
    const vfs = fakeVfs({ "/a.txt": "hello" });
    const front = await startFront(vfs);
    const { etag } = (await front.ask("HEAD", "/dav/a.txt")).headers;
    vfs.beforeCommit = () => void vfs.files.set("/a.txt", Buffer.from("somebody else's"));
    expect((await front.ask("PUT", "/dav/a.txt", { "If-Match": etag! }, "mine")).status).toBe(412);
    expect(vfs.files.get("/a.txt")?.toString()).toBe("somebody else's");
  });

  it("answers Expect: 100-continue after its checks, and not at all when one fails (RFC 9110 §10.1.1)", async () => {
    const vfs = await tree();
    const front = await startFront(vfs);
    const expectation = { Expect: "100-continue" };
    const stored = await front.ask("PUT", "/dav/e", expectation, "body");
    expect(stored).toMatchObject({ status: 201, headers: { interim: "100" } });
    const refused = await front.ask("PUT", "/dav/none/e", expectation, "body");
    expect(refused.status).toBe(409);
    expect(refused.headers.interim).toBeUndefined();
    const stranger = await front.raw(
      "PUT /dav/e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
    );
    expect(stranger.status).toBe(401);
    expect(stranger.headers.interim).toBeUndefined();
  });

  it("is heard by a client that still sends a large body", async () => {
    const vfs = await tree();
    const front = await startFront(vfs);
    const reply = await front.ask("PUT", "/dav/none/x", { Connection: "keep-alive" }, Buffer.alloc(3 << 20));
    expect(reply.status).toBe(409);
    expect(reply.headers.connection).toBe("close");
    expect(reply.text).toContain("s:message");
  });
});

describe("MKCOL", () => {
  it.each([
    ["201 for a new directory", "/dav/n", undefined, 201],
    ["201 with a trailing slash", "/dav/n/", undefined, 201],
    ["405 for a taken name (RFC 4918 §9.3.1)", "/dav/dir", undefined, 405],
    ["405 for the root", "/dav", undefined, 405],
    ["409 without the parent", "/dav/none/n", undefined, 409],
    ["415 with a body", "/dav/n", "<x/>", 415],
  ])("is %s", async (_name, path, body, status) => {
    const front = await startFront(await tree());
    expect((await front.ask("MKCOL", path, {}, body)).status).toBe(status);
  });
});

describe("DELETE", () => {
  it.each([
    ["204 for a file", "/dav/a.txt", {}, 204],
    ["204 for a directory with all in it", "/dav/dir/", {}, 204],
    ["204 with Depth: infinity", "/dav/dir", { Depth: "infinity" }, 204],
    ["400 for a directory with another Depth (RFC 4918 §9.6.1)", "/dav/dir", { Depth: "0" }, 400],
    ["204 for a file with any Depth", "/dav/a.txt", { Depth: "0" }, 204],
    ["404 for what is not there", "/dav/none", {}, 404],
    ["403 for the root", "/dav/", {}, 403],
    ["412 when a condition fails", "/dav/a.txt", { "If-Match": '"x"' }, 412],
  ])("is %s", async (_name, path, headers, status) => {
    const vfs = await tree();
    const front = await startFront(vfs);
    expect((await front.ask("DELETE", path, headers)).status).toBe(status);
    if (status >= 400)
      expect([await textOf(vfs, "/a.txt"), await textOf(vfs, "/dir/b.txt")]).toEqual(["hello", "world"]);
  });
});

describe.each(["COPY", "MOVE"])("%s", (method) => {
  it.each([
    ["201 to a new name", "/dav/a.txt", { Destination: "/dav/z" }, 201],
    ["201 to a URL of this host", "/dav/a.txt", { Destination: "http://our.host/dav/z", Host: "our.host" }, 201],
    [
      "201 to a URL whose port is the default one",
      "/dav/a.txt",
      { Destination: "https://our.host/dav/z", Host: "our.host:443" },
      201,
    ],
    [
      "204 onto a taken name, Overwrite being T when absent (RFC 4918 §10.6)",
      "/dav/a.txt",
      { Destination: "/dav/dir/b.txt" },
      204,
    ],
    ["412 onto a taken name with Overwrite: F", "/dav/a.txt", { Destination: "/dav/dir/b.txt", Overwrite: "F" }, 412],
    ["400 with another Overwrite", "/dav/a.txt", { Destination: "/dav/z", Overwrite: "maybe" }, 400],
    ["404 without the source", "/dav/none", { Destination: "/dav/z" }, 404],
    ["409 without the destination's parent (RFC 4918 §9.8.5)", "/dav/a.txt", { Destination: "/dav/none/z" }, 409],
    ["403 onto itself (RFC 4918 §9.8.5)", "/dav/a.txt", { Destination: "/dav/a.txt" }, 403],
    ["409 into itself", "/dav/dir", { Destination: "/dav/dir/x" }, 409],
    ["409 onto what contains it", "/dav/dir/b.txt", { Destination: "/dav/dir" }, 409],
    ["502 to another host (RFC 4918 §9.8.5)", "/dav/a.txt", { Destination: "http://else.where/dav/z" }, 502],
    ["502 outside the prefix", "/dav/a.txt", { Destination: "/other/z" }, 502],
    ["400 without a Destination", "/dav/a.txt", {}, 400],
    ["400 with a bad escape in it", "/dav/a.txt", { Destination: "/dav/%zz" }, 400],
    ["400 with a fragment in it", "/dav/a.txt", { Destination: "/dav/z#x" }, 400],
    ["403 with .. in it", "/dav/a.txt", { Destination: "/dav/../z" }, 403],
    ["403 for the root", "/dav/", { Destination: "/dav/z" }, 403],
    ["403 onto the root", "/dav/a.txt", { Destination: "/dav/" }, 403],
    ["400 with Depth 1", "/dav/dir", { Destination: "/dav/z", Depth: "1" }, 400],
    ["412 when a condition fails", "/dav/a.txt", { Destination: "/dav/z", "If-Match": '"x"' }, 412],
  ])("is %s", async (_name, path, headers, status) => {
    const vfs = await tree();
    const front = await startFront(vfs);
    expect((await front.ask(method, path, headers as Record<string, string>)).status).toBe(status);
    expect((await textOf(vfs, "/a.txt")) === undefined).toBe(method === "MOVE" && status < 300);
    if (status >= 400) expect(await textOf(vfs, "/dir/b.txt")).toBe("world");
  });

  it("accepts a configured public host as Destination", async () => {
    const front = await startFront(await tree(), { publicHosts: ["cloud.example"] });
    const headers = { Destination: "https://cloud.example/dav/z" };
    expect((await front.ask(method, "/dav/a.txt", headers)).status).toBe(201);
  });
});

describe("COPY", () => {
  it("with Depth 0 copies a directory without what is in it (RFC 4918 §9.8.3)", async () => {
    const vfs = await tree();
    const front = await startFront(vfs);
    await front.ask("COPY", "/dav/dir", { Destination: "/dav/shallow", Depth: "0" });
    await front.ask("COPY", "/dav/dir", { Destination: "/dav/deep" });
    expect(await textOf(vfs, "/shallow/b.txt")).toBeUndefined();
    expect(await textOf(vfs, "/deep/b.txt")).toBe("world");
  });
});
