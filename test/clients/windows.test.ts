/** What Windows Explorer's redirector sends, replayed whole with curl (webdav.md §7). */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { type CurlReply, curl } from "./curl-run.ts";

const AGENT = "User-Agent: Microsoft-WebDAV-MiniRedir/10.0.19045";
const LOCK_INFO =
  '<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>' +
  "<D:locktype><D:write/></D:locktype><D:owner><D:href>PC\\me</D:href></D:owner></D:lockinfo>";
const TIMES =
  '<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop>' +
  "<Z:Win32CreationTime>Wed, 01 Jan 2025 10:00:00 GMT</Z:Win32CreationTime>" +
  "<Z:Win32LastAccessTime>Wed, 01 Jan 2025 11:00:00 GMT</Z:Win32LastAccessTime>" +
  "<Z:Win32LastModifiedTime>Wed, 01 Jan 2025 12:00:00 GMT</Z:Win32LastModifiedTime>" +
  "<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>";

withTools(["curl"])("the sequences of Windows Explorer", () => {
  let server: RunningServer;
  let folder: string;
  beforeAll(async () => {
    server = await startServer();
    folder = mkdtempSync(join(tmpdir(), "pandav-windows-"));
    await send("MKCOL", "/dav/local/box");
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const stored = (path: string) => join(server.dataDir, "files", "box", path);
  const send = (method: string, path: string, headers: readonly string[] = [], body?: string, known = true) =>
    curl(folder, {
      method,
      url: server.url + path,
      headers: [AGENT, "translate: f", ...headers],
      body,
      login: known ? `${server.user}:${server.password}` : undefined,
    });
  const box = (name: string) => `/dav/local/box/${encodeURIComponent(name)}`;
  /** Every first request comes without a name. */
  const challenged = async (method: string, path: string, headers: readonly string[] = [], body?: string) => {
    const { status, headers: said } = await send(method, path, headers, body, false);
    expect([status, said["www-authenticate"]]).toEqual([401, expect.stringMatching(/^Basic realm=/)]);
    return send(method, path, headers, body);
  };

  it("opens a folder: OPTIONS and PROPFIND from the host's root downwards, without a body, then the probes of the shell", async () => {
    const options = await send("OPTIONS", "/", [], undefined, false);
    expect(options.status).toBe(200);
    expect(options.headers).toMatchObject({ "ms-author-via": "DAV", dav: expect.stringMatching(/^1, ?2/) });
    for (const path of ["/", "/dav", "/dav/local", "/dav/local/box"]) {
      const reply = await challenged("PROPFIND", path, ["Depth: 0", "Content-Length: 0"]);
      expect([path, reply.status]).toEqual([path, 207]);
      expect(reply.body).toMatch(/<D:collection\s*\/>/);
    }
    const listing = await send("PROPFIND", "/dav/local", ["Depth: 1", "Content-Length: 0"]);
    expect(listing.body).toContain("<D:href>/dav/local/box/</D:href>");
    for (const name of ["desktop.ini", "folder.jpg", "autorun.inf", "Thumbs.db"]) {
      expect((await send("PROPFIND", box(name), ["Depth: 0", "Content-Length: 0"])).status).toBe(404);
    }
  });

  it("makes a new file: empty PUT, LOCK without Depth, HEAD, PROPPATCH and PUT with the token, UNLOCK", async () => {
    const path = box("新建 文档.docx");
    expect((await challenged("PROPFIND", path, ["Depth: 0", "Content-Length: 0"])).status).toBe(404);
    expect((await challenged("PUT", path, ["Content-Length: 0"], "")).status).toBe(201);
    const token = await locked(path);
    expect((await send("HEAD", path)).status).toBe(200);
    expect((await send("PUT", path, [`If: (${token})`, "Overwrite: T"], "content")).status).toBe(204);
    const patched = await send("PROPPATCH", path, [`If: (${token})`], TIMES);
    // Windows gives up a copy of which one property is refused.
    expect([patched.status, patched.body.match(/HTTP\/1\.1 [^<]+/g)]).toEqual([207, ["HTTP/1.1 200 OK"]]);
    const refreshed = await send("LOCK", path, [`If: (${token})`, "Timeout: Second-3600", "Content-Length: 0"]);
    expect(refreshed.status).toBe(200);
    expect((await send("UNLOCK", path, [`Lock-Token: ${token}`])).status).toBe(204);
    expect(readFileSync(stored("新建 文档.docx"), "utf8")).toBe("content");
    const asked = await send("PROPFIND", path, ["Depth: 0"], named("Win32FileAttributes", "Win32LastModifiedTime"));
    expect(asked.body).toMatch(/Win32FileAttributes[^>]*>00000020</);
    expect(asked.body).toMatch(/Win32LastModifiedTime[^>]*>Wed, 01 Jan 2025 12:00:00 GMT</);
    const head = await send("HEAD", path);
    expect(head.headers["last-modified"]).toBe("Wed, 01 Jan 2025 12:00:00 GMT");
  });

  it("saves a file that is there: LOCK, HEAD, GET, PUT under the token, refused to others until UNLOCK", async () => {
    const path = box("saved.txt");
    expect((await send("PUT", path, [], "first")).status).toBe(201);
    const token = await locked(path);
    expect((await send("HEAD", path)).headers["content-length"]).toBe("5");
    expect((await send("GET", path)).body).toBe("first");
    expect((await send("PUT", path, [], "theirs")).status).toBe(423);
    expect((await send("DELETE", path)).status).toBe(423);
    expect((await send("PUT", path, ["If: (<urn:uuid:00000000-0000-4000-8000-000000000000>)"], "theirs")).status).toBe(
      412,
    );
    expect((await send("PUT", path, [`If: (${token})`], "second")).status).toBe(204);
    expect((await send("PROPPATCH", path, [`If: (${token})`], TIMES)).status).toBe(207);
    expect((await send("UNLOCK", path, [`Lock-Token: ${token}`])).status).toBe(204);
    expect(readFileSync(stored("saved.txt"), "utf8")).toBe("second");
    expect((await send("PUT", path, [], "free")).status).toBe(204);
  });

  it("renames files and folders by MOVE with a full address, not over what is there, and deletes both", async () => {
    const to = (name: string) => [`Destination: ${server.url}${box(name)}`, "Overwrite: F"];
    await send("PUT", box("a.txt"), [], "a");
    await send("PUT", box("b.txt"), [], "b");
    expect((await send("MOVE", box("a.txt"), to("b.txt"))).status).toBe(412);
    expect((await challenged("MOVE", box("a.txt"), to("c 100%.txt"))).status).toBe(201);
    expect((await send("PROPFIND", box("a.txt"), ["Depth: 0", "Content-Length: 0"])).status).toBe(404);
    expect((await send("MKCOL", box("New folder"))).status).toBe(201);
    expect((await send("MOVE", box("New folder"), to("Photos"))).status).toBe(201);
    expect(
      (await send("MOVE", box("b.txt"), [`Destination: ${server.url}${box("Photos")}/b.txt`, "Overwrite: F"])).status,
    ).toBe(201);
    expect(readdirSync(stored("Photos"))).toEqual(["b.txt"]);
    expect((await send("DELETE", box("Photos"))).status).toBe(204);
    expect((await send("DELETE", box("c 100%.txt"))).status).toBe(204);
    expect(readdirSync(stored("")).filter((name) => /^(a|b|c|New|Photos)\b/.test(name))).toEqual([]);
  });

  /** Explorer's LOCK: no Depth, an hour. The token with its brackets. */
  async function locked(path: string): Promise<string> {
    const reply: CurlReply = await send("LOCK", path, ["Timeout: Second-3600", "Content-Type: text/xml"], LOCK_INFO);
    expect([reply.status, reply.body]).toEqual([200, expect.stringContaining("<D:timeout>Second-3600</D:timeout>")]);
    return reply.headers["lock-token"] ?? "";
  }
});

function named(...names: readonly string[]): string {
  const elements = names.map((name) => `<${name} xmlns="urn:schemas-microsoft-com:"/>`).join("");
  return `<D:propfind xmlns:D="DAV:"><D:prop>${elements}</D:prop></D:propfind>`;
}
