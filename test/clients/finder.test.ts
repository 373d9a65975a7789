/** What macOS's Finder sends, replayed whole with curl (webdav.md §7). */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { curl } from "./curl-run.ts";

const AGENT = "User-Agent: WebDAVFS/3.0.0 (03008000) Darwin/22.6.0 (x86_64)";
const LOCK_INFO =
  '<?xml version="1.0" encoding="utf-8"?>\n<D:lockinfo xmlns:D="DAV:">\n<D:lockscope><D:exclusive/></D:lockscope>\n' +
  "<D:locktype><D:write/></D:locktype>\n<D:owner>\n<D:href>http://www.apple.com/webdav_fs/</D:href>\n</D:owner>\n</D:lockinfo>\n";
const LISTED =
  '<?xml version="1.0" encoding="utf-8"?>\n<D:propfind xmlns:D="DAV:">\n<D:prop xmlns:A="http://www.apple.com/webdav_fs/props/">\n' +
  "<D:getlastmodified/>\n<D:getcontentlength/>\n<D:creationdate/>\n<D:resourcetype/>\n<A:appledoubleheader/>\n</D:prop>\n</D:propfind>\n";
const QUOTA =
  '<?xml version="1.0" encoding="utf-8"?>\n<D:propfind xmlns:D="DAV:">\n<D:prop>\n<D:quota-available-bytes/>\n<D:quota-used-bytes/>\n' +
  "<D:quota/>\n<D:quotaused/>\n</D:prop>\n</D:propfind>\n";
const CONTENT = "a picture of some kilobytes ".repeat(500);
const APPLE_DOUBLE = `\u0000\u0005\u0016\u0007${"resource ".repeat(20)}`;

withTools(["curl"])("the sequences of Finder", () => {
  let server: RunningServer;
  let folder: string;
  beforeAll(async () => {
    server = await startServer();
    folder = mkdtempSync(join(tmpdir(), "pandav-finder-"));
    await send("MKCOL", box(""));
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const stored = (path: string) => join(server.dataDir, "files", "box", path);
  const box = (name: string) => `/dav/local/box/${encodeURIComponent(name)}`;
  const send = (method: string, path: string, headers: readonly string[] = [], body?: string, chunked = false) =>
    curl(folder, {
      method,
      url: server.url + path,
      headers: [AGENT, ...headers],
      body,
      chunked,
      login: `${server.user}:${server.password}`,
    });

  it("mounts and opens a folder: class 2, named properties, the room in both spellings, and its own probes", async () => {
    expect((await send("OPTIONS", "/dav/local/")).headers.dav).toMatch(/\b2\b/);
    const self = await send("PROPFIND", "/dav/local/", ["Depth: 0"], LISTED);
    expect([self.status, self.body.match(/<D:response>/g)?.length]).toEqual([207, 1]);
    const quota = await send("PROPFIND", "/dav/local/", ["Depth: 0"], QUOTA);
    expect(quota.body).toMatch(/quota-available-bytes>[1-9]\d*</);
    for (const name of [".hidden", "._.", ".DS_Store", ".metadata_never_index", ".Spotlight-V100"]) {
      expect((await send("PROPFIND", box(name), ["Depth: 0"], LISTED)).status).toBe(404);
    }
    expect((await send("PROPFIND", box(""), ["Depth: 1"], LISTED)).status).toBe(207);
  });

  it("copies a file in: empty PUT, LOCK of depth 0, chunked PUT with its length beside and the token, UNLOCK; then its ._ file the same way", async () => {
    await copyIn("photo é.jpg", CONTENT);
    await copyIn("._photo é.jpg", APPLE_DOUBLE);
    expect(readFileSync(stored("photo é.jpg"), "utf8")).toBe(CONTENT);
    const listing = await send("PROPFIND", box(""), ["Depth: 1"], LISTED);
    expect(listing.body).toContain(`<D:getcontentlength>${CONTENT.length}</D:getcontentlength>`);
    expect((await send("GET", box("._photo é.jpg"))).body).toBe(APPLE_DOUBLE);
    expect((await send("GET", box("photo é.jpg"))).body).toBe(CONTENT);
  });

  it("does not store what came short of the length that was announced", async () => {
    const path = box("short.bin");
    await send("PUT", path, ["Content-Length: 0"], "");
    const said = await send("PUT", path, ["X-Expected-Entity-Length: 99999"], CONTENT, true);
    expect(said.status).toBeGreaterThanOrEqual(400);
    expect(readFileSync(stored("short.bin"), "utf8")).toBe("");
    await send("DELETE", path);
  });

  it("reads again only what has changed, and goes on where it was by date", async () => {
    const path = box("read.txt");
    await send("PUT", path, [], CONTENT);
    const { headers } = await send("GET", path);
    const date = headers["last-modified"] ?? "";
    expect((await send("GET", path, [`If-Modified-Since: ${date}`])).status).toBe(304);
    const rest = await send("GET", path, [`If-Range: ${date}`, "Range: bytes=1000-"]);
    expect([rest.status, rest.body]).toEqual([206, CONTENT.slice(1000)]);
    const whole = await send("GET", path, ["If-Range: Wed, 01 Jan 2020 00:00:00 GMT", "Range: bytes=1000-"]);
    expect([whole.status, whole.body.length]).toEqual([200, CONTENT.length]);
  });

  it("saves over a file as TextEdit does: beside it in a folder of its own, then by MOVE over the old one, one If per token", async () => {
    await copyIn("letter.txt", "first");
    const beside = "(A Document Being Saved By TextEdit)";
    expect((await send("MKCOL", box(beside))).status).toBe(201);
    const inside = `${box(beside)}/letter.txt`;
    expect((await send("PUT", inside, ["Content-Length: 0"], "")).status).toBe(201);
    const token = await locked(inside);
    const put = ["X-Expected-Entity-Length: 6", `If: (${token})`];
    expect((await send("PUT", inside, put, "second", true)).status).toBe(204);
    const old = await locked(box("letter.txt"));
    const to = `Destination: ${server.url}${box("letter.txt")}`;
    expect((await send("MOVE", inside, [to, `If: (${token})`])).status).toBe(423);
    // No Overwrite means T (RFC 4918 §10.6).
    expect((await send("MOVE", inside, [to, `If: (${token})`, `If: (${old})`])).status).toBe(204);
    expect((await send("PROPFIND", box(beside), ["Depth: 1"], LISTED)).body.match(/<D:response>/g)).toHaveLength(1);
    expect((await send("DELETE", box(beside))).status).toBe(204);
    expect((await send("UNLOCK", box("letter.txt"), [`Lock-Token: ${old}`])).status).toBe(204);
    expect(readFileSync(stored("letter.txt"), "utf8")).toBe("second");
  });

  it("renames a file with its ._ file, and deletes both and their folder", async () => {
    await copyIn("old.txt", "text");
    await copyIn("._old.txt", APPLE_DOUBLE);
    await send("MKCOL", box("new folder"));
    for (const name of ["old.txt", "._old.txt"]) {
      const to = `${box("new folder")}/${name.replace("old", "new")}`;
      expect((await send("PROPFIND", to, ["Depth: 0"], LISTED)).status).toBe(404);
      expect((await send("MOVE", box(name), [`Destination: ${server.url}${to}`])).status).toBe(201);
      expect((await send("PROPFIND", box(name), ["Depth: 0"], LISTED)).status).toBe(404);
      expect((await send("GET", to)).status).toBe(200);
    }
    for (const name of ["._new.txt", "new.txt"]) {
      expect((await send("DELETE", `${box("new folder")}/${name}`)).status).toBe(204);
    }
    expect((await send("PROPFIND", box("new folder"), ["Depth: 1"], LISTED)).body.match(/<D:response>/g)).toHaveLength(
      1,
    );
    expect((await send("DELETE", `${box("new folder")}/`)).status).toBe(204);
    expect(readdirSync(stored("")).filter((name) => /old|new/.test(name))).toEqual([]);
  });

  /** Whole, as Finder does it. */
  async function copyIn(name: string, content: string): Promise<void> {
    const path = box(name);
    expect((await send("PROPFIND", path, ["Depth: 0"], LISTED)).status).toBe(404);
    expect((await send("PUT", path, ["Content-Length: 0"], "")).status).toBe(201);
    expect((await send("PROPFIND", path, ["Depth: 0"], LISTED)).status).toBe(207);
    const token = await locked(path);
    const length = `X-Expected-Entity-Length: ${Buffer.byteLength(content)}`;
    const refused = await send("PUT", path, [length], content, true);
    expect(refused.status).toBe(423);
    const put = await send("PUT", path, [length, `If: (${token})`], content, true);
    expect([put.status, put.headers["last-modified"]]).toEqual([204, expect.stringContaining("GMT")]);
    expect((await send("PROPFIND", path, ["Depth: 0"], LISTED)).status).toBe(207);
    expect((await send("UNLOCK", path, [`Lock-Token: ${token}`])).status).toBe(204);
  }

  /** Finder's LOCK: of depth 0, for ten minutes. The token with its brackets. */
  async function locked(path: string): Promise<string> {
    const asked = ["Depth: 0", "Timeout: Second-600", "Content-Type: text/xml"];
    const reply = await send("LOCK", path, asked, LOCK_INFO);
    expect(reply.status).toBe(200);
    return reply.headers["lock-token"] ?? "";
  }
});
