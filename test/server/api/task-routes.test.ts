import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { BIT } from "#server/auth/permission-bits.ts";
import { forever } from "#test/support/vfs.ts";
import { type Api, CLIENT_ID, openApi } from "./world.ts";

const SEED = { "hello.txt": "hello", d: { "a.txt": "a", "b.txt": "bb" }, home: { "mine.txt": "mine", in: {} } };
/** alist-api.md §13. */
const KEYS = "id name creator creator_role state status progress start_time end_time total_bytes error"
  .split(" ")
  .sort();
const OK = { code: 200, message: "success" };
const MISSING = { code: 404, message: "task not found", data: null };

describe("tasks on AList's wire (alist-api.md §13)", () => {
  let api: Api;
  beforeEach(async () => {
    const drivers = [createMemoryDriver({ seed: SEED }), createMemoryDriver({ id: "plain", aliases: ["Plain"] })];
    api = await openApi({ drivers });
    await api.deps.vfs.storages.add({ mountPath: "/other", driver: "plain", settings: {} }, forever);
  });
  afterEach(() => api.close());

  const transfer = (how: string, names: string[], more: object = {}, o?: Parameters<Api["post"]>[2]) =>
    api.post(`/api/fs/${how}`, { src_dir: "/local", dst_dir: "/other", names, ...more }, o);
  const list = async (type: string, which: string, o?: Parameters<Api["get"]>[1]) =>
    (await api.get(`/api/task/${type}/${which}`, o)).data;
  const act = (type: string, action: string, tid: string, token?: string) =>
    api.ask(`/api/task/${type}/${action}?tid=${tid}`, { method: "POST" }, token === undefined ? {} : { token });
  const ended = async (type: string, count: number) => {
    const deadline = Date.now() + 5_000;
    for (;;) {
      const done = await list(type, "done");
      if (done.length === count) return done;
      if (Date.now() > deadline) throw new Error(`${JSON.stringify(done)}`);
      await sleep(5);
    }
  };
  const names = async (path: string) =>
    (await api.post("/api/fs/list", { path, refresh: true })).data.content
      .map(({ name }: { name: string }) => name)
      .sort();

  it("are what a copy to another storage becomes, one for each name, in AList's shape", async () => {
    expect(await list("copy", "undone")).toEqual([]);
    const reply = await transfer("copy", ["hello.txt", "d"]);
    expect(reply).toMatchObject({ ...OK, data: { message: "Successfully created 2 copy task(s)" } });
    const [first, second] = reply.data.tasks;
    expect(Object.keys(first).sort()).toEqual(KEYS);
    expect(first).toMatchObject({
      name: "copy [/local](/hello.txt) to [/other](/)",
      creator: "admin",
      creator_role: 2,
    });
    expect(second.name).toBe("copy [/local](/d) to [/other](/)");
    expect(first.id).toMatch(/^[\w-]{21}$/);
    const done = await ended("copy", 2);
    expect(done[0]).toMatchObject({ id: first.id, state: 2, status: "uploading", progress: 100, error: "" });
    expect(done[0].total_bytes).toBe(5);
    expect(Date.parse(done[0].end_time)).toBeGreaterThanOrEqual(Date.parse(done[0].start_time));
    expect(await names("/other/d")).toEqual(["a.txt", "b.txt"]);
    expect((await act("copy", "info", first.id)).data).toEqual(done[0]);
    expect((await act("move", "info", first.id)).code).toBe(404);
  });

  it("have roles as arrays for clients of dialect A (alist-api.md §1)", async () => {
    const { data } = await transfer("copy", ["hello.txt"], {}, { headers: CLIENT_ID });
    expect(data.tasks[0].creator_role).toEqual([2]);
  });

  it("are what a move to another storage becomes; within one it is done at once, with OpenList's message or with nothing", async () => {
    const { data } = await transfer("move", ["d"]);
    expect(data).toMatchObject({
      message: "Successfully created 1 move task(s)",
      tasks: [{ name: "move [/local](/d) to [/other](/)" }],
    });
    await ended("move", 1);
    expect([await names("/other"), await names("/local")]).toEqual([["d"], ["hello.txt", "home"]]);
    const inside = { dst_dir: "/local/home/in" };
    const message = "Move operations completed immediately";
    expect((await transfer("move", ["hello.txt"], inside)).data).toEqual({ message, tasks: [] });
    const back = { src_dir: "/local/home/in", dst_dir: "/local" };
    expect((await transfer("move", ["hello.txt"], back, { headers: CLIENT_ID })).data).toBeNull();
  });

  it("end in state 7 with the reason where the source is missing", async () => {
    expect((await transfer("copy", ["none.txt"])).data.tasks).toHaveLength(1);
    expect(await ended("copy", 1)).toMatchObject([{ state: 7, error: expect.stringMatching(/object not found$/) }]);
  });

  it("are not begun where the target exists, unless something is said of that, nor where nothing is mounted", async () => {
    await transfer("copy", ["hello.txt", "d"]);
    await ended("copy", 2);
    expect(await transfer("copy", ["hello.txt"])).toMatchObject({ code: 403, message: "file [hello.txt] exists" });
    expect(await transfer("move", ["hello.txt"])).toMatchObject({ code: 403, message: "file [hello.txt] exists" });
    expect((await transfer("copy", ["hello.txt"], { skip_existing: true })).data.tasks).toEqual([]);
    expect((await transfer("copy", ["hello.txt"], { overwrite: true })).data.tasks).toHaveLength(1);
    const nowhere = await transfer("copy", ["hello.txt"], { dst_dir: "/nomount", overwrite: true });
    expect(nowhere).toMatchObject({ code: 500, message: expect.stringContaining("storage not found") });
    expect(await transfer("copy", [])).toMatchObject({ code: 400, message: "Empty file names" });
  });

  it("enter a directory that is there: what is in it and has no namesake stays, within one storage too", async () => {
    await api.post("/api/fs/mkdir", { path: "/local/home/d" });
    await api.post("/api/fs/copy", { src_dir: "/local", dst_dir: "/local/home/d", names: ["hello.txt"] });
    const reply = await transfer("copy", ["d"], { dst_dir: "/local/home", overwrite: true });
    expect(reply.data.tasks).toHaveLength(1);
    expect(await ended("copy", 1)).toMatchObject([{ state: 2 }]);
    expect(await names("/local/home/d")).toEqual(["a.txt", "b.txt", "hello.txt"]);
  });

  it("are seen and touched by their owner and by administrators alone", async () => {
    const rights = { permission: BIT.copy | BIT.write };
    const [ann, bob] = [await api.addUser("ann", rights), await api.addUser("bob", rights)];
    const { data } = await transfer("copy", ["hello.txt"], {}, { token: ann });
    const [{ id }] = data.tasks;
    await ended("copy", 1);
    expect(await list("copy", "done", { token: ann })).toMatchObject([{ id, creator: "ann", creator_role: 0 }]);
    expect(await list("copy", "done", { token: bob })).toEqual([]);
    for (const action of ["info", "cancel", "delete", "retry"])
      expect(await act("copy", action, id, bob)).toMatchObject(MISSING);
    expect(await api.get("/api/admin/task/copy/done", { token: ann })).toMatchObject({ code: 403 });
    expect((await api.get("/api/admin/task/copy/done")).data).toHaveLength(1);
    expect(await act("copy", "delete", id, ann)).toMatchObject({ ...OK, data: null });
    expect(await list("copy", "done")).toEqual([]);
  });

  it("tell a guest that he is one", async () => {
    const guest = await api.deps.auth.users.guest();
    await api.deps.auth.users.update(guest.id, { name: "guest", basePath: "/", permission: 0, disabled: false });
    expect(await api.get("/api/task/copy/undone", { token: null })).toMatchObject({
      code: 403,
      message: "You are a guest",
    });
  });

  it("name to a user what lies in his folder as he calls it, and nothing above", async () => {
    const ann = await api.addUser("ann", { permission: BIT.copy | BIT.write, basePath: "/local/home" });
    await api.deps.vfs.storages.add({ mountPath: "/local/home/box", driver: "plain", settings: {} }, forever);
    const body = { src_dir: "/", dst_dir: "/box", names: ["mine.txt"] };
    const { data } = await api.post("/api/fs/copy", body, { token: ann });
    expect(data.tasks[0].name).toBe("copy [/](/mine.txt) to [/box](/)");
    await ended("copy", 1);
    const [{ id }] = await list("copy", "done", { token: ann });
    const own = await api.get(`/api/pandav/tasks/${id}`, { token: ann });
    expect(own.data).toMatchObject({ task: { from: "/mine.txt", to: "/box/mine.txt" }, failed: [] });
  });

  it("are changed in bulk: some by an array of ids, with what failed by id, all that failed, all that ended", async () => {
    await transfer("copy", ["none.txt", "hello.txt"]);
    const [failed] = await ended("copy", 2);
    for (const action of ["cancel", "delete", "retry"]) {
      expect(await api.post(`/api/task/copy/${action}_some`, ["nope"])).toMatchObject({
        ...OK,
        data: { nope: "task not found" },
      });
      expect((await api.post(`/api/task/copy/${action}_some`, { ids: [] })).code).toBe(400);
    }
    expect((await api.post("/api/task/copy/retry_some", [failed.id, "__proto__"])).data).toEqual(
      JSON.parse('{"__proto__":"task not found"}'),
    );
    await ended("copy", 2);
    expect(await api.ask("/api/task/copy/retry_failed", { method: "POST" })).toMatchObject({ ...OK, data: null });
    await ended("copy", 2);
    await api.ask("/api/task/copy/clear_succeeded", { method: "POST" });
    expect(await list("copy", "done")).toMatchObject([{ id: failed.id, state: 7 }]);
    await api.ask("/api/task/copy/clear_done", { method: "POST" });
    expect(await list("copy", "done")).toEqual([]);
  });

  it.each([
    "upload",
    "move",
    "offline_download",
    "offline_download_transfer",
    "decompress",
    "decompress_upload",
    "s3_transition",
  ])("answer an empty list for %s, of which there are none", async (type) => {
    expect([await list(type, "undone"), await list(type, "done")]).toEqual([[], []]);
  });

  it("are no task of a type that nobody knows", async () => {
    expect((await api.get("/api/task/strm_generate/undone")).code).toBe(400);
  });
});

describe("our own task routes", () => {
  let api: Api;
  beforeEach(async () => {
    api = await openApi({
      drivers: [createMemoryDriver({ seed: SEED }), createMemoryDriver({ id: "plain", aliases: [] })],
    });
    await api.deps.vfs.storages.add({ mountPath: "/other", driver: "plain", settings: {} }, forever);
  });
  afterEach(() => api.close());

  const until = async (id: string, state: string) => {
    const deadline = Date.now() + 5_000;
    for (;;) {
      const { data } = await api.get(`/api/pandav/tasks/${id}`);
      if (data?.task.state === state) return data;
      if (Date.now() > deadline) throw new Error(JSON.stringify(data));
      await sleep(5);
    }
  };
  const add = (task: object) => api.post("/api/pandav/tasks", { task });

  it("say beforehand how much goes which way, and move nothing", async () => {
    const { data } = await add({ kind: "copy", from: "/local/d", to: "/other/x/d", planOnly: true });
    const none = { files: 0, bytes: 0 };
    const { task } = await until(data.id, "succeeded");
    expect(task.plan).toEqual({ skip: none, service: none, receive: none, bytes: { files: 2, bytes: 3 } });
    expect((await api.post("/api/fs/list", { path: "/other", refresh: true })).data.content).toEqual([]);
  });

  it("take copies, moves and deletions, list them, and tell what failed", async () => {
    const copy = await add({ kind: "copy", from: "/local/d", to: "/other/d" });
    const removal = await add({ kind: "delete", paths: ["/local/hello.txt", "/local/none"] });
    expect(copy).toMatchObject({ ...OK, data: { kind: "copy", from: "/local/d", to: "/other/d" } });
    expect(removal.data).toMatchObject({ kind: "delete", from: "/local/hello.txt", count: 2 });
    await until(copy.data.id, "succeeded");
    await until(removal.data.id, "succeeded");
    const { data } = await api.get("/api/pandav/tasks?which=ended");
    expect(data).toMatchObject({ runs: true, tasks: [{ id: copy.data.id }, { id: removal.data.id }] });
    const again = await add({ kind: "copy", from: "/local/d", to: "/other/d" });
    const { task } = await until(again.data.id, "failed");
    expect(task.error).toMatchObject({ kind: "already-exists", class: "permanent" });
    expect((await add({ kind: "upload" })).code).toBe(400);
    expect((await add({ kind: "copy", from: "/local", to: "/other/l" })).code).toBe(403);
  });

  it("cancel, retry and forget by id or by state, and name the ids that nobody has", async () => {
    const { data } = await add({ kind: "copy", from: "/local/none", to: "/other/n" });
    await until(data.id, "failed");
    const change = (how: string, body: object) => api.post(`/api/pandav/tasks/${how}`, body);
    expect((await change("retry", { ids: [data.id, "nope"] })).data).toEqual({ changed: 1, missing: ["nope"] });
    await until(data.id, "failed");
    expect((await change("cancel", { which: "open" })).data).toEqual({ changed: 0, missing: [] });
    expect((await change("remove", { which: "failed" })).data).toEqual({ changed: 1, missing: [] });
    expect((await change("remove", {})).code).toBe(400);
    expect((await api.get(`/api/pandav/tasks/${data.id}`)).code).toBe(404);
  });
});
