import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { staticHash } from "#server/auth/passwords.ts";
import { type Api, CLIENT_ID, openApi, PASSWORD } from "./world.ts";

describe("logging in", () => {
  let api: Api;
  beforeEach(async () => {
    api = await openApi();
  });
  afterEach(() => api.close());

  const anonymous = { token: null };
  const login = (body: unknown, path = "/api/auth/login") => api.post(path, body, anonymous);

  it.each([
    ["/api/auth/login", PASSWORD],
    ["/api/auth/login/hash", staticHash(PASSWORD)],
  ])("%s gives a token that works raw and as Bearer, until logout (alist-api.md §4.1, 4.3)", async (path, password) => {
    const { code, data } = await login({ username: "admin", password, otp_code: "" }, path);
    expect(code).toBe(200);
    for (const token of [data.token, `Bearer ${data.token}`]) {
      expect((await api.get("/api/me", { token })).data.username).toBe("admin");
    }
    expect((await api.get("/api/auth/logout", { token: data.token })).code).toBe(200);
    expect(await api.get("/api/me", { token: data.token })).toMatchObject({
      status: 200,
      code: 401,
      message: "token is invalidated",
    });
  });

  it("reads null as an absent field, as Python's clients send it (alist-api.md §2)", async () => {
    const login = await api.post("/api/auth/login", { username: "admin", password: PASSWORD, otp_code: null });
    expect([login.code, typeof login.data.token]).toEqual([200, "string"]);
    const list = await api.post("/api/fs/list", { path: "/local", password: null, page: null, per_page: null });
    expect(list.code).toBe(200);
    const renamed = { src_dir: "/local", rename_objects: [{ src_name: "", new_name: null }] };
    expect((await api.post("/api/fs/batch_rename", renamed)).message).not.toMatch(/received null/);
  });

  it("answers the device key of AList (alist-api.md §19)", async () => {
    const credentials = { username: "admin", password: PASSWORD };
    expect((await login(credentials)).data.device_key).toBe("eb4046d4d10c8ae654fd50bace243939");
    const withClient = await api.post("/api/auth/login", credentials, { token: null, headers: CLIENT_ID });
    expect(withClient.data.device_key).toBe("7b62bb8f8dd987b3bcb29e060ea24578");
  });

  it.each([
    [{ username: "admin", password: "wrong" }, 400, "username or password is incorrect"],
    [{ username: "nobody", password: "wrong" }, 400, "username or password is incorrect"],
    [{ username: "constructor", password: PASSWORD }, 400, "username or password is incorrect"],
    [{ password: "x" }, 400, "username"],
    [{ username: 5, password: "x" }, 400, "username"],
  ])("refuses %j with code %i (alist-api.md §4.3)", async (body, code, message) => {
    const reply = await login(body);
    expect([reply.status, reply.code, reply.data]).toEqual([200, code, null]);
    expect(reply.message).toContain(message);
  });

  it.each([
    ["an empty body", "application/json", ""],
    ["what is no JSON", "application/json", '{"username":'],
    [
      "a form, for login reads JSON only (alist-api.md §2)",
      "application/x-www-form-urlencoded",
      `username=admin&password=${PASSWORD}`,
    ],
  ])("refuses %s with code 400", async (_, type, body) => {
    const reply = await api.ask(
      "/api/auth/login",
      { method: "POST", body, headers: { "Content-Type": type } },
      anonymous,
    );
    expect([reply.status, reply.code]).toEqual([200, 400]);
  });

  it("answers 429 with Retry-After after five wrong ones, to the right one too (alist-api.md §4.3)", async () => {
    for (let i = 0; i < 5; i++) expect((await login({ username: "admin", password: `w${i}` })).code).toBe(400);
    const reply = await login({ username: "admin", password: PASSWORD });
    expect([reply.status, reply.code, reply.headers.get("retry-after")]).toEqual([200, 429, "5"]);
  });

  it("answers 401 to guests while the guest is disabled (alist-api.md §3)", async () => {
    for (const path of ["/api/me", "/api/fs/list?path=/"]) {
      expect(await api.get(path, anonymous)).toMatchObject({
        status: 200,
        code: 401,
        message: "Guest user is disabled, login please",
      });
    }
  });

  it("writes the role as number or array (alist-api.md §1), by header, query or setting", async () => {
    expect((await api.get("/api/me")).data.role).toBe(2);
    expect((await api.get("/api/me", { headers: CLIENT_ID })).data.role).toEqual([2]);
    expect((await api.get("/api/me?client_id=x")).data.role).toEqual([2]);
    await api.deps.settings.set("api_dialect", "roles");
    expect((await api.get("/api/me")).data.role).toEqual([2]);
    await api.deps.settings.set("api_dialect", "classic");
    expect((await api.get("/api/me", { headers: CLIENT_ID })).data.role).toBe(2);
  });

  it("names roles of a session, and none of the static token (alist-api.md §11)", async () => {
    const { data } = await login({ username: "admin", password: PASSWORD });
    expect((await api.get("/api/me", { token: data.token })).data).toMatchObject({
      role_names: ["admin"],
      permissions: [{ path: "/", permission: 65535 }],
    });
    expect((await api.get("/api/me")).data).toMatchObject({ role_names: null, permissions: null, password: "" });
  });

  it("lets admins and the control socket's caller set a password, which ends the sessions; nobody else", async () => {
    const token = await api.addUser("alice", { permission: 0xffff });
    const change = (password: string, o: object) =>
      api.post("/api/pandav/user/password", { name: "alice", password }, o);
    expect(await change("x", { token })).toMatchObject({ code: 403, message: "You are not an admin" });
    expect(await change("x", anonymous)).toMatchObject({ code: 401 });
    expect(await change("new one", { owner: true })).toMatchObject({ code: 200, data: null });
    expect(await api.get("/api/me", { token })).toMatchObject({ code: 401 });
    expect((await login({ username: "alice", password: "new one" })).code).toBe(200);
    expect(await api.post("/api/pandav/user/password", { name: "nobody", password: "x" })).toMatchObject({
      kind: "not-found",
      data: { kind: "not-found" },
      message: 'there is no user "nobody"',
    });
    expect((await change("", {})).code).toBe(400);
  });
});

describe("the app", () => {
  let api: Api;
  beforeEach(async () => {
    api = await openApi();
  });
  afterEach(() => api.close());

  it("answers /ping with pong, HEAD too, without login (alist-api.md §2)", async () => {
    expect(await (await api.app.request("/ping")).text()).toBe("pong");
    const head = await api.app.request("/ping", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  it("shows a browser at the root that it runs and where the files are, in English and Chinese", async () => {
    const response = await api.app.request("/");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(await response.text()).toMatch(/href="\/dav\/".*lang="zh-CN"/s);
  });

  it("answers /healthz without login: version and mounts, nothing of their settings", async () => {
    await api.post("/api/pandav/storages", { mountPath: "/box", driver: "locked", settings: { code: "open-sesame" } });
    const response = await api.app.request("/healthz");
    const text = await response.text();
    expect(JSON.parse(text)).toEqual({
      status: "ok",
      version: "1.2.3",
      mounts: [
        { path: "/local", state: "working" },
        { path: "/box", state: "working" },
      ],
    });
  });

  it.each(["GET", "POST", "PUT", "DELETE"])(
    "answers %s of an unknown API route with JSON 404 (alist-api.md §21)",
    async (method) => {
      expect(await api.ask("/api/nope", { method }, { token: null })).toMatchObject({
        status: 404,
        code: 404,
        data: null,
      });
    },
  );

  it("refuses a body over 1 MiB, without holding it", async () => {
    const reply = await api.ask(
      "/api/auth/login",
      { method: "POST", body: "x".repeat(1024 * 1024 + 1) },
      { token: null },
    );
    expect([reply.status, reply.code]).toEqual([200, 413]);
  });
});
