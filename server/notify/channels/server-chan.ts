/** ServerChan, for WeChat and its own app (notifications.md §2). */
import { z } from "zod";
import { secret } from "#drivers/contract/config.ts";
import { defineChannel, post, refused } from "../channel.ts";

/** Characters (notifications.md §2). */
const MAX_TITLE = 32;

const reply = z.object({ code: z.number() });

export const serverChan = defineChannel({
  kind: "serverchan",
  title: "Server酱",
  settings: z.object({
    key: secret({ title: "SendKey", description: "As the site shows it: SCT…, or sctp… of Server酱³." }).regex(
      /^[A-Za-z0-9_-]+$/,
      "is no SendKey",
    ),
    server: z.string().default("").meta({
      title: "Server",
      description: "Another address than ServerChan's own, where it is reached through a proxy.",
    }),
  }),
  async send({ key, server }, { title, text, url }, tools, signal) {
    const short = [...title].slice(0, MAX_TITLE).join("");
    const desp = [title, text === title ? "" : text, url ? `<${url}>` : ""].filter(Boolean).join("\n\n");
    const said = await post(tools, addressOf(key, server), { body: JSON.stringify({ title: short, desp }), signal });
    const { data } = reply.safeParse(said);
    if (data?.code !== 0) throw refused(`code ${data?.code ?? "missing"}`, said);
  },
});

function addressOf(key: string, server: string): string {
  const [, uid] = /^sctp(\d+)t/.exec(key) ?? [];
  const origin = server.replace(/\/+$/, "") || (uid ? `https://${uid}.push.ft07.com` : "https://sctapi.ftqq.com");
  return uid ? `${origin}/send/${key}.send` : `${origin}/${key}.send`;
}
