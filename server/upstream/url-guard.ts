/**
 * The guard before every URL that a user can name (a file to fetch, a web hook, a proxy): it must lead to the public internet, or to where the owner
 * allowed it. Judged are the addresses that are connected to, not what a name meant a moment before, and every redirect anew.
 */
import { lookup as lookupName } from "node:dns";
import { connect, isIP, type LookupFunction, type Socket } from "node:net";
import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { StorageError } from "#drivers/contract/errors.ts";
import { type Networks, parseNetworks, unmapped } from "../store/networks.ts";
import { loadUndici } from "./load.ts";

/** What leads to no public host (IANA's registries of special-purpose addresses, RFC 6890): this machine, private and shared networks, links, metadata services, tests, multicast, and forms of IPv6 that carry an IPv4 address (less the mapped ones, which `Networks` judges as IPv4). */
const SPECIAL = parseNetworks(
  [
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24",
    "192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4",
    "::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8",
  ].join(" "),
);

/** Addresses of metadata services outside those ranges (Alibaba's lies in the shared one, Azure's wire server is public). */
const METADATA = parseNetworks("168.63.129.16");

const MAX_REDIRECTS = 5;
const CONNECT_MS = 15_000;
const SILENCE_MS = 60_000;

export interface UrlGuardOptions {
  /** What the owner allows although it is private (setting `private_addresses`). */
  readonly allowed: () => Networks;
  /** Default: the system's. */
  readonly lookup?: LookupFunction;
}

export interface GuardedRequest {
  readonly method?: "GET" | "HEAD" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly signal: AbortSignal;
}

export interface GuardedReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The caller reads it to the end or destroys it. */
  readonly body: Readable;
  /** Where the last redirect led. */
  readonly url: URL;
}

/** The one way to a URL that a user named. */
export interface UrlGuard {
  /** The URL, judged as far as it can be without asking for its name. Throws `invalid-config` saying why, without repeating what may be a secret in it. */
  check(url: string): URL;
  /** Fetches it. Throws as `check`, also for addresses behind a name and for redirects; `unavailable` and `timeout` where nobody answers. */
  request(url: string, o: GuardedRequest): Promise<GuardedReply>;
  /** An open connection to a host that a user named, for protocols other than HTTP; the caller destroys it. Throws as `request`. */
  connect(host: string, port: number, signal: AbortSignal): Promise<Socket>;
  close(): Promise<void>;
}

/** A guard; it opens connections of its own, which nobody else uses. */
export function createUrlGuard({ allowed, lookup = lookupName as LookupFunction }: UrlGuardOptions): UrlGuard {
  let agent: Dispatcher | undefined;
  const mayReach = (address: string) => isPublic(address) || allowed().has(address);

  const guarded: LookupFunction = (name, options, done) => {
    lookup(name, { ...options, all: true }, (error, found) => {
      if (error) return done(error, "", 0);
      const all = Array.isArray(found) ? found : [{ address: String(found), family: isIP(String(found)) }];
      // One private address among public ones is an attempt to be let through by chance.
      const refused = all.find(({ address }) => !mayReach(address));
      if (refused || all.length === 0) return done(refusal(), "", 0);
      if (options.all) return done(null, all);
      const [first] = all;
      done(null, first?.address ?? "", first?.family ?? 0);
    });
  };

  function check(text: string): URL {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !/^https?:$/.test(url.protocol)) throw wrong("the address must begin with http:// or https://");
    if (url.username || url.password) throw wrong("the address must not hold a login");
    // Names of IPv4 in one number, in octal and the like are dotted by now.
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    if (isIP(host) !== 0 && !mayReach(host)) throw refusal();
    return url;
  }

  async function once(url: URL, { method = "GET", headers = {}, body, signal }: GuardedRequest) {
    signal.throwIfAborted();
    const { Agent } = loadUndici();
    agent ??= new Agent({
      connect: { lookup: guarded, timeout: CONNECT_MS },
      headersTimeout: SILENCE_MS,
      bodyTimeout: SILENCE_MS,
    });
    try {
      return await agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { ...headers },
        ...(body !== undefined && { body }),
        signal,
      });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw explained(error);
    }
  }

  return {
    check,
    async request(text, o) {
      let url = check(text);
      let { method = "GET", headers = {}, body } = o;
      for (let redirects = 0; ; redirects++) {
        const reply = await once(url, { method, headers, ...(body !== undefined && { body }), signal: o.signal });
        const { location } = reply.headers;
        if (![301, 302, 303, 307, 308].includes(reply.statusCode) || typeof location !== "string") {
          return { status: reply.statusCode, headers: reply.headers, body: reply.body, url };
        }
        reply.body.on("error", () => {}).destroy();
        if (redirects === MAX_REDIRECTS) throw wrong(`the address redirects more than ${MAX_REDIRECTS} times`);
        if (!URL.canParse(location, url.href)) throw wrong("the address redirects to what is no address");
        const next = check(new URL(location, url).href);
        // What was meant for one host is not told to another.
        if (next.origin !== url.origin) headers = withoutSecrets(headers);
        if (reply.statusCode === 303 || (method === "POST" && reply.statusCode < 303)) {
          if (method === "POST") method = "GET";
          body = undefined;
        }
        url = next;
      }
    },
    connect(host, port, signal) {
      signal.throwIfAborted();
      if (isIP(host) !== 0 && !mayReach(host)) throw refusal();
      return new Promise((resolve, reject) => {
        const socket = connect({ host, port, lookup: guarded, signal, timeout: CONNECT_MS });
        socket.once("timeout", () => socket.destroy(new StorageError("timeout", "the address does not answer")));
        socket.once("error", (error) => reject(signal.aborted ? signal.reason : explained(error)));
        socket.once("connect", () => {
          socket.setTimeout(0).removeAllListeners("timeout");
          resolve(socket);
        });
      });
    },
    async close() {
      await agent?.destroy();
    },
  };
}

/** True for addresses of the public internet. */
export function isPublic(address: string): boolean {
  const plain = unmapped(address);
  return isIP(plain) !== 0 && !SPECIAL.has(plain) && !METADATA.has(plain);
}

function withoutSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(authorization|cookie|proxy-authorization|referer)$/i.test(name)),
  );
}

function refusal(): StorageError {
  return wrong(
    "the address leads to this machine or into a private network: its owner may allow that in the setting private_addresses",
  );
}

function wrong(message: string): StorageError {
  return new StorageError("invalid-config", message);
}

function explained(error: unknown): unknown {
  if (error instanceof StorageError) return error;
  const code = (error as { code?: string }).code ?? "";
  const kind = /TIMEOUT|ETIMEDOUT/.test(code) ? "timeout" : "unavailable";
  return new StorageError(kind, `the address does not answer (${code || "no reason given"})`, { cause: error });
}
