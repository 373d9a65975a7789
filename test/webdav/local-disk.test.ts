/** The real server over a real folder: nothing outside it is reachable, and names that are no text can be worked with. */

import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { readMultistatus } from "./harness.ts";

const SECRET = "the owner's own";

let server: RunningServer;
let root: string;
let outside: string;
beforeAll(async () => {
  server = await startServer();
  root = join(server.dataDir, "files");
  outside = join(server.dataDir, "outside");
});
afterAll(() => server.stop());

interface Reply {
  readonly status: number;
  readonly text: string;
}

/** A request whose target goes out as it is. */
async function ask(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body = "",
): Promise<Reply> {
  const { hostname, port } = new URL(server.url);
  const sent = request({
    hostname,
    port,
    method,
    path,
    headers: { ...headers, ...(body && { "content-length": String(Buffer.byteLength(body)) }) },
    auth: `${server.user}:${server.password}`,
    agent: false,
    signal: AbortSignal.timeout(10_000),
  });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  sent.end(body);
  const [answer] = await answered;
  return { status: answer.statusCode ?? 0, text: String(await buffer(answer)) };
}

const hrefsIn = async (path: string) =>
  readMultistatus((await ask("PROPFIND", path, { depth: "1" })).text)
    .map(({ href }) => href)
    .slice(1);

describe("nothing outside the folder is reachable over WebDAV (architecture.md §1)", () => {
  /** Targets that would lead to `outside/secret.txt`, which lies beside the folder, if anybody fell for them. */
  const TARGETS = [
    "/dav/local/../outside/secret.txt",
    "/dav/local/../../outside/secret.txt",
    "/dav/local/inside/../../outside/secret.txt",
    "/dav/local/%2e%2e/outside/secret.txt",
    "/dav/local/%2E%2e/outside/secret.txt",
    "/dav/local/.%2e/outside/secret.txt",
    "/dav/local/..%2foutside/secret.txt",
    "/dav/local/..%2Foutside%2Fsecret.txt",
    "/dav/local/%2e%2e%2foutside%2fsecret.txt",
    "/dav/local/%252e%252e/outside/secret.txt",
    "/dav/local/%252e%252e%252foutside%252fsecret.txt/x",
    "/dav/local/..%5coutside%5csecret.txt/x",
    "/dav/local/%c0%ae%c0%ae/outside/secret.txt",
    "/dav/local/%c0%ae%c0%ae%c0%afoutside%c0%afsecret.txt",
    "/dav/local/inside%00/../../outside/secret.txt",
    "/dav/local/inside/file.txt%00.png",
    "/dav/local/folder-link/secret.txt",
    "/dav/local/chain/secret.txt",
    "/dav/local/chain-file/x",
    "http://other.host/dav/local/../outside/secret.txt",
  ];
  /** 502 is for a Destination on another host (RFC 4918 §9.8.5). */
  const isRefusal = (status: number) => (status >= 400 && status < 500) || status === 502;

  beforeAll(() => {
    mkdirSync(outside);
    writeFileSync(join(outside, "secret.txt"), SECRET);
    mkdirSync(join(root, "inside"));
    writeFileSync(join(root, "inside", "file.txt"), "inside");
    symlinkSync(outside, join(root, "folder-link"));
    symlinkSync("../outside/secret.txt", join(root, "file-link"));
    symlinkSync("folder-link", join(root, "chain"));
    symlinkSync("file-link", join(root, "chain-file"));
    symlinkSync("/proc/self/root", join(root, "slash"));
  });

  it.each(TARGETS)("%s is refused by every method", async (target) => {
    // Not recursively: Node would follow the links.
    const held = () => [readdirSync(root).sort(), readdirSync(join(root, "inside"))];
    const before = held();
    const asked: [string, Record<string, string>, string][] = [
      ["GET", {}, ""],
      ["HEAD", {}, ""],
      ["PROPFIND", { depth: "0" }, ""],
      ["PROPFIND", { depth: "1" }, ""],
      ["PUT", {}, "overwritten"],
      ["MKCOL", {}, ""],
      ["DELETE", {}, ""],
      ["COPY", { destination: "/dav/local/copied" }, ""],
      ["MOVE", { destination: "/dav/local/moved" }, ""],
    ];
    for (const [method, headers, body] of asked) {
      const { status, text } = await ask(method, target, headers, body);
      expect([method, status, isRefusal(status)]).toEqual([method, status, true]);
      expect(text).not.toContain(SECRET);
    }
    for (const method of ["COPY", "MOVE"]) {
      const { status } = await ask(method, "/dav/local/inside/file.txt", { destination: target });
      expect([method, status, isRefusal(status)]).toEqual([method, status, true]);
    }
    expect(held()).toEqual(before);
    expect(readdirSync(outside)).toEqual(["secret.txt"]);
    expect(readFileSync(join(outside, "secret.txt"), "utf8")).toBe(SECRET);
  });

  it.each(["/local/../outside", "/local/%2e%2e/outside", "/../../outside", "/local/folder-link", "/local/slash/etc"])(
    "/api/fs/list and get say nothing of %s",
    async (path) => {
      const login = JSON.stringify({ username: server.user, password: server.password });
      const json = { "content-type": "application/json" };
      const token = JSON.parse((await ask("POST", "/api/auth/login", json, login)).text).data.token as string;
      for (const route of ["list", "get", "dirs"]) {
        const headers = { ...json, authorization: token };
        const sent = request(`${server.url}/api/fs/${route}`, { method: "POST", headers, agent: false });
        const answered = once(sent, "response") as Promise<[IncomingMessage]>;
        sent.end(JSON.stringify({ path }));
        const reply = JSON.parse(String(await buffer((await answered)[0])));
        expect([route, reply.code === 200, reply.data]).toEqual([route, false, null]);
      }
    },
  );

  it("links that lead out are not listed, and what is written under their names stays inside", async () => {
    expect(await hrefsIn("/dav/local/")).toEqual(["/dav/local/inside/"]);
    expect((await ask("GET", "/dav/local/file-link")).status).toBe(404);
    expect((await ask("PUT", "/dav/local/file-link", {}, "mine")).status).toBe(201);
    expect((await ask("GET", "/dav/local/file-link")).text).toBe("mine");
    expect((await ask("DELETE", "/dav/local/file-link")).status).toBe(204);
    expect(readFileSync(join(outside, "secret.txt"), "utf8")).toBe(SECRET);
  });
});

describe("names that are not UTF-8, over WebDAV", () => {
  const bytes = (text: string) => Buffer.from(text, "latin1");
  const inRoot = (name: Buffer) => Buffer.concat([Buffer.from(`${root}/names/`), name]);
  const onDisk = () =>
    readdirSync(join(root, "names"), { encoding: "buffer" })
      .map((name) => name.toString("latin1"))
      .sort();
  const LATIN = bytes("caf\xe9.txt");
  const FOLDER = bytes("\xff folder");

  it("are listed, read, replaced, copied, moved and deleted (webdav.md §5: by the href that was listed)", async () => {
    mkdirSync(join(root, "names"));
    writeFileSync(inRoot(LATIN), "coffee");
    mkdirSync(inRoot(FOLDER));
    writeFileSync(Buffer.concat([inRoot(FOLDER), bytes("/\xe9")]), "deep");
    const hrefs = await hrefsIn("/dav/local/names/");
    expect(hrefs).toHaveLength(2);
    const file = hrefs.find((href) => !href.endsWith("/"))!;
    const folder = hrefs.find((href) => href.endsWith("/"))!;
    expect((await ask("GET", file)).text).toBe("coffee");
    expect((await ask("HEAD", file)).status).toBe(200);
    expect((await ask("PROPFIND", file, { depth: "0" })).status).toBe(207);

    const [deep] = await hrefsIn(folder);
    expect((await ask("GET", deep!)).text).toBe("deep");
    expect((await ask("PUT", `${folder}new.txt`, {}, "new")).status).toBe(201);
    expect((await ask("MKCOL", `${folder}made`)).status).toBe(201);
    expect(readdirSync(inRoot(FOLDER))).toHaveLength(3);

    expect((await ask("PUT", file, {}, "tea")).status).toBe(204);
    expect(onDisk()).toEqual([LATIN, FOLDER].map((name) => name.toString("latin1")).sort());
    expect(readFileSync(inRoot(LATIN), "utf8")).toBe("tea");
    expect((await ask("COPY", file, { destination: "/dav/local/names/plain.txt" })).status).toBe(201);
    expect(readFileSync(join(root, "names", "plain.txt"), "utf8")).toBe("tea");
    expect((await ask("MOVE", "/dav/local/names/plain.txt", { destination: file })).status).toBe(204);
    expect((await ask("DELETE", file)).status).toBe(204);
    expect((await ask("GET", file)).status).toBe(404);
    expect((await ask("DELETE", folder)).status).toBe(204);
    expect(onDisk()).toEqual([]);
    expect(await hrefsIn("/dav/local/names/")).toEqual([]);
  });

  it("cannot be named by their bytes, for a URL is UTF-8 (webdav.md §5)", async () => {
    expect((await ask("PUT", "/dav/local/%ff.txt", {}, "x")).status).toBe(400);
    expect(existsSync(Buffer.concat([Buffer.from(`${root}/`), bytes("\xff.txt")]))).toBe(false);
  });
});
