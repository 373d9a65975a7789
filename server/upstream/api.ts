/** `DriverEnv.api`: got with the account's pacing, tracing and rerouting. */
import http from "node:http";
import https from "node:https";
import type { Got, NormalizedOptions, RequestFunction, Response } from "got";
import type { Log } from "#drivers/contract/driver.ts";
import type { Priority } from "#drivers/contract/mount.ts";
import { isHtml, paced, signalOf } from "./api-call.ts";
import { loadGot } from "./load.ts";
import type { Pacer } from "./pacer.ts";
import { placeOf } from "./redact.ts";
import { routeOf, type Upstreams } from "./routes.ts";

/** What a driver may say about one call, as got's `context`. */
export interface ApiContext {
  /** Endpoints with a limit of their own; default `default`. */
  readonly endpointClass?: string;
  /** The call's `CallOptions.priority`; default `interactive`. */
  readonly priority?: Priority;
}

export interface ApiOptions {
  readonly upstreams: Upstreams;
  readonly proxy?: string;
  readonly pacer: Pacer;
  readonly log: Log;
  /** Called for every request that goes out. */
  readonly onRequest: () => void;
  /** Called with how it ended: its status, or undefined where no answer came. */
  readonly onReply: (status: number | undefined) => void;
}

/** Longest time without an answer, in milliseconds; the wait in the pacer is not in it. */
const RESPONSE_MS = 30_000;

/**
 * One instance per account. Every call is paced, makes no retries, follows no redirect by itself, and fails with a StorageError
 * (its `cause` being got's own error, with the response) or with the signal's reason.
 */
export function createApi({ upstreams, proxy, pacer, log, onRequest, onReply }: ApiOptions): Got {
  const agent = proxy === undefined ? {} : proxyAgents(proxy);
  return loadGot().extend({
    retry: { limit: 0 },
    followRedirect: false,
    timeout: { response: RESPONSE_MS, connect: RESPONSE_MS },
    agent,
    request: rerouted(upstreams),
    handlers: [paced(pacer, log)],
    hooks: {
      beforeRequest: [
        async (options) => {
          // Here and not in the handler: a followed redirect is a request too, and got's own time limits do not run yet.
          await pacer.take(classOf(options), contextOf(options).priority ?? "interactive", signalOf(options));
          onRequest();
        },
      ],
      beforeError: [
        (error) => {
          if (error.response === undefined && error.code !== "ERR_ABORTED") onReply(undefined);
          return error;
        },
      ],
      afterResponse: [
        (response) => {
          const { options } = response.request;
          onReply(response.statusCode);
          const ms = response.timings?.phases.total;
          const place = placeOf(response.requestUrl);
          log.debug({ method: options.method, place, status: response.statusCode, ms }, "upstream request");
          if (response.statusCode === 429) pacer.slowDown(classOf(options), retryAfterMs(response));
          else if (response.statusCode < 400 && !isHtml(response)) pacer.succeeded(classOf(options));
          return response;
        },
      ],
    },
  });
}

/** Routes below got: it takes another address set in a hook for a redirect to another origin, and drops body, cookie, authorization and Host. */
function rerouted(upstreams: Upstreams): RequestFunction {
  return (url, options, done) => {
    const to = routeOf(url.host, upstreams);
    const secure = (to ?? url).protocol === "https:";
    const module = secure ? https : http;
    if (!to) return module.request(url, options, done);
    // Neither the proxy nor the TLS settings of the real host belong to the stand-in.
    const { agent: _agent, headers, ...rest } = options;
    return module.request(
      new URL(url.pathname + url.search, to),
      { ...rest, headers: { ...headers, host: url.host } },
      done,
    );
  };
}

function proxyAgents(proxy: string): { http: http.Agent; https: https.Agent } {
  const proxyEnv = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };
  return {
    http: new http.Agent({ keepAlive: true, proxyEnv }),
    https: new https.Agent({ keepAlive: true, proxyEnv }),
  };
}

function contextOf(options: Pick<NormalizedOptions, "context">): ApiContext {
  return options.context as ApiContext;
}

function classOf(options: Pick<NormalizedOptions, "context">): string {
  return contextOf(options).endpointClass ?? "default";
}

function retryAfterMs(response: Response): number | undefined {
  const text = response.headers["retry-after"];
  return text && /^\d+$/.test(text) ? Number(text) * 1000 : undefined;
}
