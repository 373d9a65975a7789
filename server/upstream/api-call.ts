/** What surrounds one call of `DriverEnv.api`: its end on an abort, on a flood and on a block page, and its errors. */
import type { HandlerFunction, NormalizedOptions, Options, RequestPromise, Response } from "got";
import type { Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { toApiError } from "./api-errors.ts";
import type { Pacer } from "./pacer.ts";
import { placeOf } from "./redact.ts";

/** Largest API reply read, in bytes. */
const MAX_REPLY_BYTES = 64 * 2 ** 20;

const NEVER = new AbortController().signal;

/** A call's signal, or one that never aborts. */
export function signalOf(options: Pick<NormalizedOptions, "signal">): AbortSignal {
  return options.signal ?? NEVER;
}

/** True for a page made for people. */
export function isHtml(response: Pick<Response, "headers">): boolean {
  return /^text\/html\b/i.test(response.headers["content-type"] ?? "");
}

/** The handler around every call: fails with a StorageError or with the signal's reason, and opens the pacer's breaker on a block page. Streams pass as they are. */
export function paced(pacer: Pacer, log: Log): HandlerFunction {
  return (options, next) => {
    if (options.isStream) return next(options);
    const signal = signalOf(options);
    const flood = new AbortController();
    let running: RequestPromise | undefined;
    const translate = (error: unknown): unknown => {
      if (flood.signal.aborted) return flood.signal.reason;
      const response = (error as { response?: Response } | null)?.response;
      return toApiError((response && blockOf(options, response, pacer)) ?? error, signal);
    };
    const call = (async () => {
      signal.throwIfAborted();
      options.signal = AbortSignal.any([signal, flood.signal]);
      try {
        running = next(options) as unknown as RequestPromise;
        running.on("downloadProgress", ({ transferred }) => {
          if (transferred <= MAX_REPLY_BYTES) return;
          flood.abort(new StorageError("upstream", "the service's answer is too long"));
        });
        const answer = (await running) as unknown as Response;
        const block = blockOf(options, answer, pacer);
        if (block) throw block;
        return answer;
      } catch (error) {
        const url = options.url instanceof URL ? placeOf(options.url) : undefined;
        log.debug({ method: options.method, place: url, failure: (error as Error).name }, "upstream request failed");
        throw translate(error);
      }
    })();
    // Got parses a body outside its handlers: what that throws must be translated too.
    const json = async () => {
      try {
        return await (running ? running.json.call(call) : call);
      } catch (error) {
        throw translate(error);
      }
    };
    return Object.assign(call, { json }) as unknown as ReturnType<typeof next>;
  };
}

/** The error for a web page where JSON was due: a wall, not an answer. A missing or failing endpoint may well answer with a page. */
function blockOf(options: Options, response: Response, pacer: Pacer): StorageError | undefined {
  const wantsJson = options.responseType === "json" || /\bjson\b/.test(String(options.headers.accept ?? ""));
  if (!wantsJson || !isHtml(response) || response.statusCode === 404 || response.statusCode >= 500) return undefined;
  pacer.block();
  return new StorageError("blocked", "the service answered with a web page instead of data", {
    upstream: { status: response.statusCode },
  });
}
