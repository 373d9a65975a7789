/** A service with accounts, in memory, whose every step a test decides: the account kind `box`, and the driver `box` that needs it. */
import { z } from "zod";
import {
  type AccountHandle,
  type AnyAccount,
  defineAccount,
  type Health,
  type LoginStep,
} from "#drivers/contract/account.ts";
import { secret } from "#drivers/contract/config.ts";
import { type AnyDriver, defineDriver } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions, Mount } from "#drivers/contract/mount.ts";
import { createMemoryDriver, type MemoryDriverOptions } from "#drivers/memory/index.ts";
import { around } from "#server/layers/layer.ts";

export const boxCredential = z.object({ user: z.string(), token: z.string(), cookie: z.string().optional() });
export type BoxCredential = z.output<typeof boxCredential>;

export interface Box {
  readonly kind: AnyAccount;
  readonly driver: AnyDriver;
  /** Every call to the service, in order, such as `renew ann`. */
  readonly calls: string[];
  /** Tokens that the service takes. */
  readonly tokens: Set<string>;
  /** Called within a renewal; what it throws the renewal fails with. */
  onRenew: (credential: BoxCredential) => Promise<void> | void;
  /** The token that the next renewal gives. */
  nextToken: string;
  health: Health;
  /** The login flow `script` takes these steps one after the other, and logs in as `ann`. */
  script: readonly LoginStep[];
  /** What `script` was answered. */
  readonly answers: unknown[];
  /** Called by `script` when its steps are done, before it ends. */
  onScripted: (o: CallOptions) => Promise<void>;
  /** The credential that `script` ends in. */
  scripted: BoxCredential;
}

const pasteInput = z.object({ cookie: secret({ title: "Cookie", description: "As the browser has it." }) });

export function createBox(memory: MemoryDriverOptions = {}): Box {
  const box: Box = {
    calls: [],
    tokens: new Set(),
    onRenew() {},
    nextToken: "token-2",
    health: { state: "ok" },
    script: [],
    answers: [],
    onScripted: async () => {},
    scripted: { user: "ann", token: "token-1" },
    kind: undefined as unknown as AnyAccount,
    driver: undefined as unknown as AnyDriver,
  };
  return Object.assign(box, { kind: createKind(box), driver: createDriver(box, memory) });
}

function createKind(box: Box): AnyAccount {
  return defineAccount<BoxCredential>({
    kind: "box",
    title: "Box",
    credential: boxCredential,
    flows: [
      {
        id: "script",
        title: "Script",
        input: z.object({}),
        async *run(_input, _env, o) {
          for (const step of box.script) box.answers.push(yield step);
          await box.onScripted(o);
          return box.scripted;
        },
      },
      {
        id: "cookie",
        input: pasteInput,
        // biome-ignore lint/correctness/useYield: this way asks nothing on its way
        async *run({ cookie }) {
          return { user: "ann", token: `of ${String(cookie)}`, cookie: String(cookie) };
        },
      },
    ],
    async identify({ user }) {
      box.calls.push(`identify ${user}`);
      if (user === "nobody") throw new StorageError("unauthenticated", "the box knows nobody", { reason: "refused" });
      return { userId: `id-${user}`, name: user };
    },
    async check({ user, token }) {
      box.calls.push(`check ${user}`);
      if (box.tokens.size > 0 && !box.tokens.has(token)) throw new StorageError("unauthenticated", "the token is over");
      return box.health;
    },
    async renew(credential) {
      box.calls.push(`renew ${credential.user}`);
      await box.onRenew(credential);
      return { ...credential, token: box.nextToken };
    },
    matchText: (text) => {
      const [, user, token] = /^box:(\w+):(\S+)$/.exec(text.trim()) ?? [];
      return user && token ? { user, token } : undefined;
    },
    importSession: (text) => (text.startsWith("{") ? boxCredential.safeParse(JSON.parse(text)).data : undefined),
  });
}

/** A mount in memory that works with a token that the service takes, and renews it once where it does not. */
function createDriver(box: Box, memory: MemoryDriverOptions): AnyDriver {
  const plain = createMemoryDriver(memory);
  return defineDriver({
    id: "box",
    title: "Box",
    aliases: ["Box"],
    settings: z.object({}),
    traits: plain.traits,
    account: { kind: "box", needed: "always" },
    async open(_settings, env, o) {
      const mount = await plain.open({ page_size: 100 }, env, o);
      return guarded(mount, box, env.account as AccountHandle<BoxCredential>);
    },
  });
}

function guarded(mount: Mount, box: Box, account: AccountHandle<BoxCredential>): Mount {
  const enter = async (what: string) => {
    const credential = await account.get();
    box.calls.push(`${what} with ${credential.token}`);
    if (box.tokens.has(credential.token)) return;
    const renewed = await account.renew(credential);
    if (!box.tokens.has(renewed.token)) throw new StorageError("unauthenticated", "the box refuses the new token too");
  };
  return around(mount, {
    async call(call, next) {
      if (call.operation !== "root") await enter(call.operation);
      return next();
    },
    async *list(_directory, _o, next) {
      await enter("list");
      yield* next();
    },
  });
}
