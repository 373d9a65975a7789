/** What ended other servers, sent to the real process: it answers, forgets, and serves on (webdav.md §3, §8). */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { descriptorsOf, settledDescriptors } from "#test/hardening/fuzz-run.ts";
import { sendRaw } from "#test/hardening/raw-socket.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { chunked } from "./harness.ts";

let server: RunningServer;
let port: number;
let login: string;
let files: string;

beforeAll(async () => {
  server = await startServer();
  port = Number(new URL(server.url).port);
  login = `Authorization: Basic ${Buffer.from(`admin:${server.password}`).toString("base64")}`;
  files = join(server.dataDir, "files");
  writeFileSync(join(files, "a.txt"), "hello");
  writeFileSync(join(files, "big.bin"), Buffer.alloc(32 << 20, "x"));
  mkdirSync(join(files, "dir"));
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});
afterEach(async () => {
  expect(await statusOf("GET", "/dav/local/a.txt")).toBe(200);
  expect(readFileSync(join(files, "a.txt"), "utf8")).toBe("hello");
});

const request = (method: string, target: string, lines: readonly string[] = [], body: string | Buffer = "") =>
  Buffer.concat([
    Buffer.from(
      `${method} ${target} HTTP/1.1\r\n${["Host: h", "Connection: close", login, ...lines].join("\r\n")}\r\n\r\n`,
    ),
    Buffer.from(body),
  ]);

/** Of an answer that has to come: 0 where none came in 5 s. */
async function statusOf(method: string, target: string, lines: readonly string[] = [], body: string | Buffer = "") {
  return (await sendRaw(port, request(method, target, lines, body), { quietMs: 5_000 })).status;
}

const withLength = (body: string) => [`Content-Length: ${Buffer.byteLength(body)}`];
const XML_METHODS = {
  PROPFIND: '<propfind xmlns="DAV:"><propname/></propfind>',
  PROPPATCH: '<propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">1</x></prop></set></propertyupdate>',
  LOCK: '<lockinfo xmlns="DAV:"><lockscope><shared/></lockscope><locktype><write/></locktype></lockinfo>',
} as const;
const methods = Object.entries(XML_METHODS);

describe("a target", () => {
  it.each(["/%zz", "/dav/%zz", "/dav/local/%", "/%", "/dav/%00", "/api/%zz", "/api/pandav/fs/read?path=%zz", "/p/%zz"])(
    "with a bad escape is answered, before anybody is asked who he is: %s",
    async (target) => {
      const stranger = `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`;
      const { status } = await sendRaw(port, Buffer.from(stranger), { quietMs: 5_000 });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(await statusOf("GET", target)).toBeGreaterThan(0);
    },
  );

  it.each(["COPY", "MOVE"])(
    "of a Destination with a bad escape is 400, and one that climbs 403: %s",
    async (method) => {
      expect(await statusOf(method, "/dav/local/a.txt", ["Destination: /dav/local/%zz"])).toBe(400);
      expect(await statusOf(method, "/dav/local/a.txt", ["Destination: /dav/local/../../x"])).toBe(403);
      expect(await statusOf(method, "/dav/local/a.txt", ["Destination: /dav/local/%2e%2e/%2e%2e/x"])).toBe(403);
    },
  );

  it("of * is answered for OPTIONS", async () => {
    expect(await statusOf("OPTIONS", "*")).toBe(200);
  });
});

describe.each(methods)("the body of %s", (method, body) => {
  it("may come in chunks", async () => {
    const status = await statusOf(
      method,
      "/dav/local/dir",
      ["Transfer-Encoding: chunked", "Depth: 0"],
      chunked(body, 7),
    );
    expect(status).toBe(method === "LOCK" ? 200 : 207);
  });

  it.each(["9007199254740993", "4294967296"])(
    "that is said to have %s bytes is 413 before any of it is waited for",
    async (length) => {
      expect(await statusOf(method, "/dav/local/dir", [`Content-Length: ${length}`], body)).toBe(413);
    },
  );

  it.each([
    ["a DOCTYPE", `<!DOCTYPE x>${body}`],
    [
      "entities that grow",
      `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>${body.replace("><", ">&b;<")}`,
    ],
    ["an entity of a file", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${body.replace("><", ">&e;<")}`],
    ["half of it", body.slice(0, 30)],
    ["an unbound prefix", body.replace("<", "<q:")],
  ])("with %s is 400", async (_what, wrong) => {
    expect(await statusOf(method, "/dav/local/dir", ["Depth: 0", ...withLength(wrong)], wrong)).toBe(400);
  });

  it("of 100,000 elements is refused, and depth of 10,000 too", async () => {
    for (const wrong of [body.replace("><", `>${"<x/>".repeat(100_000)}<`), `${"<x>".repeat(10_000)}`]) {
      const status = await statusOf(method, "/dav/local/dir", ["Depth: 0", ...withLength(wrong)], wrong);
      expect([400, 413]).toContain(status);
    }
  });

  it("that stops in the middle holds up nobody else", async () => {
    const sockets = Array.from({ length: 20 }, () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(request(method, "/dav/local/dir", ["Content-Length: 1000"], body));
      return socket;
    });
    expect(await statusOf("PROPFIND", "/dav/local/", ["Depth: 1"])).toBe(207);
    for (const socket of sockets) socket.destroy();
  });
});

describe("If", () => {
  it.each(["GET", "PUT", "DELETE", "MKCOL", "PROPFIND", "PROPPATCH", "COPY", "MOVE", "LOCK"])(
    "is answered at %s in every form: untagged, empty, broken, long",
    async (method) => {
      const forms = [
        "(<urn:uuid:none>)",
        "( )",
        "()",
        "(",
        "(Not <a:b>)",
        '(["x"])',
        "</dav/local/a.txt> (<a:b>)",
        "(".repeat(9_000),
      ];
      for (const form of forms) {
        const status = await statusOf(method, "/dav/local/none/x", [`If: ${form}`, "Content-Length: 0"]);
        expect([form.slice(0, 30), status >= 400 && status < 500]).toEqual([form.slice(0, 30), true]);
      }
    },
  );
});

describe("Expect: 100-continue (RFC 9110 §10.1.1)", () => {
  const put = async (authorization: string, more: readonly string[] = []) => {
    const lines = ["Host: h", "Connection: close", authorization, "Expect: 100-continue", "Content-Length: 5", ...more];
    const head = `PUT /dav/local/expected HTTP/1.1\r\n${lines.filter(Boolean).join("\r\n")}\r\n\r\n`;
    return (await sendRaw(port, Buffer.from(head), { quietMs: 1_000 })).received.toString("latin1");
  };

  it.each([
    ["a wrong password", `Authorization: Basic ${Buffer.from("somebody:guess").toString("base64")}`],
    ["no password", ""],
    ["an unknown token", "Authorization: Bearer nonsense"],
  ])("with %s is 401, and nobody is asked for the body", async (_what, authorization) => {
    const answer = await put(authorization);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).not.toContain("100 Continue");
  });

  it("of a part, or where a condition fails, is refused without asking for the body", async () => {
    for (const [line, status] of [
      ["Content-Range: bytes 0-4/9", 501],
      ['If-Match: "x"', 412],
      ["If: (<a:b>)", 412],
    ] as const) {
      const answer = await put(login, [line]);
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  });

  it("is answered once all of that is settled", async () => {
    expect(await put(login)).toMatch(/^HTTP\/1\.1 100 Continue\r\n/);
  });
});

describe("clients that leave", () => {
  const isLeft = (name: string) => name.startsWith(".pandav-");

  it("in the middle of 100 uploads leave the old file, no temporary file and no descriptor", async () => {
    await statusOf("PUT", "/dav/local/warm", ["Content-Length: 1"], "x");
    const before = await settledDescriptors(server.pid);
    for (let round = 0; round < 10; round++) {
      const sent = Array.from({ length: 10 }, (_, i) => {
        const framing = i % 2 === 0 ? "Content-Length: 100000" : "Transfer-Encoding: chunked";
        const body = i % 2 === 0 ? "y".repeat(5_000) : "1388\r\n".concat("y".repeat(5_000), "\r\n");
        return sendRaw(port, request("PUT", "/dav/local/a.txt", [framing], body), { cut: true });
      });
      await Promise.all(sent);
    }
    await vi.waitFor(() => {
      expect(readdirSync(files).filter(isLeft)).toEqual([]);
      expect(readdirSync(join(server.dataDir, "spool"))).toEqual([]);
      expect(descriptorsOf(server.pid)).toEqual(before);
    }, 10_000);
  });

  it("in the middle of 100 downloads leave no descriptor", async () => {
    await statusOf("GET", "/dav/local/big.bin");
    const before = await settledDescriptors(server.pid);
    for (let round = 0; round < 10; round++) {
      const left = Array.from(
        { length: 10 },
        (_, i) =>
          new Promise<void>((resolve) => {
            const socket = connect(port, "127.0.0.1");
            socket.write(request("GET", "/dav/local/big.bin", i % 2 === 0 ? ["Range: bytes=1000000-"] : []));
            socket.once("data", () => socket.destroy());
            socket.once("close", () => resolve());
            socket.on("error", () => {});
          }),
      );
      await Promise.all(left);
    }
    await vi.waitFor(() => expect(descriptorsOf(server.pid)).toEqual(before), 10_000);
  });
});
