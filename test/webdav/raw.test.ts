/** Request targets and credentials as no client library would send them (webdav.md §3, §5, §8). */
import { connect } from "node:net";
import { describe, expect, it, vi } from "vitest";
import type { User } from "#server/auth/users.ts";
import { fakeVfs } from "./fake-vfs.ts";
import { ADMIN, AUTHORIZATION, readMultistatus, startFront } from "./harness.ts";
import { realVfs } from "./real-vfs.ts";

const tree = () => realVfs({ "a.txt": "hello", dir: { x: "x" }, "a\\b": "back" });

describe("a request target", () => {
  it.each([
    ["a bad escape", "/dav/%zz", 400],
    ["half an escape", "/dav/%", 400],
    ["an escape that is not UTF-8", "/dav/%ff", 400],
    ["NUL", "/dav/a%00b", 400],
    ["an encoded slash", "/dav/dir%2fx", 400],
    ["a fragment", "/dav/a.txt#x", 400],
    ["..", "/dav/../etc/passwd", 403],
    [".. at the end", "/dav/dir/..", 403],
    ["an encoded ..", "/dav/%2e%2e/x", 403],
    [".", "/dav/./a.txt", 403],
    ["a name of 1,025 bytes", `/dav/${"a".repeat(1025)}`, 414],
    ["a path of more than 8,192 characters", `/dav${"/abcdefg".repeat(1200)}`, 414],
    ["a backslash that is only a character", "/dav/a%5Cb", 200],
    ["a query", "/dav/a.txt?x=/../y", 200],
    ["a trailing slash on a file", "/dav/a.txt/", 200],
    ["repeated slashes", "/dav//a.txt", 200],
    ["lower-case escapes", "/dav/%61.txt", 200],
    ["absolute form (RFC 9112 §3.2.2)", "http://any.host/dav/a.txt", 200],
  ])("with %s is %i in GET's %s", async (_name, target, status) => {
    const front = await startFront(await tree());
    const expected = typeof status === "number" ? status : 0;
    expect((await front.ask("GET", target)).status).toBe(expected);
    expect((await front.ask("GET", "/dav/a.txt")).text).toBe("hello");
  });

  it("of / shows where the front is, for Windows walks down from there; other methods there are not the front's", async () => {
    const front = await startFront(await tree());
    const hrefs = async (depth: string) =>
      readMultistatus((await front.ask("PROPFIND", "/", { Depth: depth })).text).map(({ href }) => href);
    expect(await hrefs("0")).toEqual(["/"]);
    expect(await hrefs("1")).toEqual(["/", "/dav/"]);
    expect((await front.ask("OPTIONS", "/")).headers.dav).toBe("1, 2, 3");
    expect((await front.ask("PROPFIND", "/", { Depth: "infinity" })).status).toBe(403);
    expect((await front.ask("GET", "/")).status).toBe(418);
    const stranger = await front.raw("PROPFIND / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(stranger.status).toBe(401);
  });

  it("outside the prefix is not the front's", async () => {
    const front = await startFront(await tree());
    for (const target of ["/davx", "/da", "http://h/other"]) {
      expect((await front.ask("PROPFIND", target)).status).toBe(418);
    }
  });

  it("of * is for OPTIONS alone", async () => {
    const front = await startFront(await tree());
    expect((await front.ask("OPTIONS", "*")).headers.dav).toBe("1, 2, 3");
    expect((await front.ask("PROPFIND", "*")).status).toBe(418);
  });

  it("works at the server's root, where the prefix is empty", async () => {
    const front = await startFront(await tree(), { prefix: "" });
    const hrefs = readMultistatus((await front.ask("PROPFIND", "/dir", { Depth: "1" })).text).map(({ href }) => href);
    expect(hrefs).toEqual(["/dir/", "/dir/x"]);
    expect((await front.ask("MOVE", "/a.txt", { Destination: "/b.txt" })).status).toBe(201);
    expect((await front.ask("PROPFIND", "/", { Depth: "0" })).status).toBe(207);
  });
});

describe("credentials", () => {
  it("that are missing or wrong are 401 with a challenge (RFC 7617 §2)", async () => {
    const front = await startFront(await tree());
    for (const authorization of ["", "Authorization: Basic eDp5\r\n", "Authorization: Digest x\r\n"]) {
      const reply = await front.raw(`GET /dav/a.txt HTTP/1.1\r\nHost: x\r\n${authorization}Connection: close\r\n\r\n`);
      expect(reply.status).toBe(401);
      expect(reply.headers["www-authenticate"]).toBe('Basic realm="Pandav", charset="UTF-8"');
    }
  });

  it("are not asked for again in a success, and a missing right is 403, not 401 (webdav.md §2)", async () => {
    const guest: User = { ...ADMIN, role: "guest", permission: 0 };
    const reader: User = { ...ADMIN, role: "general", permission: 1 << 8 };
    expect((await (await startFront(await tree(), { user: guest })).ask("GET", "/dav/a.txt")).status).toBe(403);
    const front = await startFront(await tree(), { user: reader });
    const read = await front.ask("GET", "/dav/a.txt");
    expect(read.status).toBe(200);
    expect(read.headers["www-authenticate"]).toBeUndefined();
    expect((await front.ask("PUT", "/dav/n", {}, "x")).status).toBe(403);
    expect((await front.ask("DELETE", "/dav/a.txt")).status).toBe(403);
    expect((await front.ask("COPY", "/dav/a.txt", { Destination: "/dav/n" })).status).toBe(403);
  });

  it("of a user with a base path show and reach nothing above it (alist-api.md §4.8)", async () => {
    const front = await startFront(await tree(), { user: { ...ADMIN, role: "general", basePath: "/dir" } });
    const responses = readMultistatus((await front.ask("PROPFIND", "/dav/", { Depth: "1" })).text);
    expect(responses.map(({ href }) => href)).toEqual(["/dav/", "/dav/x"]);
    expect((await front.ask("GET", "/dav/a.txt")).status).toBe(404);
    expect((await front.ask("COPY", "/dav/x", { Destination: "/dav/y" })).status).toBe(201);
    expect((await front.ask("DELETE", "/dav/")).status).toBe(403);
  });
});

describe("an upload that is cut off", () => {
  it("leaves the old file, and no handler behind", async () => {
    const vfs = fakeVfs({ "/a.txt": "hello" });
    const front = await startFront(vfs);
    for (let i = 0; i < 10; i++) {
      const socket = connect(front.port, "127.0.0.1");
      socket.write(
        `PUT /dav/a.txt HTTP/1.1\r\nHost: x\r\nAuthorization: ${AUTHORIZATION}\r\nContent-Length: 100000\r\n\r\nabc`,
      );
      await vi.waitFor(() => expect(vfs.calls.filter((call) => call === "write /a.txt")).toHaveLength(i + 1), 3000);
      socket.destroy();
    }
    await vi.waitFor(() => expect(front.logged.filter((line) => line.startsWith("debug"))).toHaveLength(10), 3000);
    expect((await front.ask("GET", "/dav/a.txt")).text).toBe("hello");
  });
});
