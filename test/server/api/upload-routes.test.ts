import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPermissionWorld, type PermissionWorld } from "../permissions/world.ts";

const TOKEN = "alist-test-token";
const MIB = 1024 * 1024;

describe("uploads of AList's clients (alist-api.md §7)", () => {
  let world: PermissionWorld;
  let bob: string;
  beforeAll(async () => {
    world = await openPermissionWorld({ up: { "there.txt": "old" }, home: { "mine.txt": "m" } });
    const { users, sessions } = world.deps.auth;
    const user = await users.create(
      { name: "bob", basePath: "/m/home", permission: 1 << 3, disabled: false },
      "bob-secret",
    );
    bob = await sessions.start(user, "");
  });
  afterAll(() => world.close());

  async function put(path: string, body: string, headers: Record<string, string> = {}) {
    const all = { Authorization: TOKEN, "File-Path": encodeURIComponent(path), ...headers };
    const answer = await world.ask({ method: "PUT", target: "/api/fs/put", headers: all, body });
    return { ...answer, envelope: JSON.parse(answer.text) };
  }
  const read = async (path: string) =>
    (
      await world.ask({
        method: "GET",
        target: `/api/pandav/fs/content?path=${encodeURIComponent(path)}`,
        headers: { Authorization: TOKEN },
      })
    ).text;
  const timeOf = async (path: string) =>
    JSON.parse(
      (
        await world.ask({
          method: "GET",
          target: `/api/pandav/fs/stat?path=${encodeURIComponent(path)}`,
          headers: { Authorization: TOKEN },
        })
      ).text,
    ).data.modifiedAt;

  it("stores the body with its time, makes the missing parents, and overwrites what is there", async () => {
    expect((await put("/m/new/deep/讲义 1.txt", "one", { "Last-Modified": "1704164645678" })).envelope).toEqual({
      code: 200,
      message: "success",
      data: null,
    });
    expect(await read("/m/new/deep/讲义 1.txt")).toBe("one");
    expect(await timeOf("/m/new/deep/讲义 1.txt")).toBe(1704164645678);
    expect((await put("/m/new/deep/讲义 1.txt", "two")).code).toBe(200);
    expect(await read("/m/new/deep/讲义 1.txt")).toBe("two");
  });

  it("refuses what is there with Overwrite: false, and leaves it as it is", async () => {
    const { status, envelope } = await put("/m/up/there.txt", "new", { Overwrite: "false" });
    expect([status, envelope.code, envelope.message]).toEqual([200, 403, "file exists"]);
    expect(await read("/m/up/there.txt")).toBe("old");
  });

  it.each([
    ["X-File-Md5", "md5"],
    ["X-File-Sha1", "sha1"],
    ["X-File-Sha256", "sha256"],
  ])(
    "heeds %s: the right digest passes, a wrong one stores nothing, none at all is refused",
    async (header, algorithm) => {
      const digest = (text: string) => createHash(algorithm).update(text).digest("hex");
      expect((await put(`/m/${algorithm}.txt`, "content", { [header]: digest("content").toUpperCase() })).code).toBe(
        200,
      );
      const wrong = await put("/m/up/there.txt", "other", { [header]: digest("content") });
      expect([wrong.code, wrong.envelope.message]).toEqual([
        500,
        expect.stringContaining("does not match the checksum"),
      ]);
      expect(await read("/m/up/there.txt")).toBe("old");
      expect((await put(`/m/never-${algorithm}.txt`, "other", { [header]: digest("content") })).code).toBe(500);
      expect(world.truth()).not.toContain(`/never-${algorithm}.txt`);
      expect((await put("/m/x.txt", "content", { [header]: "abc" })).code).toBe(400);
    },
  );

  it("keeps everybody inside his base path, whatever the header holds (alist-api.md §4.8)", async () => {
    expect((await put("/mine.txt", "his", { Authorization: bob })).code).toBe(200);
    expect(await read("/m/home/mine.txt")).toBe("his");
    expect((await put("/../up/there.txt", "x", { Authorization: bob })).code).toBe(403);
    expect((await put("/x", "x", { Authorization: bob, "File-Path": "%zz" })).code).toBe(400);
    expect(await read("/m/up/there.txt")).toBe("old");
  });

  it("takes the field file of a form, and no other", async () => {
    const form = (field: string) =>
      `--b\r\nContent-Disposition: form-data; name="${field}"; filename="x"\r\nContent-Type: text/plain\r\n\r\nform body\r\n--b--\r\n`;
    const send = async (field: string) =>
      JSON.parse(
        (
          await world.ask({
            method: "PUT",
            target: "/api/fs/form",
            headers: {
              Authorization: TOKEN,
              "File-Path": "/m/up/form.txt",
              "Content-Type": "multipart/form-data; boundary=b",
            },
            body: form(field),
          })
        ).text,
      );
    expect((await send("file")).code).toBe(200);
    expect(await read("/m/up/form.txt")).toBe("form body");
    expect(await send("other")).toMatchObject({ code: 500, message: expect.stringContaining("http: no such file") });
  });

  describe("in pieces (alist-api.md §7.4)", () => {
    const content = Buffer.from(Array.from({ length: MIB + 5 }, (_, i) => 97 + (i % 26))).toString("latin1");
    const init = async (path: string, more: Record<string, string> = {}, token = TOKEN) =>
      JSON.parse(
        (
          await world.ask({
            method: "POST",
            target: "/api/fs/multipart/init",
            headers: {
              Authorization: token,
              "File-Path": path,
              "X-File-Size": String(content.length),
              "X-Chunk-Size": "1048576",
              ...more,
            },
          })
        ).text,
      );
    const send = async (
      method: string,
      name: string,
      id: string,
      o: { index?: number; body?: string; token?: string } = {},
    ) =>
      JSON.parse(
        (
          await world.ask({
            method,
            target: `/api/fs/multipart/${name}`,
            headers: {
              Authorization: o.token ?? TOKEN,
              "X-Upload-Id": id,
              ...(o.index !== undefined && { "X-Chunk-Index": String(o.index) }),
            },
            ...(o.body !== undefined && { body: o.body }),
          })
        ).text,
      );

    it("stores the file once every piece is there, in whatever order they come, and goes on where it was", async () => {
      const dated = { "Last-Modified": "1704164645678" };
      const { data } = await init("/m/up/pieces.bin", dated);
      expect(data).toMatchObject({
        state: "receiving",
        total_chunks: 2,
        chunk_size: MIB,
        received: null,
        resumed: false,
      });
      const id = data.upload_id;
      const last = await send("PUT", "chunk", id, { index: 1, body: content.slice(MIB) });
      expect(last.data).toMatchObject({ received: [[1, 1]], received_bytes: 5, frontier: 0 });
      expect((await send("POST", "complete", id)).code).toBe(400);
      expect((await init("/m/up/pieces.bin", dated)).data).toMatchObject({ upload_id: id, resumed: true });
      expect((await send("PUT", "chunk", id, { index: 0, body: content.slice(0, MIB) })).data.received).toEqual([
        [0, 1],
      ]);
      expect((await send("POST", "complete", id)).data).toMatchObject({ state: "completed", storage_progress: 100 });
      expect(await read("/m/up/pieces.bin")).toBe(content);
    });

    it("never puts pieces of two contents of one size together: what is said of them must be the same", async () => {
      const first = (await init("/m/up/two.bin", { "Last-Modified": "1704164645678" })).data;
      await send("PUT", "chunk", first.upload_id, { index: 0, body: content.slice(0, MIB) });
      const second = (await init("/m/up/two.bin", { "Last-Modified": "1704164645999" })).data;
      expect(second).toMatchObject({ resumed: false, received: null });
      expect((await send("POST", "complete", first.upload_id)).code).toBe(404);
      const third = (await init("/m/up/two.bin")).data;
      expect((await init("/m/up/two.bin")).data.upload_id).not.toBe(third.upload_id);
    });

    it("takes no piece that is too short, and none of somebody else's upload", async () => {
      const { data } = await init("/m/up/short.bin");
      const short = await send("PUT", "chunk", data.upload_id, { index: 0, body: "short" });
      expect([short.code, short.message]).toEqual([
        500,
        expect.stringContaining("only 5 of the piece's 1048576 bytes"),
      ]);
      expect((await send("PUT", "chunk", data.upload_id, { index: 0, body: "x", token: bob })).code).toBe(403);
      expect((await send("POST", "complete", data.upload_id)).code).toBe(400);
      expect((await send("POST", "abort", data.upload_id)).code).toBe(200);
      expect((await send("POST", "complete", data.upload_id)).code).toBe(404);
      expect(world.truth()).not.toContain("/up/short.bin");
    });

    it("stores nothing where the content is not the one that was announced", async () => {
      const { data } = await init("/m/up/there.txt", {
        "X-File-Sha1": createHash("sha1").update("other").digest("hex"),
      });
      await send("PUT", "chunk", data.upload_id, { index: 0, body: content.slice(0, MIB) });
      await send("PUT", "chunk", data.upload_id, { index: 1, body: content.slice(MIB) });
      const reply = await send("POST", "complete", data.upload_id);
      expect([reply.code, reply.data.state]).toEqual([500, "failed_permanent"]);
      expect(await read("/m/up/there.txt")).toBe("old");
    });
  });
});
