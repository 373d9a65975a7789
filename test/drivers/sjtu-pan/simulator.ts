/** Mounts of SJTU Pan on its simulator. */
import type { Clock, DriverEnv, Log } from "#drivers/contract/driver.ts";
import type { Link, Mount } from "#drivers/contract/mount.ts";
import type { SjtuCredential } from "#drivers/sjtu-pan/credential.ts";
import { sjtuPan } from "#drivers/sjtu-pan/index.ts";
import { redacted } from "#server/redacted.ts";
import { createDriverEnv, type OwnedDriverEnv } from "#server/upstream/env.ts";
import type { MountUnderTest } from "#test/contract/mount-under-test.ts";
import { calm } from "#test/contract/steps.ts";
import { type RunningSjtuPan, type StartOptions, startSjtuPan } from "#test/simulators/sjtu-pan/start.ts";
import { expectNoCanary, watchPan } from "#test/support/canaries.ts";
import { memoryAccount, type TestAccount } from "./account-handle.ts";
import { turnedClock } from "./turned-clock.ts";

export interface PanWorld extends AsyncDisposable {
  readonly pan: RunningSjtuPan;
  readonly mount: Mount;
  readonly account: TestAccount;
  /** What the driver has; without an account for login flows. */
  readonly env: OwnedDriverEnv<SjtuCredential>;
  /** What was written to the log. */
  readonly lines: readonly unknown[];
  /** Another mount of the same account. */
  open(settings?: { root?: string }): Promise<Mount>;
}

export interface WorldOptions extends StartOptions {
  readonly settings?: { readonly root?: string };
  /** The driver's clock. Default: one on which pauses take no time. */
  readonly driverClock?: Clock;
  /** What the account has to begin with. Default: cookie and userToken, no access token. */
  readonly credential?: SjtuCredential;
}

/** A simulator, an account with a login at it, and an opened mount. Disposal fails the test on a violation. */
export async function openWorld(options: WorldOptions = {}): Promise<PanWorld> {
  const { settings = {}, driverClock = turnedClock(), credential, ...start } = options;
  const pan = await startSjtuPan(start);
  watchPan(pan);
  const lines: unknown[] = [];
  const envs: OwnedDriverEnv<SjtuCredential>[] = [];
  const newEnv = (account?: TestAccount) => {
    const env = panEnv(pan, driverClock, lines, account);
    envs.push(env);
    return env;
  };
  const { cookie, userToken } = pan.credentials();
  const account = memoryAccount(newEnv() as DriverEnv, credential ?? { cookie, userToken });
  const open = async (how: { root?: string } = {}) =>
    sjtuPan.open(sjtuPan.settings.parse(how), newEnv(account), calm());
  return {
    pan,
    mount: await open(settings),
    account,
    env: newEnv(),
    lines,
    open,
    async [Symbol.asyncDispose]() {
      await Promise.all(envs.map((env) => env.close()));
      await pan.close();
      expectNoCanary("what was logged", lines.map((line) => JSON.stringify(redacted(line))).join("\n"));
      if (pan.violations.length > 0) throw new Error(`the simulator refused:\n${pan.violations.map(said).join("\n")}`);
    },
  };
}

/** An environment whose hosts are the simulator's. */
export function panEnv(
  pan: RunningSjtuPan,
  clock: Clock,
  lines: unknown[] = [],
  account?: TestAccount,
): OwnedDriverEnv<SjtuCredential> {
  const line = (fields: unknown, message: string) => void lines.push({ fields, message });
  const log: Log = { debug: line, info: line, warn: line };
  return createDriverEnv<SjtuCredential>({
    name: "/sjtu",
    log,
    clock,
    upstreams: pan.upstreams,
    rate: { perSecond: 1_000_000, burst: 1_000_000 },
    ...(account && { account }),
  });
}

/** Opens an empty drive for the contract suite, whose links lead to the simulator by themselves. */
export async function openPan(): Promise<MountUnderTest> {
  const world = await openWorld();
  const { pan } = world;
  return {
    mount: { ...world.mount, link: async (...call) => reachable(await world.mount.link!(...call), pan) },
    traits: sjtuPan.traits,
    async seed(things) {
      for (const { path, kind, content } of things) {
        if (kind === "directory") pan.files.makeDirectory(path.join("/"));
        else pan.files.put(path.join("/"), Buffer.from(content ?? ""));
      }
    },
    dispose: async () => await world[Symbol.asyncDispose](),
  };
}

/** The link for a fetcher that knows of no rerouting. */
export function reachable(link: Link, pan: RunningSjtuPan): Link {
  const url = new URL(link.url);
  return {
    ...link,
    url: new URL(url.pathname + url.search, pan.upstreams[url.host]).href,
    headers: { ...link.headers, host: url.host },
  };
}

function said(violation: unknown): string {
  return typeof violation === "string" ? violation : JSON.stringify(violation);
}
