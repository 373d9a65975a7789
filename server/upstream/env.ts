/** Builds what a driver may touch (`DriverEnv`). */
import { randomBytes } from "node:crypto";
import type { Got } from "got";
import type { Dispatcher } from "undici";
import type { AccountHandle } from "#drivers/contract/account.ts";
import type { Clock, DriverEnv, Log, MountState } from "#drivers/contract/driver.ts";
import { createApi } from "./api.ts";
import { createBytes } from "./bytes.ts";
import { systemClock } from "./clock.ts";
import { loadCookieJar } from "./load.ts";
import { createPacer, type Pacer } from "./pacer.ts";
import type { Upstreams } from "./routes.ts";
import { openWebSocket } from "./web-socket.ts";

export interface DriverEnvOptions<C = unknown> {
  /** Names the mount or login flow in log lines. */
  readonly name: string;
  readonly log: Log;
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly account?: AccountHandle<C>;
  readonly state?: MountState;
  readonly proxy?: string;
  readonly upstreams?: Upstreams;
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** The account's budget, shared by all its mounts. Default: one of its own, with `rate`. */
  readonly pacer?: Pacer;
  readonly rate?: { readonly perSecond?: number; readonly burst?: number };
  /** Called for every request that goes out: counts them for the current request of ours. */
  readonly onRequest?: () => void;
  /** Called with the `name` above and how a request that went out ended: its status, or undefined where no answer came. */
  readonly onReply?: (name: string, status: number | undefined) => void;
}

/** An environment and the end of it. */
export interface OwnedDriverEnv<C = unknown> extends DriverEnv<C> {
  /** Closes the connections that were opened; what still runs on them breaks. */
  close(): Promise<void>;
}

/** A driver's environment. `api`, `bytes`, `webSocket` and `cookieJar` load their packages when they are first touched. */
export function createDriverEnv<C = unknown>(options: DriverEnvOptions<C>): OwnedDriverEnv<C> {
  const { upstreams = {}, proxy, clock = systemClock, rate, onRequest = () => {} } = options;
  const onReply = (status: number | undefined) => options.onReply?.(options.name, status);
  const log = named(options.log, options.name);
  const outside = { upstreams, ...(proxy !== undefined && { proxy }) };
  let pacer = options.pacer;
  let api: Got | undefined;
  let bytes: Dispatcher | undefined;
  return {
    get api() {
      pacer ??= createPacer({
        clock,
        ...(rate?.perSecond !== undefined && { ratePerSecond: rate.perSecond }),
        ...(rate?.burst !== undefined && { burst: rate.burst }),
      });
      api ??= createApi({ ...outside, pacer, log, onRequest, onReply });
      return api;
    },
    get bytes() {
      bytes ??= createBytes({ ...outside, onRequest, onReply });
      return bytes;
    },
    webSocket: (url, { headers = {} } = {}) => openWebSocket(url, headers, outside),
    cookieJar: () => new (loadCookieJar())(),
    random: (n) => randomBytes(n),
    clock,
    log,
    ...(options.account && { account: options.account }),
    ...(options.state && { state: options.state }),
    ...outside,
    overrides: options.overrides ?? {},
    async close() {
      await bytes?.destroy();
    },
  };
}

function named(log: Log, mount: string): Log {
  return {
    debug: (fields, message) => log.debug({ mount, ...fields }, message),
    info: (fields, message) => log.info({ mount, ...fields }, message),
    warn: (fields, message) => log.warn({ mount, ...fields }, message),
  };
}
