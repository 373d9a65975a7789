/** An address of the owner's own (notifications.md §4). */
import { createHmac } from "node:crypto";
import { z } from "zod";
import { secret } from "#drivers/contract/config.ts";
import { defineChannel, post } from "../channel.ts";

export const webhook = defineChannel({
  kind: "webhook",
  title: "Webhook",
  settings: z.object({
    url: secret({ title: "Address", description: "Where the JSON of each notice is posted to." }).min(1),
    secret: secret({
      title: "Secret",
      description:
        "Signs each request: the header Pandav-Signature is sha256=, and the HMAC-SHA256 of the body in hexadecimal.",
    }).default(""),
    header: secret({
      title: "Header",
      description: "A header that the receiver asks for, such as Authorization: Bearer ….",
    })
      .regex(/^$|^[\w-]+:[^\r\n]*$/, "needs a name, a colon, and a value")
      .default(""),
  }),
  async send({ url, secret: key, header }, { title, text, url: link, facts }, tools, signal) {
    const body = JSON.stringify({ ...facts, title, text, ...(link && { url: link }) });
    const signature = key !== "" && createHmac("sha256", key).update(body).digest("hex");
    const [name = "", ...value] = header.split(":");
    const headers = {
      ...(name !== "" && { [name.toLowerCase()]: value.join(":").trim() }),
      ...(signature && { "pandav-signature": `sha256=${signature}` }),
    };
    await post(tools, url, { body, headers, signal });
  },
});
