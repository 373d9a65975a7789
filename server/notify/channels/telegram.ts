/** A bot of Telegram (notifications.md §3). */
import { z } from "zod";
import { secret } from "#drivers/contract/config.ts";
import { defineChannel, post, refused } from "../channel.ts";

/** Characters (notifications.md §3). */
const MAX_TEXT = 4096;

const reply = z.object({ ok: z.boolean() });

export const telegram = defineChannel({
  kind: "telegram",
  title: "Telegram",
  settings: z.object({
    token: secret({ title: "Bot token", description: "As BotFather gives it." }).regex(
      /^\d+:[\w-]+$/,
      "is no bot's token",
    ),
    chat: z.string().min(1).meta({ title: "Chat", description: "Id of the chat or channel, or @name of a channel." }),
    server: z
      .string()
      .default("https://api.telegram.org")
      .meta({ title: "Server", description: "Telegram's own, or a proxy of it." }),
  }),
  async send({ token, chat, server }, { title, text, url }, tools, signal) {
    const whole = [title, text === title ? "" : text, url ?? ""].filter(Boolean).join("\n");
    const body = JSON.stringify({
      chat_id: chat,
      text: whole.slice(0, MAX_TEXT),
      link_preview_options: { is_disabled: true },
    });
    const said = await post(tools, `${server.replace(/\/+$/, "")}/bot${token}/sendMessage`, { body, signal });
    if (reply.safeParse(said).data?.ok !== true) throw refused("not ok", said);
  },
});
