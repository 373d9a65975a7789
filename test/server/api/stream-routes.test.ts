import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { createStreams } from "#server/api/streams.ts";
import { type Api, openApi } from "./world.ts";

/** Write, rename, move, copy and remove (alist-api.md §4.7). */
const MAY_CHANGE = 0b11111000;

describe("routes that answer in lines", () => {
  let api: Api;
  let server: Server;
  let origin: string;
  beforeAll(async () => {
    const seed = { home: { "a.txt": "abc", d: { b: "b" } }, other: { secret: "x" } };
    api = await openApi({ drivers: [createMemoryDriver({ seed })], mount: false });
    const settings = { trash: true };
    await api.deps.vfs.storages.add(
      { mountPath: "/m", driver: "memory", settings },
      { signal: new AbortController().signal },
    );
    const streams = createStreams(api.deps);
    server = createServer((request, response) => {
      const path = request.url?.split("?")[0];
      const stream = streams.find((one) => one.path === path);
      void stream?.handle(request, response, { owner: false });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await api.close();
  });

  async function ask(path: string, token = "alist-test-token", body?: object) {
    const response = await fetch(`${origin}/api/pandav/${path}`, {
      headers: { ...(token && { Authorization: token }), "Content-Type": "application/json" },
      ...(body && { method: "POST", body: JSON.stringify(body) }),
    });
    const text = await response.text();
    // biome-ignore lint/suspicious/noExplicitAny: lines of several routes
    const lines: any[] = text.split("\n").flatMap((line) => (line ? [JSON.parse(line)] : []));
    return { status: response.status, type: response.headers.get("content-type"), lines };
  }
  const paths = ({ lines }: { lines: { path?: string }[] }) => lines.flatMap(({ path }) => (path ? [path] : []));

  it("walk: rows, and a last line that says that they are all", async () => {
    const answer = await ask("fs/walk?path=/m/home");
    expect([answer.status, answer.type]).toEqual([200, "application/x-ndjson; charset=utf-8"]);
    expect(answer.lines).toEqual([
      { path: "/m/home", depth: 0, kind: "directory", modifiedAt: expect.any(Number), isLast: true },
      { path: "/m/home/a.txt", depth: 1, kind: "file", size: 3, modifiedAt: expect.any(Number) },
      { path: "/m/home/d", depth: 1, kind: "directory", modifiedAt: expect.any(Number), isLast: true },
      { path: "/m/home/d/b", depth: 2, kind: "file", size: 1, modifiedAt: expect.any(Number), isLast: true },
      { end: true },
    ]);
  });

  it("refuse with a status before the first row, and the envelope of all routes", async () => {
    expect(await ask("fs/walk?path=/m/missing")).toMatchObject({
      status: 404,
      lines: [{ code: 500, data: { kind: "not-found" } }],
    });
    expect(await ask("fs/walk?path=/m/../etc")).toMatchObject({ status: 403 });
    expect(await ask("fs/walk?path=/m&maxDepth=-1")).toMatchObject({ status: 400 });
    expect(await ask("fs/walk?path=/m", "wrong")).toMatchObject({ status: 401 });
    expect(await ask("fs/walk?path=/m", undefined, { path: "/m" })).toMatchObject({ status: 405 });
    expect(await ask("fs/transfer", undefined, { how: "move" })).toMatchObject({ status: 400 });
  });

  it("refuse a body of more than 1 MiB with a status that its sender can read", async () => {
    const body = { how: "move", from: "/m/a", to: `/m/${"b".repeat(1024 * 1024)}` };
    expect(await ask("fs/transfer", undefined, body)).toMatchObject({ status: 413, lines: [{ code: 413 }] });
  });

  it("show a user his own part alone, under his own paths", async () => {
    const token = await api.addUser("kim", { basePath: "/m/home", permission: MAY_CHANGE });
    expect(paths(await ask("fs/walk?path=/", token))).toEqual(["/", "/a.txt", "/d", "/d/b"]);
    expect(paths(await ask("fs/du?path=/", token))).toEqual(["/d", "/"]);
    expect(await ask("fs/walk?path=/../other", token)).toMatchObject({ status: 403 });
    const move = { how: "move", from: "/a.txt", to: "/d/a.txt" };
    expect((await ask("fs/transfer", token, move)).lines).toEqual([
      { done: { created: true, path: "/d/a.txt" } },
      { end: true },
    ]);
    const { data } = await api.get("/api/pandav/mounts", { token });
    expect(data).toEqual({ mounts: [{ path: "/", disabled: false }] });
    const mkdir = await api.post("/api/pandav/fs/mkdir", { path: "/x/y", parents: true }, { token });
    expect(mkdir.data).toEqual({ path: "/x/y", created: true });
    const use = await api.post("/api/pandav/mounts/use", { mountPath: "/m" }, { token });
    expect(use.code).toBe(403);
  });

  it("ask for the right to change what they change", async () => {
    const token = await api.addUser("reader", { basePath: "/", permission: 0 });
    const move = { how: "move", from: "/m/other/secret", to: "/m/secret" };
    expect(await ask("fs/transfer", token, move)).toMatchObject({ status: 403 });
    expect(await ask("trash?path=/m", token)).toMatchObject({ status: 403 });
    for (const [path, body] of [
      ["fs/mkdir", { path: "/m/new" }],
      ["fs/remove", { paths: ["/m/other"], recursive: true }],
      ["trash/restore", { path: "/m", items: ["x"] }],
      ["trash/purge", { path: "/m", items: ["x"] }],
      ["trash/empty", { path: "/m" }],
    ] as const) {
      expect((await api.post(`/api/pandav/${path}`, body, { token })).code).toBe(403);
    }
    expect(paths(await ask("fs/walk?path=/m/other"))).toContain("/m/other/secret");
  });

  it("open the recycle bin only to who may remove everything in its mount", async () => {
    await api.post("/api/pandav/fs/remove", { paths: ["/m/other/secret"] });
    const token = await api.addUser("lee", { basePath: "/m/home", permission: MAY_CHANGE });
    expect(await ask("trash?path=/", token)).toMatchObject({ status: 403 });
    for (const how of ["restore", "purge"]) {
      expect((await api.post(`/api/pandav/trash/${how}`, { path: "/", items: ["secret"] }, { token })).code).toBe(403);
    }
    expect((await api.post("/api/pandav/trash/empty", { path: "/" }, { token })).code).toBe(403);
    expect((await ask("trash?path=/m")).lines[0]).toMatchObject({ name: "secret", originalPath: "/m/other/secret" });
  });

  it("transfer: a name that is taken is already-exists, and a directory is never replaced", async () => {
    const move = { how: "copy", from: "/m/home/d", to: "/m/other" };
    const kindOf = async (conflict: string) =>
      (await ask("fs/transfer", undefined, { ...move, conflict })).lines[0]?.data?.kind;
    expect([await kindOf("fail"), await kindOf("replace")]).toEqual(["already-exists", "is-a-directory"]);
    expect((await ask("fs/transfer", undefined, { ...move, conflict: "rename" })).lines[0]).toEqual({
      done: { created: true, path: "/m/other (1)" },
    });
  });
});
