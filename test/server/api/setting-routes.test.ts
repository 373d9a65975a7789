import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Api, openApi } from "./world.ts";

describe("settings over the API (alist-api.md §10, §12.3)", () => {
  let api: Api;
  beforeAll(async () => {
    api = await openApi({ settings: { token: undefined, link_expiration: 3 } });
    await api.deps.settings.set("token", "alist-test-token");
  });
  afterAll(() => api.close());

  const save = (items: readonly object[]) => api.post("/api/admin/setting/save", items);
  const get = async (key: string) => (await api.get(`/api/admin/setting/get?key=${key}`)).data;

  it("tells everybody what front ends work by, as text, and nothing that is private", async () => {
    const { data } = await api.get("/api/public/settings", { token: null });
    expect(data).toMatchObject({ site_title: "Pandav", sso_login_enabled: "false", multipart_chunk_size: "10" });
    expect(Object.values(data).every((value) => typeof value === "string")).toBe(true);
    expect(Object.keys(data)).not.toEqual(expect.arrayContaining(["token"]));
    for (const key of ["token", "jwt_secret", "sign_all", "link_expiration", "customize_head"]) {
      expect(data).not.toHaveProperty(key);
    }
  });

  it("stores a group that is sent back whole: what changed is changed, what is only shown stays, a mask is no token", async () => {
    const { data: group } = await api.get("/api/admin/setting/list?groups=0,1");
    const items = group.map((item: { key: string }) =>
      item.key === "site_title" ? { ...item, value: "Ours" } : item.key === "version" ? { ...item, value: "0" } : item,
    );
    expect((await save(items)).code).toBe(200);
    expect((await get("site_title")).value).toBe("Ours");
    expect((await get("version")).value).toBe("1.2.3");
    expect((await get("token")).value).toBe("********");
    expect(api.deps.settings.get("token")).toBe("alist-test-token");
  });

  it("has a field for each program that is not driven from here, once, which nothing is stored in (alist-api.md §12.3)", async () => {
    const read = async () => (await api.get("/api/admin/setting/list?groups=5,0")).data as { key: string }[];
    const before = await read();
    expect(before.map(({ key }) => key).sort()).toEqual(
      ["aria2_secret", "aria2_uri", "qbittorrent_seedtime", "qbittorrent_url", "token"].concat(
        ...["transmission_seedtime", "transmission_uri"],
      ),
    );
    expect(
      (await save(before.map((item) => ({ ...item, ...(item.key === "aria2_uri" && { value: "x" }) })))).code,
    ).toBe(200);
    expect(await read()).toEqual(before);
  });

  it("changes all or nothing, and names what is wrong", async () => {
    const reply = await save([
      { key: "announcement", value: "hello" },
      { key: "sign_all", value: "perhaps" },
    ]);
    expect([reply.code, reply.message]).toEqual([400, expect.stringContaining("sign_all")]);
    expect((await get("announcement")).value).toBe("");
    expect((await save([{ key: "link_expiration", value: "5" }])).message).toContain("fixed by the config file");
    expect((await save([{ key: "link_expiration", value: "3" }])).code).toBe(200);
  });

  it("keeps what it does not know, apart from its own, and forgets it on request", async () => {
    const secret = api.deps.settings.get("jwt_secret");
    expect(
      (
        await save([
          { key: "privacy_regs", value: "x" },
          { key: "jwt_secret", value: "0123456789abcdef" },
        ])
      ).code,
    ).toBe(200);
    expect(api.deps.settings.get("jwt_secret")).toBe(secret);
    expect(await get("privacy_regs")).toMatchObject({ value: "x", flag: 3 });
    expect((await api.post("/api/admin/setting/delete?key=site_title", {})).message).toBe(
      "setting [site_title] is not deprecated",
    );
    expect((await api.post("/api/admin/setting/delete?key=privacy_regs", {})).code).toBe(200);
    expect((await api.get("/api/admin/setting/get?key=privacy_regs")).code).toBe(400);
  });

  it("makes a new token, which is shown this once and ends the links of the old one", async () => {
    const sign = api.deps.auth.signatures.sign("/local/hello.txt");
    const { data: token } = await api.post("/api/admin/setting/reset_token", {});
    expect(token).toMatch(/^alist-[0-9a-f-]{36}[A-Za-z0-9]{64}$/);
    expect((await api.get("/api/me", { token })).data.username).toBe("admin");
    expect(() => api.deps.auth.signatures.check("/local/hello.txt", sign)).toThrow("sign invalid");
    expect((await api.post("/api/admin/setting/set_token", { token: "another-token-of-mine" })).data).toBe(
      "another-token-of-mine",
    );
  });

  it("gives a group's defaults without touching it", async () => {
    const { data } = await api.post("/api/admin/setting/default?group=1", {});
    expect(data.find(({ key }: { key: string }) => key === "site_title").value).toBe("Pandav");
    expect((await get("site_title")).value).toBe("Ours");
  });
});
