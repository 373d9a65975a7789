/** Bark, for iPhones (notifications.md §1). */
import { z } from "zod";
import { secret } from "#drivers/contract/config.ts";
import { defineChannel, post, refused } from "../channel.ts";

const reply = z.object({ code: z.number() });

export const bark = defineChannel({
  kind: "bark",
  title: "Bark",
  settings: z.object({
    key: secret({
      title: "Device key",
      description: "What stands behind the host in the address that the app shows.",
    }).min(1),
    server: z
      .string()
      .default("https://api.day.app")
      .meta({ title: "Server", description: "Bark's own, or one of yours." }),
  }),
  async send({ key, server }, { title, text, url }, tools, signal) {
    const body = JSON.stringify({ device_key: key, title, body: text, group: "Pandav", ...(url && { url }) });
    const said = await post(tools, `${server.replace(/\/+$/, "")}/push`, { body, signal });
    const { data } = reply.safeParse(said);
    if (data?.code !== 200) throw refused(`code ${data?.code ?? "missing"}`, said);
  },
});
