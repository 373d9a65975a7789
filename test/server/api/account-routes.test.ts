import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { type Box, createBox } from "#test/support/box.ts";
import { type Api, openApi } from "./world.ts";

const SECRET = "canary-5e0d";

describe("accounts and logins over the API", () => {
  let api: Api;
  let box: Box;
  let lines: string[];
  beforeEach(async () => {
    box = createBox({ seed: { "a.txt": "a" } });
    lines = [];
    const write = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
    const log: Log = { debug: write, info: write, warn: write };
    api = await openApi({ drivers: [box.driver], accountKinds: [box.kind], mount: false, log });
  });
  afterEach(() => api.close());

  const remove = (path: string) => api.ask(path, { method: "DELETE" });
  const paste = (text: string, more: object = {}) => api.post("/api/pandav/accounts", { kind: "box", text, ...more });

  it("tell the kinds, the ways to log in with their fields, and the drivers", async () => {
    const { code, data } = await api.get("/api/pandav/account-kinds");
    expect([code, data]).toEqual([
      200,
      [
        {
          kind: "box",
          title: "Box",
          flows: [
            { id: "script", title: "Script", fields: [] },
            {
              id: "cookie",
              title: "cookie",
              fields: [
                {
                  name: "cookie",
                  type: "string",
                  required: true,
                  title: "Cookie",
                  description: "As the browser has it.",
                  secret: true,
                },
              ],
            },
          ],
          takesText: true,
          takesSession: true,
          drivers: ["box"],
        },
      ],
    ]);
  });

  it("take a pasted token, make the mount that was wished for once, and put it in use", async () => {
    const mount = { mountPath: "/box", use: true };
    const first = await paste(`box:ann:${SECRET}`, { mount });
    expect(first.data).toMatchObject({ account: { name: "ann", health: "ok", mounts: ["/box"] }, mountPath: "/box" });
    box.tokens.add(SECRET);
    const again = await paste(`box:ann:${SECRET}`, { mount: { ...mount, mountPath: "/other" } });
    expect(again.data).toMatchObject({ mountPath: "/box" });
    expect(api.deps.settings.get("cli_mount_in_use")).toBe("/box");
    const { id } = first.data.account;
    expect((await api.get("/api/pandav/storages")).data).toMatchObject([
      { mountPath: "/box", driver: "box", account: { id, kind: "box", name: "ann", health: "ok" } },
    ]);
    expect((await api.get("/api/pandav/accounts")).data).toMatchObject([{ id, userId: "id-ann" }]);
  });

  it("keep the login where the mount cannot be made, and say why", async () => {
    await paste("box:ann:t", { mount: { mountPath: "/box" } });
    const { data } = await paste("box:bob:t", { mount: { mountPath: "/box", use: true } });
    expect(data).toMatchObject({ account: { name: "bob", mounts: [] }, mountError: { kind: "already-exists" } });
    expect(api.deps.settings.get("cli_mount_in_use")).toBe("");
  });

  it("check, log out, set the rate of, and remove an account", async () => {
    const { data } = await paste("box:ann:t", { mount: { mountPath: "/box" } });
    const path = `/api/pandav/accounts/${data.account.id}`;
    box.health = { state: "expiring", until: 1_800_000_000_000 };
    expect((await api.ask(`${path}/check`, { method: "POST" })).data).toMatchObject({
      health: "expiring",
      until: 1_800_000_000_000,
    });
    expect((await api.post(`${path}/rate`, { perSecond: 3 })).data).toMatchObject({ rate: 3 });
    expect((await api.post(`${path}/rate`, { perSecond: null })).data).not.toHaveProperty("rate");
    const refused = await remove(path);
    expect(refused).toMatchObject({ code: 423, kind: "locked", message: expect.stringContaining("is used by /box") });
    expect((await api.ask(`${path}/logout`, { method: "POST" })).data).toMatchObject({ loginRequired: true });
    expect((await api.get(path)).data).toMatchObject({ health: "expired", mounts: ["/box"] });
    await api.deps.vfs.storages.remove(api.deps.vfs.storages.list()[0]?.id ?? 0);
    expect(await remove(path)).toMatchObject({ code: 200 });
    expect(await api.get(path)).toMatchObject({ kind: "not-found" });
    expect(await remove("/api/pandav/accounts/x")).toMatchObject({ code: 400 });
  });

  it("run a login step by step, with news as they come, to an account with its mount", async () => {
    const gate = Promise.withResolvers<void>();
    box.script = [
      { kind: "qr", content: "https://box.example/confirm", state: "waiting" },
      { kind: "code", sentTo: "…42" },
    ];
    box.onScripted = () => gate.promise;
    const begun = await api.post("/api/pandav/logins", {
      kind: "box",
      flow: "script",
      mount: { mountPath: "/box", use: true },
    });
    expect(begun).toMatchObject({ code: 200, data: { status: "running", kind: "box", flow: "script" } });
    const path = `/api/pandav/logins/${begun.data.id}`;
    await expect.poll(() => api.get(path)).toMatchObject({ data: { step: { kind: "code", sentTo: "…42" } } });
    const answered = await api.post(`${path}/answer`, { code: "0815" });
    expect(answered.data).not.toHaveProperty("step");
    const waiting = api.get(`${path}?after=${answered.data.sequence}&waitMs=5000`);
    gate.resolve();
    const { data } = await waiting;
    expect(data).toMatchObject({
      status: "done",
      result: { mountPath: "/box", account: { name: "ann", mounts: ["/box"] } },
    });
    expect(box.answers[1]).toEqual({ code: "0815" });
  });

  it("cancel a login, and refuse what no login has", async () => {
    box.onScripted = () => new Promise(() => {});
    const { data } = await api.post("/api/pandav/logins", { kind: "box", flow: "script" });
    const path = `/api/pandav/logins/${data.id}`;
    expect(await api.post(`${path}/answer`, { code: "1" })).toMatchObject({ code: 400, kind: "invalid-config" });
    expect(await remove(path)).toMatchObject({ code: 200 });
    await expect
      .poll(() => api.get(path))
      .toMatchObject({ data: { status: "failed", error: { reason: "cancelled" } } });
    expect(await api.get("/api/pandav/logins/none")).toMatchObject({ kind: "not-found" });
    expect(await api.post("/api/pandav/logins", { kind: "box", flow: "none" })).toMatchObject({ code: 400 });
  });

  it("belong to administrators alone", async () => {
    const token = await api.addUser("eve", { permission: 0xffff });
    for (const [method, path] of [
      ["GET", "/api/pandav/accounts"],
      ["POST", "/api/pandav/accounts"],
      ["GET", "/api/pandav/accounts/1"],
      ["DELETE", "/api/pandav/accounts/1"],
      ["POST", "/api/pandav/accounts/1/check"],
      ["POST", "/api/pandav/accounts/1/logout"],
      ["POST", "/api/pandav/accounts/1/rate"],
      ["GET", "/api/pandav/account-kinds"],
      ["POST", "/api/pandav/logins"],
      ["GET", "/api/pandav/logins/x"],
      ["POST", "/api/pandav/logins/x/answer"],
      ["DELETE", "/api/pandav/logins/x"],
    ] as const) {
      const reply = await api.ask(path, { method }, { token });
      expect([method, path, reply.code]).toEqual([method, path, 403]);
    }
  });

  it("let no secret out: in no reply and no line of the log, whatever goes wrong", async () => {
    const replies: unknown[] = [];
    const keep = async (reply: Promise<unknown>) => void replies.push(await reply);
    await keep(paste(`box:ann:${SECRET}`, { mount: { mountPath: "/box" } }));
    await keep(paste(`unknown ${SECRET}`));
    await keep(paste(`box:nobody:${SECRET}`));
    const input = { cookie: SECRET };
    const begun = await api.post("/api/pandav/logins", { kind: "box", flow: "cookie", input });
    await expect.poll(() => api.get(`/api/pandav/logins/${begun.data.id}`)).toMatchObject({ data: { status: "done" } });
    await keep(api.get(`/api/pandav/logins/${begun.data.id}`));
    box.tokens.add("another");
    box.onRenew = () => {
      throw new StorageError("unauthenticated", "over");
    };
    await keep(api.post("/api/fs/list", { path: "/box", refresh: true }));
    for (const path of ["accounts", "account-kinds", "storages", "accounts/1"])
      await keep(api.get(`/api/pandav/${path}`));
    await keep(api.ask("/api/pandav/accounts/1/check", { method: "POST" }));
    await keep(api.get("/api/admin/storage/list"));
    const replied = replies.map((reply) => JSON.stringify(reply)).join("\n");
    expect(replied).toContain("login of ann");
    expect(replied.includes(SECRET) || lines.join("\n").includes(SECRET)).toBe(false);
  });

  it("are described in the OpenAPI document, with what stands in the path", async () => {
    const response = await api.app.request("/api/openapi.json");
    const { paths } = (await response.json()) as {
      paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
    };
    expect(paths["/api/pandav/accounts/{id}"]).toHaveProperty("delete");
    expect(paths["/api/pandav/logins/{id}"]?.get?.parameters?.map((one) => `${one.in} ${one.name}`)).toEqual([
      "path id",
      "query after",
      "query waitMs",
    ]);
  });
});
