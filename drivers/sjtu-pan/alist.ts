/** AList's flat form of this storage (alist-api.md §12.2). */
import { z } from "zod";
import { secret } from "../contract/config.ts";
import type { AlistForm } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { sjtuPanSettings } from "./config.ts";
import { type SjtuCredential, userTokenOf } from "./credential.ts";

const fields = z.object({
  order_by: z.enum(["name", "modificationTime", "size"]).default("name").meta({
    title: "Order by",
    description: "Without effect: folders are sorted where they are shown.",
  }),
  order_by_type: z.enum(["asc", "desc"]).default("asc").meta({
    title: "Order",
    description: "Without effect: folders are sorted where they are shown.",
  }),
  user_token: secret({
    title: "userToken",
    description: "Token of pan.sjtu.edu.cn: its cookie USER_TOKEN, or user_token in an address.",
  }),
  user_id: z.string().default("").meta({ title: "User id", description: "Not needed." }),
  keep_alive: secret({ title: "keepalive", description: "Cookie of the load balancer. Not needed." }).default(""),
});

/** What AList's `SJTUNetdisk` is told; the token goes into the account behind the storage. */
export const sjtuPanAlist: AlistForm<typeof sjtuPanSettings, SjtuCredential> = {
  fields,
  async from(addition) {
    const { user_token } = fields.parse(addition);
    const userToken = userTokenOf(user_token);
    if (userToken === undefined) {
      throw new StorageError("invalid-config", "user_token is no userToken: it has 128 characters");
    }
    return { settings: {}, credential: { userToken } };
  },
  to: (_settings, credential) => ({
    order_by: "name",
    order_by_type: "asc",
    user_token: credential?.userToken ?? "",
    user_id: "",
    keep_alive: "",
  }),
};
