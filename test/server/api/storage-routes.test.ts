import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Api, openApi } from "./world.ts";

const MASK = "********";

describe("storages", () => {
  let api: Api;
  beforeEach(async () => {
    api = await openApi();
  });
  afterEach(() => api.close());

  const admin = "/api/admin/storage";
  const create = (body: object) =>
    api.post(`${admin}/create`, {
      mount_path: "/box",
      driver: "Locked Box",
      addition: JSON.stringify({ code: "sesame" }),
      ...body,
    });
  const one = async (id: number) => (await api.get(`${admin}/get?id=${id}`)).data;

  it("are created in AList's form, shown with secrets masked, and the mask means unchanged (alist-api.md §12.1)", async () => {
    const { data } = await create({
      order: 3,
      remark: "note",
      cache_expiration: 5,
      webdav_policy: "native_proxy",
      unknown_key: 1,
    });
    const shown = await one(data.id);
    expect(shown).toMatchObject({
      mount_path: "/box",
      driver: "Locked Box",
      status: "work",
      order: 3,
      remark: "note",
      cache_expiration: 5,
      webdav_policy: "native_proxy",
      web_proxy: true,
    });
    expect(JSON.parse(shown.addition)).toEqual({ code: MASK, size: 1, mode: "a", deep: false });
    await api.post(`${admin}/update`, {
      ...shown,
      mount_path: "/box2",
      addition: JSON.stringify({ code: MASK, size: "2", deep: "true" }),
    });
    expect(api.deps.vfs.storages.get(data.id)).toMatchObject({
      mountPath: "/box2",
      settings: { code: "sesame", size: 2, deep: true },
    });
    await api.post(`${admin}/update`, { ...shown, addition: JSON.stringify({ code: "other" }) });
    expect(api.deps.vfs.storages.get(data.id)).toMatchObject({
      mountPath: "/box",
      settings: { code: "other" },
      delivery: "proxy",
    });
  });

  it("keep a freshness that AList's form cannot say when the form comes back unchanged", async () => {
    const { data } = await create({});
    const before = api.deps.vfs.storages.get(data.id)?.freshness;
    await api.post(`${admin}/update`, { ...(await one(data.id)), remark: "x" });
    expect(api.deps.vfs.storages.get(data.id)?.freshness).toEqual(before);
    expect(api.deps.vfs.storages.get(data.id)?.remark).toBe("x");
  });

  it.each([
    ["a mount path that is taken", { mount_path: "/local" }, "/local"],
    ["an unknown driver", { driver: "Nope" }, "Nope"],
    ["an addition that is no JSON", { addition: "oops" }, "addition"],
    ["an unknown setting", { addition: '{"code":"x","colour":"red"}' }, "colour"],
    ["a wrong setting", { addition: '{"code":"x","mode":"c"}' }, "mode"],
    ["a missing setting", { addition: "{}" }, "code"],
  ])("refuse %s with data.id 0, naming it; nothing is stored", async (_, body, name) => {
    const reply = await create(body);
    expect([reply.status, reply.code, reply.data.id]).toEqual([200, 500, 0]);
    expect(reply.message).toContain(name);
    expect(api.deps.vfs.storages.list()).toHaveLength(1);
  });

  it("are disabled, enabled and deleted by id in the query; twice is an error (alist-api.md §12.1)", async () => {
    const { id } = (await create({})).data;
    const act = async (action: string, to = id) =>
      (await api.ask(`${admin}/${action}?id=${to}`, { method: "POST" })).code;
    expect(await act("enable")).toBe(500);
    expect(await act("disable")).toBe(200);
    expect((await one(id)).status).toBe("disabled");
    expect(await api.post("/api/fs/list", { path: "/box" })).toMatchObject({
      code: 500,
      message: expect.stringContaining("storage not found"),
    });
    expect(await act("disable")).toBe(500);
    expect(await act("enable")).toBe(200);
    expect(await api.post("/api/fs/list", { path: "/box" })).toMatchObject({ code: 200, message: "success" });
    expect(await act("delete")).toBe(200);
    expect(await act("delete")).toBe(500);
    expect(await act("enable", 9999)).toBe(500);
    expect(await act("delete", "x")).toBe(400);
    expect((await api.get(`${admin}/get?id=9999`)).code).toBe(500);
    expect((await api.get(`${admin}/get`)).code).toBe(400);
  });

  it("keep their driver, and take updates of existing ones only", async () => {
    const { id } = (await create({})).data;
    const shown = await one(id);
    expect(await api.post(`${admin}/update`, { ...shown, driver: "Memory" })).toMatchObject({
      code: 500,
      message: "driver cannot be changed",
    });
    expect((await api.post(`${admin}/update`, { ...shown, id: 9999 })).code).toBe(500);
  });

  it("are listed in pages, all without one (alist-api.md §12.1)", async () => {
    await create({});
    expect((await api.get(`${admin}/list`)).data).toMatchObject({
      total: 2,
      content: [{ mount_path: "/local" }, { mount_path: "/box" }],
    });
    expect((await api.get(`${admin}/list?page=2&per_page=1`)).data).toMatchObject({
      total: 2,
      content: [{ mount_path: "/box" }],
    });
  });

  it("are for admins and the control socket's caller alone (alist-api.md §12)", async () => {
    const token = await api.addUser("alice", { permission: 0xffff });
    for (const path of [`${admin}/list`, `${admin}/get?id=1`, "/api/admin/driver/list", "/api/pandav/storages"]) {
      expect(await api.get(path, { token })).toMatchObject({ code: 403, message: "You are not an admin" });
      expect((await api.get(path, { token: null })).code).toBe(401);
      expect((await api.get(path, { token: null, owner: true })).code).toBe(200);
    }
  });

  it("escape a failure that alist-web would render as HTML (alist-api.md §12.1)", async () => {
    const { storages } = api.deps.vfs;
    const list = storages.list.bind(storages);
    storages.list = () =>
      list().map((info) => ({ ...info, state: "failed" as const, error: '<img src=x onerror="a">' }));
    const { data } = await api.get(`${admin}/list`);
    storages.list = list;
    expect(data.content[0].status).toBe("&lt;img src=x onerror=&quot;a&quot;&gt;");
  });

  it("are added on our own wire with text settings, and listed with state and abilities", async () => {
    const body = {
      mountPath: "/box",
      driver: "locked",
      settings: { code: "sesame", size: "4", deep: "true" },
      remark: "r",
    };
    const added = await api.post("/api/pandav/storages", body, { owner: true });
    expect(added.data).toMatchObject({
      mountPath: "/box",
      driver: "locked",
      provider: "Locked Box",
      state: "working",
      settings: { code: MASK, size: 4, deep: true },
    });
    expect(added.data.abilities).toContain("upload");
    const { data } = await api.get("/api/pandav/storages");
    expect(JSON.stringify(data)).not.toContain("sesame");
    const again = await api.post("/api/pandav/storages", body);
    expect([again.data, again.message.includes("/box")]).toEqual([{ kind: "already-exists" }, true]);
    expect((await api.post("/api/pandav/storages", { mountPath: "/x" })).code).toBe(400);
  });

  it("show drivers as forms: names, types, choices, defaults as text (alist-api.md §12.2)", async () => {
    expect((await api.get("/api/admin/driver/names")).data).toEqual(["Memory", "Locked Box"]);
    const { data } = await api.get("/api/admin/driver/info?driver=Locked%20Box");
    expect(data.additional).toEqual([
      { name: "code", type: "string", default: "", options: "", required: true, help: "Opens it." },
      { name: "size", type: "number", default: "1", options: "", required: false, help: "How large." },
      { name: "mode", type: "select", default: "a", options: "a,b", required: false, help: "Which way." },
      { name: "deep", type: "bool", default: "false", options: "", required: false, help: "How far." },
    ]);
    expect(data.common[0]).toMatchObject({ name: "mount_path", required: true });
    expect(await api.get("/api/admin/driver/info?driver=Nope")).toMatchObject({
      code: 404,
      message: "driver [Nope] not found",
    });
  });
});
