/** Who makes files empty first, at a service that is to be spared them (webdav.md §5, §7, decision 0019). */
import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { type MemoryNode, MemoryStore } from "#drivers/memory/store.ts";
import { openTestVfs } from "#test/support/vfs.ts";
import { startFront } from "./harness.ts";

const LOCK_BODY =
  '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>';

async function world() {
  const store = new MemoryStore();
  const test = await openTestVfs({ drivers: [createMemoryDriver({ store, traits: { emptyFiles: false } })] });
  onTestFinished(() => test.dispose());
  await test.mount({ mountPath: "/", driver: "memory", settings: {} });
  const front = await startFront(test.vfs);
  const truth = () => [...store.root.children].map(({ name }: MemoryNode) => name).sort();
  return { front, truth };
}

describe("an empty file", () => {
  it.each([
    ["Explorer", "Microsoft-WebDAV-MiniRedir/10.0.19045", true],
    ["Finder", "WebDAVFS/3.0.0 (03008000) Darwin/23.1.0 (arm64)", true],
    ["davfs2", "davfs2/1.6.1 neon/0.32.4", true],
    ["gvfs", "gvfs/1.50.3", true],
    ["rclone", "rclone/v1.60.1-DEV", false],
    ["a program that nobody knows", "", false],
  ])("from %s", async (_name, agent, isKept) => {
    const { front, truth } = await world();
    const headers = agent === "" ? {} : { "User-Agent": agent };
    expect((await front.ask("PUT", "/dav/new", headers, "")).status).toBe(201);
    expect(truth()).toEqual(isKept ? [] : ["new"]);
    const head = await front.ask("HEAD", "/dav/new");
    expect([head.status, head.headers["content-length"]]).toEqual([200, "0"]);
  });

  it("that a LOCK makes waits for its content from anybody, which replaces it under the lock", async () => {
    const { front, truth } = await world();
    const locked = await front.ask("LOCK", "/dav/new", { Depth: "0" }, LOCK_BODY);
    expect([locked.status, truth()]).toEqual([201, []]);
    const list = await front.ask("PROPFIND", "/dav/", { Depth: "1" });
    expect(list.text).toContain("<D:href>/dav/new</D:href>");
    const token = locked.headers["lock-token"]!;
    expect((await front.ask("PUT", "/dav/new", {}, "content")).status).toBe(423);
    const put = await front.ask("PUT", "/dav/new", { If: `(${token})` }, "content");
    expect([put.status, truth()]).toEqual([204, ["new"]]);
    const get = await front.ask("GET", "/dav/new");
    expect([get.text, get.headers.etag]).toEqual(["content", put.headers.etag]);
    expect((await front.ask("UNLOCK", "/dav/new", { "Lock-Token": token })).status).toBe(204);
  });

  it("is seen, read and taken away by every method as any file", async () => {
    const { front, truth } = await world();
    const kept = { "User-Agent": "davfs2/1.6.1 neon/0.32.4" };
    const made = await front.ask("PUT", "/dav/new", { ...kept, "X-OC-Mtime": "978494646" }, "");
    expect(made.headers).toMatchObject({ "x-oc-mtime": "accepted", etag: expect.any(String) });
    const get = await front.ask("GET", "/dav/new", { "If-Match": made.headers.etag! });
    expect([get.status, get.text, get.headers["last-modified"]]).toEqual([200, "", "Wed, 03 Jan 2001 04:04:06 GMT"]);
    expect((await front.ask("MOVE", "/dav/new", { Destination: "/dav/moved" })).status).toBe(201);
    expect((await front.ask("COPY", "/dav/moved", { Destination: "/dav/copy" })).status).toBe(201);
    expect((await front.ask("DELETE", "/dav/moved")).status).toBe(204);
    expect((await front.ask("GET", "/dav/moved")).status).toBe(404);
    expect([(await front.ask("GET", "/dav/copy")).status, truth()]).toEqual([200, []]);
  });
});
