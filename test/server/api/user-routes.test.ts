import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { staticHash } from "#server/auth/passwords.ts";
import { totpCode } from "#server/auth/totp.ts";
import { type Api, CLIENT_ID, openApi } from "./world.ts";

const MASK = "********";

describe("users, rules of folders and tokens over the API", () => {
  let api: Api;
  beforeEach(async () => {
    api = await openApi();
  });
  afterEach(() => api.close());

  const alice = { username: "alice", password: "alice-secret", base_path: "/local/films", permission: 0, sso_id: "" };
  const login = (username: string, password: string, otp_code = "") =>
    api.post("/api/auth/login", { username, password, otp_code }, { token: null });
  const list = (path: string, o = {}, password = "") => api.post("/api/fs/list", { path, password }, o);

  it.each([
    ["a number", 0, {}],
    ["an array", [0], CLIENT_ID],
    ["an array without Client-Id", [0], {}],
  ])("are made, changed and removed, the role being %s (alist-api.md §12.4)", async (_, role, headers) => {
    const made = await api.post("/api/admin/user/create", { ...alice, role, disabled: false }, { headers });
    expect(made).toMatchObject({ code: 200, data: null });
    const token = (await login("alice", "alice-secret")).data.token;
    const { data } = await api.get("/api/admin/user/list");
    expect(data).toMatchObject({
      total: 3,
      content: [{ username: "admin" }, { username: "guest" }, { username: "alice" }],
    });
    const { id } = data.content[2];
    // An empty password keeps it, and the sessions too.
    const update = { ...alice, id, password: "", base_path: "/local", role, disabled: false };
    expect(await api.post("/api/admin/user/update", update)).toMatchObject({ code: 200 });
    expect((await api.get("/api/me", { token })).data).toMatchObject({ username: "alice", base_path: "/local" });
    await api.post("/api/admin/user/update", { ...update, disabled: true });
    expect(await api.get("/api/me", { token })).toMatchObject({ message: "Current user is disabled, replace please" });
    expect((await login("alice", "alice-secret")).code).toBe(200);
    expect(await api.post(`/api/admin/user/delete?id=${id}`, {})).toMatchObject({ code: 200, data: null });
    expect(await api.get(`/api/admin/user/get?id=${id}`)).toMatchObject({ code: 500 });
  });

  it.each<[string, string, object, number, string]>([
    ["a taken name", "create", { ...alice, username: "admin" }, 403, "already"],
    ["another administrator", "create", { ...alice, role: 2 }, 400, "admin or guest user can not be created"],
    ["another guest", "create", { ...alice, role: [1] }, 400, "admin or guest user can not be created"],
    ["a name that Basic cannot say", "create", { ...alice, username: "a:b" }, 400, "no colon"],
    ["a base path that climbs", "create", { ...alice, base_path: "/a/../b" }, 403, "relative path"],
    ["rights that no dialect has", "create", { ...alice, permission: 1 << 20 }, 400, "permission"],
    ["no password", "create", { ...alice, password: "" }, 400, "empty"],
    ["the admin disabled", "update", { id: 1, username: "admin", permission: 65535, disabled: true }, 403, "disabled"],
    [
      "the admin of no role",
      "update",
      { id: 1, username: "admin", permission: 65535, role: [] },
      403,
      "cannot change role",
    ],
    ["the guest of another name", "update", { id: 2, username: "visitor" }, 403, "renamed"],
    ["somebody who is not there", "update", { ...alice, id: 99 }, 500, "no user"],
  ])("refuse %s", async (_, route, body, code, message) => {
    const reply = await api.post(`/api/admin/user/${route}`, body);
    expect([reply.code, reply.data]).toEqual([code, null]);
    expect(reply.message).toContain(message);
  });

  it.each([1, 2])("never remove admin or guest (alist-api.md §12.4)", async (id) => {
    expect(await api.post(`/api/admin/user/delete?id=${id}`, {})).toMatchObject({
      code: 403,
      message: "cannot delete admin or guest",
    });
  });

  it("let a user change his own name and password, which ends his sessions (alist-api.md §11), and no guest", async () => {
    const token = await api.addUser("alice", { permission: 0 });
    expect(await api.post("/api/me/update", { username: "alice", password: "" }, { token })).toMatchObject({
      code: 200,
    });
    expect((await api.get("/api/me", { token })).code).toBe(200);
    await api.post("/api/me/update", { username: "alicia", password: "new one" }, { token });
    expect((await api.get("/api/me", { token })).code).toBe(401);
    expect((await login("alicia", "new one")).code).toBe(200);
    await api.post("/api/admin/user/update", { id: 2, username: "guest", role: 1, disabled: false, permission: 0 });
    const guest = { token: null };
    expect(await api.get("/api/me", guest)).toMatchObject({ code: 200, data: { username: "guest", role: 1 } });
    for (const [path, message] of [
      ["/api/me/update", "Guest user can not update profile"],
      ["/api/auth/2fa/generate", "Guest user can not generate 2FA code"],
    ]) {
      expect(await api.post(path!, {}, guest)).toMatchObject({ code: 403, message });
    }
  });

  it("ask for a code at both login forms once it was verified, until it is cancelled (alist-api.md §4.3)", async () => {
    const token = await api.addUser("alice", {});
    const { data } = await api.post("/api/auth/2fa/generate", {}, { token });
    expect(data.qr).toMatch(/^data:image\/png;base64,/);
    const verify = (code: string) => api.post("/api/auth/2fa/verify", { code, secret: data.secret }, { token });
    expect(await verify("000000")).toMatchObject({ code: 400, message: "Invalid 2FA code" });
    const step = Math.floor(Date.now() / 30_000);
    const codeAt = (at: number) => totpCode(base32(data.secret), at);
    expect(await verify(codeAt(step - 1))).toMatchObject({ code: 200, data: null });
    expect((await api.get("/api/me", { token })).data.otp).toBe(true);
    for (const [path, password] of [
      ["/api/auth/login", "alice-secret"],
      ["/api/auth/login/hash", staticHash("alice-secret")],
    ] as const) {
      const ask = (otp_code?: string) => api.post(path, { username: "alice", password, otp_code }, { token: null });
      expect(await ask()).toMatchObject({ status: 200, code: 402, message: "Invalid 2FA code", data: null });
      expect(await ask("12345")).toMatchObject({ code: 402 });
    }
    expect((await login("alice", "alice-secret", codeAt(step))).code).toBe(200);
    const { content } = (await api.get("/api/admin/user/list")).data;
    const { id } = content.find(({ username }: { username: string }) => username === "alice");
    await api.post(`/api/admin/user/cancel_2fa?id=${id}`, {});
    expect((await login("alice", "alice-secret")).code).toBe(200);
  });

  it("keep a folder's password, words and hidden names (alist-api.md §4.9, §12.5)", async () => {
    const token = await api.addUser("alice", { basePath: "/local" });
    const rules = {
      path: "/local/films",
      password: "open",
      p_sub: true,
      hide: "\\.jpg$",
      h_sub: true,
      readme: "# films",
      header: "head",
    };
    expect(await api.post("/api/admin/meta/create", rules)).toMatchObject({ code: 200, data: null });
    expect(await api.post("/api/admin/meta/create", rules)).toMatchObject({ code: 403 });
    expect(await api.post("/api/admin/meta/create", { path: "/y", hide: "(" })).toMatchObject({
      code: 400,
      message: "( is illegal: missing closing )",
    });
    expect((await api.get("/api/admin/meta/get?id=1")).data).toMatchObject({ ...rules, password: MASK });
    const refused = { code: 403, message: "password is incorrect or you have no permission", data: null };
    for (const route of ["list", "get", "dirs"]) {
      expect(await api.post(`/api/fs/${route}`, { path: "/films" }, { token })).toMatchObject(refused);
    }
    const seen = await list("/films", { token }, "open");
    expect(seen.data).toMatchObject({ readme: "# films", header: "head", total: 3 });
    expect(JSON.stringify(seen.data.content)).not.toContain(".jpg");
    expect((await list("/films", { token, headers: { Password: "%6Fpen" } })).code).toBe(200);
    expect(await api.post("/api/fs/get", { path: "/films/a.jpg", password: "open" }, { token })).toMatchObject(refused);
    const { related } = (await api.post("/api/fs/get", { path: "/films/a.mkv", password: "open" }, { token })).data;
    expect(related.map(({ name }: { name: string }) => name)).toEqual(["a.srt"]);
    // The mask sent back means unchanged; the folder's parent is not copied round it.
    await api.post("/api/admin/meta/update", { ...rules, id: 1, password: MASK, h_sub: false });
    expect((await list("/films", { token }, "open")).code).toBe(200);
    expect((await list("/local/films")).data.total).toBe(4);
    await api.post("/api/admin/meta/delete?id=1", {});
    expect((await list("/films", { token })).data.total).toBe(4);
  });

  it("make tokens that are shown once, for oneself; for others only administrators", async () => {
    const session = { token: await api.addUser("alice", { permission: 8, basePath: "/local" }) };
    const make = (body: object, o: object) => api.post("/api/pandav/tokens", body, o);
    const made = await make({ name: "phone", path: "/films" }, session);
    expect(made.data).toMatchObject({ user: "alice", name: "phone", scope: "read", path: "/films" });
    const phone = { token: made.data.token };
    expect((await list("/", phone)).data.content.map(({ name }: { name: string }) => name)).toContain("a.mkv");
    expect(await api.post("/api/fs/mkdir", { path: "/new" }, phone)).toMatchObject({ code: 403 });
    expect(await make({ name: "more" }, phone)).toMatchObject({ code: 403 });
    expect(await make({ name: "theirs", user: "admin" }, session)).toMatchObject({ code: 403 });
    expect(await make({ name: "phone" }, session)).toMatchObject({ code: 403, kind: "already-exists" });
    expect(await make({ name: "late", expiresAt: 1 }, session)).toMatchObject({ code: 400 });
    await make({ name: "his", user: "alice" }, {});
    const shown = await api.get("/api/pandav/tokens", session);
    expect(shown.data.map(({ name }: { name: string }) => name)).toEqual(["his", "phone"]);
    expect(JSON.stringify(shown)).not.toContain(made.data.token);
    expect((await api.get("/api/pandav/tokens?all=true", session)).code).toBe(403);
    expect((await api.get("/api/pandav/tokens?all=true")).data).toHaveLength(2);
    const revoke = (id: number, o: object) => api.ask(`/api/pandav/tokens/${id}`, { method: "DELETE" }, o);
    expect((await revoke(made.data.id, session)).code).toBe(200);
    expect(await list("/", phone)).toMatchObject({ code: 401, message: "token is invalidated" });
  });
});

function base32(text: string): Buffer {
  const bits = [...text]
    .map((one) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(one).toString(2).padStart(5, "0"))
    .join("");
  return Buffer.from(bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)));
}
