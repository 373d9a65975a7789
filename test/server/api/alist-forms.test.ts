/** AList's own forms of storages: what its panel, its scripts and its backups send (alist-api.md §12.1, §12.2). */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import type { AnyAccount } from "#drivers/contract/account.ts";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import { local } from "#drivers/local/index.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { sjtuPan } from "#drivers/sjtu-pan/index.ts";
import { openApi } from "./world.ts";

const admin = "/api/admin/storage";
const MASK = "********";

/** What stands around the driver's own fields in a form of AList's panel; the dialects differ in one name. */
const COMMON = {
  order: 0,
  remark: "",
  cache_expiration: 30,
  web_proxy: false,
  down_proxy_url: "",
  order_by: "name",
  order_direction: "asc",
  extract_folder: "front",
  disable_index: false,
  enable_sign: false,
};

/** The keys and JSON types of `addition`, as servers of both kinds were seen to give them. */
const LOCAL_OF_ALIST = {
  root_folder_path: "",
  thumbnail: false,
  use_ffmpeg: false,
  thumb_cache_folder: "",
  thumb_concurrency: "16",
  thumb_pixel: "",
  video_thumb_pos: "20%",
  show_hidden: true,
  mkdir_perm: "777",
  recycle_bin_path: "delete permanently",
};
const { use_ffmpeg: _, thumb_pixel: __, ...rest } = LOCAL_OF_ALIST;
const LOCAL_OF_OPENLIST = { ...rest, directory_size: false };

const shapeOf = (fields: object) =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, typeof value]));

describe("AList's form of a local folder", () => {
  async function world() {
    const root = await mkdtemp(join(tmpdir(), "pandav-forms-"));
    await writeFile(join(root, "a.txt"), "a");
    const api = await openApi({ drivers: [local, createMemoryDriver()] });
    onTestFinished(async () => {
      await api.close();
      await rm(root, { recursive: true, force: true });
    });
    const form = (fields: object, more: object = {}) => ({
      ...COMMON,
      webdav_policy: "native_proxy",
      mount_path: "/files",
      driver: "Local",
      addition: JSON.stringify(fields),
      ...more,
    });
    return { api, root, form };
  }

  it.each([
    ["AList", LOCAL_OF_ALIST, { down_proxy_sign: true }],
    ["OpenList", LOCAL_OF_OPENLIST, { disable_proxy_sign: false, custom_cache_policies: "" }],
  ])("mounts it, comes back with the same keys and types, and changes it: %s", async (_name, fields, more) => {
    const { api, root, form } = await world();
    const created = await api.post(`${admin}/create`, form({ ...fields, root_folder_path: root }, more));
    expect(created).toMatchObject({ code: 200, data: { id: expect.any(Number) } });
    const { id } = created.data;
    expect((await api.post("/api/fs/list", { path: "/files" })).data.content).toMatchObject([{ name: "a.txt" }]);
    const shown = (await api.get(`${admin}/get?id=${id}`)).data;
    const addition = JSON.parse(shown.addition);
    expect(shapeOf(addition)).toMatchObject(shapeOf(fields));
    expect(addition.root_folder_path).toBe(root);
    await api.deps.vfs.storages.update(
      id,
      { mountPath: "/files", driver: "local", settings: { root, verify_writes: true } },
      { signal: new AbortController().signal },
    );
    const updated = await api.post(`${admin}/update`, { ...shown, remark: "main" });
    expect(updated.code).toBe(200);
    // What the form does not know stays.
    expect(api.deps.vfs.storages.get(id)).toMatchObject({ remark: "main", settings: { root, verify_writes: true } });
  });

  it("is what the driver's form asks for", async () => {
    const { api } = await world();
    const { data } = await api.get("/api/admin/driver/info?driver=Local");
    const asked = Object.fromEntries(data.additional.map(({ name, type }: Record<string, string>) => [name, type]));
    const types = { string: "string", boolean: "bool" };
    for (const [name, type] of Object.entries(shapeOf({ ...LOCAL_OF_ALIST, ...LOCAL_OF_OPENLIST }))) {
      expect([name, asked[name]]).toEqual([name, types[type as keyof typeof types]]);
    }
  });

  it.each([
    ["root_folder_path", { root_folder_path: 5 }],
    ["root_folder_path", { thumbnail: false }],
    ["root", { root_folder_path: "relative" }],
    ["show_hidden", { root_folder_path: "/", show_hidden: false }],
    ["recycle_bin_path", { root_folder_path: "/", recycle_bin_path: "/bin" }],
  ])("is refused where it cannot be, naming %s, and nothing is mounted", async (field, fields) => {
    const { api, form } = await world();
    const before = api.deps.vfs.storages.list().length;
    const reply = await api.post(`${admin}/create`, form(fields));
    expect(reply).toMatchObject({ code: 500, data: { id: 0 }, message: expect.stringContaining(field) });
    expect(api.deps.vfs.storages.list()).toHaveLength(before);
  });

  it("is not needed: our own settings are taken as before", async () => {
    const { api, root, form } = await world();
    expect((await api.post(`${admin}/create`, form({ root, verify_writes: "true" }))).code).toBe(200);
  });
});

describe("AList's form of SJTU Pan", () => {
  const FIRST = "0".repeat(128);
  const SECOND = "1".repeat(128);
  const SJTU_OF_ALIST = {
    order_by: "name",
    order_by_type: "asc",
    user_token: FIRST,
    user_id: "10000001",
    keep_alive: "0",
  };

  async function world() {
    const plain = createMemoryDriver({ seed: { "a.txt": "a" } });
    const driver = {
      ...sjtuPan,
      open: (_: unknown, env: never, o: never) => plain.open({ page_size: 10 }, env, o),
    } as AnyDriver;
    const kind: AnyAccount = {
      kind: "sjtu",
      title: "jAccount",
      credential: z.object({ userToken: z.string() }),
      flows: [],
      identify: async ({ userToken }: { userToken: string }) => ({ userId: userToken.slice(0, 4), name: "ann" }),
      check: async () => ({ state: "ok" }),
    };
    const api = await openApi({ drivers: [driver, createMemoryDriver()], accountKinds: [kind] });
    onTestFinished(() => api.close());
    const form = (fields: object) => ({
      ...COMMON,
      webdav_policy: "302_redirect",
      mount_path: "/sjtu",
      driver: "SJTUNetdisk",
      addition: JSON.stringify(fields),
    });
    return { api, form };
  }

  it("puts its token into an account, leaves masked, and comes back as unchanged or with another login", async () => {
    const { api, form } = await world();
    const { code, data } = await api.post(`${admin}/create`, form(SJTU_OF_ALIST));
    expect(code).toBe(200);
    const storage = () => api.deps.vfs.storages.get(data.id)!;
    expect(storage()).toMatchObject({ settings: { root: "/" }, account: { kind: "sjtu", userId: "0000" } });
    const shown = (await api.get(`${admin}/get?id=${data.id}`)).data;
    expect(shapeOf(JSON.parse(shown.addition))).toEqual(shapeOf(SJTU_OF_ALIST));
    expect(JSON.parse(shown.addition).user_token).toBe(MASK);
    expect(JSON.stringify([shown, (await api.get(`${admin}/list`)).data])).not.toContain(FIRST);
    expect((await api.post(`${admin}/update`, { ...shown, remark: "mine" })).code).toBe(200);
    expect(storage()).toMatchObject({ remark: "mine", account: { userId: "0000" } });
    const renewed = { ...shown, addition: JSON.stringify({ ...SJTU_OF_ALIST, user_token: SECOND }) };
    expect((await api.post(`${admin}/update`, renewed)).code).toBe(200);
    expect(storage().account?.userId).toBe("1111");
  });

  it("is refused with a token that is none, and keeps no account", async () => {
    const { api, form } = await world();
    const reply = await api.post(`${admin}/create`, form({ ...SJTU_OF_ALIST, user_token: "short" }));
    expect(reply).toMatchObject({ code: 500, data: { id: 0 }, message: expect.stringContaining("user_token") });
    expect(api.deps.accounts.list()).toEqual([]);
  });
});
