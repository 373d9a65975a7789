import { createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Channel, Delivery } from "#server/notify/channel.ts";
import { CHANNELS } from "#server/notify/channels.ts";
import { parseNetworks } from "#server/store/networks.ts";
import { createUrlGuard } from "#server/upstream/url-guard.ts";
import { type HookServer, startHook } from "#test/support/hook-server.ts";
import { startSmtp } from "#test/support/smtp-server.ts";
import { forever } from "#test/support/vfs.ts";

const DELIVERY: Delivery = {
  title: "Pandav: 账号 ann（box） 需要重新登录",
  text: "log in again",
  url: "https://dav.example.com/@manage/accounts",
  facts: { subject: { kind: "account", id: 3 }, state: "login-required", at: 1, message: "log in again" },
};

describe("a channel", () => {
  let hook: HookServer;
  let allowed: string;
  const guard = createUrlGuard({ allowed: () => parseNetworks(allowed) });
  const channel = (kind: string) => CHANNELS.find((one) => one.kind === kind) as Channel;
  const send = async (kind: string, settings: object, delivery = DELIVERY) =>
    channel(kind).send(channel(kind).settings.parse(settings), delivery, { guard }, forever.signal);

  beforeEach(async () => {
    hook = await startHook();
    allowed = "127.0.0.0/8";
  });
  afterEach(() => hook.close());

  it("webhook posts what happened, signed with its secret (notifications.md §4)", async () => {
    await send("webhook", { url: `${hook.url}/a?b=c`, secret: "of the hook", header: "Authorization: Bearer xyz" });
    const [{ path, headers, body } = { path: "", headers: {}, body: "" }] = hook.posted;
    expect(path).toBe("/a?b=c");
    expect(JSON.parse(body)).toEqual({
      ...DELIVERY.facts,
      title: DELIVERY.title,
      text: DELIVERY.text,
      url: DELIVERY.url,
    });
    expect(headers["pandav-signature"]).toBe(
      `sha256=${createHmac("sha256", "of the hook").update(body).digest("hex")}`,
    );
    expect(headers.authorization).toBe("Bearer xyz");
  });

  it("bark posts to /push with the key, and reads the code of the answer (notifications.md §1)", async () => {
    hook.answers = [{ status: 200, json: { code: 200, message: "success" } }];
    await send("bark", { key: "device", server: `${hook.url}/` });
    expect([hook.posted[0]?.path, JSON.parse(hook.posted[0]?.body ?? "")]).toEqual([
      "/push",
      { device_key: "device", title: DELIVERY.title, body: DELIVERY.text, group: "Pandav", url: DELIVERY.url },
    ]);
    hook.answers = [{ status: 200, json: { code: 400, message: "failed to get device token" } }];
    await expect(send("bark", { key: "device", server: hook.url })).rejects.toMatchObject({
      retryable: false,
      message: "the service did not take the message (code 400: failed to get device token)",
    });
  });

  it.each([
    ["SCT123abc", "/SCT123abc.send"],
    ["sctp42tabc", "/send/sctp42tabc.send"],
  ])("serverchan posts title and text to the address of the key %s (notifications.md §2)", async (key, path) => {
    hook.answers = [{ status: 200, json: { code: 0 } }];
    await send("serverchan", { key, server: hook.url }, { ...DELIVERY, title: "长".repeat(40) });
    expect(hook.posted[0]?.path).toBe(path);
    expect(JSON.parse(hook.posted[0]?.body ?? "")).toEqual({
      title: "长".repeat(32),
      desp: `${"长".repeat(40)}\n\nlog in again\n\n<https://dav.example.com/@manage/accounts>`,
    });
    hook.answers = [{ status: 200, json: { code: 40001, message: "bad pushtoken" } }];
    await expect(send("serverchan", { key, server: hook.url })).rejects.toThrow("bad pushtoken");
  });

  it("telegram sends to the chat, and tells nothing of the token where it is refused (notifications.md §3)", async () => {
    hook.answers = [{ status: 200, json: { ok: true } }];
    await send("telegram", { token: "12:secret-token", chat: "@me", server: hook.url });
    expect(hook.posted[0]?.path).toBe("/bot12:secret-token/sendMessage");
    expect(JSON.parse(hook.posted[0]?.body ?? "")).toMatchObject({
      chat_id: "@me",
      text: `${DELIVERY.title}\nlog in again\n${DELIVERY.url}`,
    });
    hook.answers = [{ status: 429, json: { ok: false, error_code: 429, description: "Too Many Requests" } }];
    const error = await send("telegram", { token: "12:secret-token", chat: "@me", server: hook.url }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ retryable: true, message: expect.stringContaining("Too Many Requests") });
    expect(String((error as Error).message)).not.toContain("secret-token");
  });

  it("email sends a mail with a login, in UTF-8, and tells what the mail server refuses", async () => {
    const smtp = await startSmtp({ user: "ann", password: "of the mail" });
    const settings = {
      host: "127.0.0.1",
      port: smtp.port,
      security: "none",
      user: "ann",
      password: "of the mail",
      from: "pandav@example.com",
      to: "a@example.com, b@example.com",
    };
    try {
      await send("email", settings);
      expect(smtp.commands.filter((line) => line.startsWith("RCPT"))).toEqual([
        "RCPT TO:<a@example.com>",
        "RCPT TO:<b@example.com>",
      ]);
      expect(smtp.mails[0]).toMatch(/^Subject: =\?UTF-8\?/m);
      expect(smtp.mails[0]).toContain("log in again");
      expect(smtp.mails[0]).toContain("https://dav.example.com/@manage/accounts");
      await expect(send("email", { ...settings, password: "wrong" })).rejects.toMatchObject({
        retryable: false,
        message: expect.stringContaining("535 wrong login"),
      });
      smtp.rcptReply = "452 too many just now";
      await expect(send("email", settings)).rejects.toMatchObject({
        retryable: true,
        message: expect.stringContaining("452"),
      });
    } finally {
      await smtp.close();
    }
  });

  it("reaches no address that leads into the owner's network, unless he allows it", async () => {
    allowed = "";
    for (const [kind, settings] of [
      ["webhook", { url: hook.url }],
      ["bark", { key: "device", server: hook.url }],
      ["email", { host: "127.0.0.1", port: 1, from: "a@b", to: "a@b" }],
      ["email", { host: "localhost", port: 1, from: "a@b", to: "a@b" }],
    ] as const) {
      await expect(send(kind, settings)).rejects.toMatchObject({
        kind: "invalid-config",
        message: expect.stringContaining("private_addresses"),
      });
    }
    expect(hook.posted).toEqual([]);
  });
});
