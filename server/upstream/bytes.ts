/** `DriverEnv.bytes`: an undici dispatcher with the account's proxy and rerouting. */
import type { Dispatcher } from "undici";
import { largeReads } from "./large-reads.ts";
import { loadUndici } from "./load.ts";
import { routeOf, type Upstreams } from "./routes.ts";

export interface BytesOptions {
  readonly upstreams: Upstreams;
  readonly proxy?: string;
  /** Called for every request that goes out. */
  readonly onRequest: () => void;
  /** Called with how it ended: its status, or undefined where no answer came. */
  readonly onReply?: (status: number | undefined) => void;
}

/** Longest wait for headers and for more of a body at this level, in milliseconds; the layer `timeout` has the finer limits. */
const SILENCE_MS = 300_000;
const CONNECT_MS = 30_000;

/** A dispatcher of its own; close it with its mount. */
export function createBytes({ upstreams, proxy, onRequest, onReply = () => {} }: BytesOptions): Dispatcher {
  const { Agent, ProxyAgent } = loadUndici();
  const limits = { headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS };
  const direct = new Agent({ ...limits, connect: largeReads(CONNECT_MS) });
  const outside =
    proxy === undefined ? direct : new ProxyAgent({ ...limits, connect: { timeout: CONNECT_MS }, uri: proxy });
  return outside.compose((dispatch) => (options, inner) => {
    onRequest();
    const handler = telling(inner, onReply);
    const host = options.origin === undefined ? undefined : new URL(String(options.origin)).host;
    const to = host === undefined ? undefined : routeOf(host, upstreams);
    if (!to || host === undefined) return dispatch(options, handler);
    // The stand-in is reached directly, whatever proxy leads to the real host.
    return direct.dispatch({ ...options, origin: to.origin, headers: withHost(options.headers, host) }, handler);
  });
}

/** The same handler, which tells the first thing that it hears of the answer. */
function telling(
  inner: Dispatcher.DispatchHandler,
  onReply: (status: number | undefined) => void,
): Dispatcher.DispatchHandler {
  let isTold = false;
  const tell = (status: number | undefined) => {
    if (!isTold) onReply(status);
    isTold = true;
  };
  return new Proxy(inner, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      if (key === "onResponseStart") {
        return (...args: [unknown, number, ...unknown[]]) => {
          if (args[1] >= 200) tell(args[1]);
          return value.apply(target, args) as unknown;
        };
      }
      if (key === "onResponseError") {
        return (...args: unknown[]) => {
          tell(undefined);
          return value.apply(target, args) as unknown;
        };
      }
      return value.bind(target) as unknown;
    },
  });
}

/** The headers as a flat list (a form that keeps repeated names), `host` replaced. */
function withHost(headers: Dispatcher.DispatchOptions["headers"], host: string): string[] {
  const flat: string[] = ["host", host];
  const add = (name: string, value: unknown) => {
    if (name.toLowerCase() === "host" || value === undefined || value === null) return;
    for (const one of Array.isArray(value) ? value : [value]) flat.push(name, String(one));
  };
  if (Array.isArray(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) add(String(headers[i]), headers[i + 1]);
  } else if (headers && Symbol.iterator in headers) {
    for (const [name, value] of headers as Iterable<[string, unknown]>) add(name, value);
  } else {
    for (const [name, value] of Object.entries(headers ?? {})) add(name, value);
  }
  return flat;
}
