/** The npm package `webdav`, which Obsidian's plugins and many programs use: every operation that it has (webdav.md §7). */
import { once } from "node:events";
import { Readable, type Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createClient, type FileStat, type ResponseDataDetailed, type WebDAVClient } from "webdav";
import { pseudoRandomBytes } from "#test/support/pseudo-random.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

/** The client sends it as Latin-1 (webdav.md §5). */
const PASSWORD = "größer + : / ünd länger";
const AWKWARD = "a #1 100% ?&+;'\" é中文 😀.txt";
const BYTES = pseudoRandomBytes(300_000, 3);

let server: RunningServer;
let client: WebDAVClient;
/** Operations that were called. */
const called = new Set<string>();
beforeAll(async () => {
  server = await startServer({ adminPassword: PASSWORD });
  const plain = createClient(`${server.url}/dav/local`, { username: server.user, password: PASSWORD });
  client = new Proxy(plain, {
    get(target, name: keyof WebDAVClient) {
      called.add(name);
      return target[name];
    },
  });
});
afterAll(() => server.stop());

const text = async (path: string) => (await client.getFileContents(path, { format: "text" })) as string;
const names = async (path: string) =>
  ((await client.getDirectoryContents(path)) as FileStat[]).map(({ basename }) => basename);

it("writes and reads: text, bytes, streams, ranges, awkward names", async () => {
  expect(await client.putFileContents(`/${AWKWARD}`, "käse")).toBe(true);
  expect(await text(`/${AWKWARD}`)).toBe("käse");
  expect(await client.putFileContents("/bytes.bin", BYTES)).toBe(true);
  expect(BYTES.equals((await client.getFileContents("/bytes.bin")) as Buffer)).toBe(true);
  expect(await client.putFileContents("/stream.bin", Readable.from([BYTES.subarray(0, 9), BYTES.subarray(9)]))).toBe(
    true,
  );
  expect(BYTES.equals(await buffer(client.createReadStream("/stream.bin") as Readable))).toBe(true);
  const piece = client.createReadStream("/stream.bin", { range: { start: 1000, end: 1999 } }) as Readable;
  expect(BYTES.subarray(1000, 2000).equals(await buffer(piece))).toBe(true);
  const written = new Promise((resolve) => {
    const stream = client.createWriteStream("/written.bin", {}, resolve) as unknown as Writable;
    stream.end(BYTES);
  });
  expect(await written).toMatchObject({ status: 201 });
  expect(await client.stat("/written.bin")).toMatchObject({ type: "file", size: BYTES.length });
  expect((await names("/")).sort()).toEqual([AWKWARD, "bytes.bin", "stream.bin", "written.bin"].sort());
});

it("overwrites only where it may: putFileContents, createWriteStream, copyFile, moveFile with overwrite false", async () => {
  await client.putFileContents("/kept.txt", "old");
  await client.putFileContents("/other.txt", "other");
  expect(await client.putFileContents("/kept.txt", "new", { overwrite: false })).toBe(false);
  const stream = client.createWriteStream("/kept.txt", { overwrite: false }) as unknown as Writable;
  stream.end("new");
  expect(await once(stream, "error").catch((error: unknown) => [error])).toMatchObject([{ status: 412 }]);
  for (const operation of ["copyFile", "moveFile"] as const) {
    await expect(client[operation]("/other.txt", "/kept.txt", { overwrite: false })).rejects.toMatchObject({
      status: 412,
    });
  }
  expect([await text("/kept.txt"), await text("/other.txt")]).toEqual(["old", "other"]);
  await client.moveFile("/other.txt", "/kept.txt");
  expect([await text("/kept.txt"), await client.exists("/other.txt")]).toEqual(["other", false]);
});

it("makes, lists, copies, moves and removes directories", async () => {
  await client.createDirectory("/deep/a/中 文", { recursive: true });
  await client.createDirectory("/deep/a/中 文", { recursive: true });
  await expect(client.createDirectory("/deep/a/中 文")).rejects.toMatchObject({ status: 405 });
  await expect(client.createDirectory("/nowhere/a")).rejects.toMatchObject({ status: 409 });
  await client.putFileContents("/deep/a/one.txt", "1");
  await client.putFileContents("/deep/a/two.md", "2");
  const listed = (await client.getDirectoryContents("/deep/a", { details: true })) as ResponseDataDetailed<FileStat[]>;
  expect(listed.status).toBe(207);
  expect(listed.data.map(({ filename, type, size }) => [filename, type, size]).sort()).toEqual([
    ["/deep/a/one.txt", "file", 1],
    ["/deep/a/two.md", "file", 1],
    ["/deep/a/中 文", "directory", 0],
  ]);
  const self = (await client.getDirectoryContents("/deep/a", { includeSelf: true })) as FileStat[];
  expect(self).toHaveLength(4);
  const some = (await client.getDirectoryContents("/deep/a", { glob: "/deep/a/*.md" })) as FileStat[];
  expect(some.map(({ basename }) => basename)).toEqual(["two.md"]);
  // It asks for the whole tree at once, which is refused (RFC 4918 §9.1 `propfind-finite-depth`).
  await expect(client.getDirectoryContents("/deep", { deep: true })).rejects.toMatchObject({ status: 403 });
  await client.copyFile("/deep/a", "/copy");
  await client.copyFile("/deep/a", "/hollow", { shallow: true });
  await client.moveFile("/copy", "/moved");
  expect([await names("/moved"), await names("/hollow")]).toEqual([await names("/deep/a"), []]);
  await client.deleteFile("/moved");
  expect([await client.exists("/moved"), await client.exists("/moved/one.txt")]).toEqual([false, false]);
  await expect(client.deleteFile("/moved")).rejects.toMatchObject({ status: 404 });
});

it("says what a file is: stat with details, quota, what the server can do", async () => {
  const before = Date.now();
  await client.putFileContents("/what.txt", "what");
  const { data, headers } = (await client.stat("/what.txt", { details: true })) as ResponseDataDetailed<FileStat>;
  expect(data).toMatchObject({
    filename: "/what.txt",
    basename: "what.txt",
    size: 4,
    type: "file",
    mime: "text/plain",
  });
  expect(Math.abs(Date.parse(data.lastmod) - before)).toBeLessThan(10_000);
  const etag = (await fetchWith("HEAD", "/what.txt")).headers.get("etag");
  expect([`"${data.etag}"`, headers["content-type"]]).toEqual([etag, expect.stringContaining("xml")]);
  const quota = (await client.getQuota()) as { used: number; available: number };
  expect([quota.used > 0, quota.available > 0]).toEqual([true, true]);
  const { compliance } = await client.getDAVCompliance("/what.txt");
  expect(compliance).toEqual(["1", "2", "3"]);
});

it("locks, refuses whoever has no token, and unlocks by the bare token (webdav.md §5)", async () => {
  await client.putFileContents("/locked.txt", "old");
  const { token, serverTimeout } = await client.lock("/locked.txt");
  // It asks for `Infinite, Second-4100000000`; a day is what is granted.
  expect([token, serverTimeout]).toEqual([expect.stringMatching(/^urn:uuid:/), "Second-86400"]);
  await expect(client.putFileContents("/locked.txt", "theirs")).rejects.toMatchObject({ status: 423 });
  await expect(client.lock("/locked.txt")).rejects.toMatchObject({ status: 423 });
  const held = { headers: { If: `(<${token}>)` } };
  expect(await client.putFileContents("/locked.txt", "mine", held)).toBe(true);
  // Its refresh sends a body, which makes it a second lock (RFC 4918 §9.10.2); without one the lock is renewed.
  const refresh = { refreshToken: `(<${token}>)`, timeout: "Second-600" };
  await expect(client.lock("/locked.txt", refresh)).rejects.toMatchObject({ status: 423 });
  const headers = { If: refresh.refreshToken, Timeout: refresh.timeout };
  const refreshed = await client.customRequest("/locked.txt", { method: "LOCK", headers });
  expect([refreshed.status, await refreshed.text()]).toEqual([200, expect.stringContaining("Second-600")]);
  await client.unlock("/locked.txt", token);
  await client.deleteFile("/locked.txt");
});

it("carries properties through requests of one's own and parses them as it is told", async () => {
  await client.putFileContents("/marked.txt", "x");
  const set = (value: string) =>
    `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><mark xmlns="u" level="7">${value}</mark></D:prop></D:set></D:propertyupdate>`;
  const reply = await client.customRequest("/marked.txt", { method: "PROPPATCH", data: set('{"a":1}') });
  expect(reply.status).toBe(207);
  client.registerTagParser((path, value) => (path.endsWith("prop.mark") ? JSON.parse(value) : value));
  client.registerAttributeParser((path, value) => (path.endsWith("mark") || path.endsWith("level") ? 7 : value));
  const { data } = (await client.stat("/marked.txt", { details: true })) as ResponseDataDetailed<FileStat>;
  expect(JSON.stringify(data.props?.mark)).toContain('"a":1');
});

it("is told plainly what there is not: changing a part of a file, and searching", async () => {
  await client.putFileContents("/whole.txt", "whole");
  await expect(client.partialUpdateFileContents("/whole.txt", 0, 2, "abc")).rejects.toThrow(/not supported/i);
  await expect(client.search("/", { data: "<a/>" })).rejects.toMatchObject({ status: 405 });
  expect(await text("/whole.txt")).toBe("whole");
});

it("gives links that other programs can use, and sends headers of one's own", async () => {
  await client.putFileContents("/linked.txt", "linked");
  // The password stands in the link as it is, which no program reads again; most ask for it.
  const bare = (link: string) => `http://${link.slice(link.lastIndexOf("@") + 1)}`;
  const authorization = client.getHeaders().Authorization!;
  const got = await fetch(bare(client.getFileDownloadLink("/linked.txt")), { headers: { authorization } });
  expect(await got.text()).toBe("linked");
  const upload = bare(client.getFileUploadLink("/sent.txt"));
  const sent = await fetch(upload, { method: "PUT", body: "sent", headers: { authorization } });
  expect([sent.status, await text("/sent.txt")]).toEqual([201, "sent"]);
  client.setHeaders({ ...client.getHeaders(), "If-None-Match": "*" });
  await expect(client.putFileContents("/sent.txt", "again")).rejects.toMatchObject({ status: 412 });
});

it("has no operation that was not called here", () => {
  expect(Object.keys(createClient("http://127.0.0.1/")).filter((name) => !called.has(name))).toEqual([]);
});

function fetchWith(method: string, path: string): Promise<Response> {
  const authorization = `Basic ${Buffer.from(`${server.user}:${PASSWORD}`).toString("base64")}`;
  return fetch(`${server.url}/dav/local${path}`, { method, headers: { authorization } });
}
