/** A package of PANDAV_DRIVERS with an account kind and its driver, for the real command line: whoever "confirms" a login makes a file. */
import { existsSync } from "node:fs";
import { z } from "zod";
import { defineAccount } from "#drivers/contract/account.ts";
import { secret } from "#drivers/contract/config.ts";
import { defineDriver } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";

const credential = z.object({ user: z.string(), token: z.string() });
type Credential = z.output<typeof credential>;

/** The "phone": `<BOX_PHONE>.refresh` asks for a new code, `<BOX_PHONE>.confirm` confirms. */
const phone = process.env.BOX_PHONE ?? "";

/** As long as the addresses of jAccount (sjtu-pan.md §2.2 step 5). */
const address = (n: number) =>
  `https://jaccount.box.example/jaccount/confirmscancode?uuid=01234567-0123-0123-0123-0123456789ab&ts=176015000000${n}&sig=${String(n).repeat(64)}`;

const input = z.object({ cookie: secret({ title: "Cookie", description: "As the browser has it." }) });

const box = defineAccount<Credential>({
  kind: "box",
  title: "Box",
  credential,
  flows: [
    {
      id: "qr",
      input: z.object({}),
      async *run(_input, env, { signal }) {
        for (let n = 1; ; n++) {
          yield { kind: "qr", content: address(n), state: n === 1 ? "waiting" : "refreshed" };
          while (!existsSync(`${phone}.confirm`) && !(n === 1 && existsSync(`${phone}.refresh`))) {
            await env.clock.sleep(20, signal);
          }
          if (existsSync(`${phone}.confirm`)) return { user: "ann", token: "canary-qr" };
        }
      },
    },
    {
      id: "cookie",
      input,
      // biome-ignore lint/correctness/useYield: this way asks nothing on its way
      async *run({ cookie }) {
        if (cookie === "canary-dead")
          throw new StorageError("unauthenticated", "the cookie is over", { reason: "expired" });
        return { user: "ann", token: String(cookie) };
      },
    },
  ],
  identify: async ({ user }) => ({ userId: user, name: user }),
  check: async () => ({ state: "ok" }),
  matchText: (text) => {
    const [, user, token] = /^(\w+):(\S+)$/.exec(text) ?? [];
    return user && token ? { user, token } : undefined;
  },
  importSession: (text) => (text.startsWith("{") ? credential.safeParse(JSON.parse(text)).data : undefined),
});

const plain = createMemoryDriver({ seed: { "hello.txt": "hello\n" } });

const driver = defineDriver({
  id: "box",
  title: "Box",
  aliases: ["Box"],
  settings: z.object({}),
  traits: plain.traits,
  account: { kind: "box", needed: "always" },
  open: (_settings, env, o) => plain.open(plain.settings.parse({}), env, o),
});

export const accounts = [box];
export const drivers = [driver];
