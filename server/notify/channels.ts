/** Every channel that there is, in the order in which they are shown. */
import type { Channel } from "./channel.ts";
import { bark } from "./channels/bark.ts";
import { email } from "./channels/email.ts";
import { serverChan } from "./channels/server-chan.ts";
import { telegram } from "./channels/telegram.ts";
import { webhook } from "./channels/webhook.ts";

export const CHANNELS: readonly Channel[] = [webhook, email, bark, serverChan, telegram];
