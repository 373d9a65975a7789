/** One line per request: who asked for what, how it ended, and what it cost the storages. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { addressOf } from "../http/client.ts";
import type { HttpServerOptions } from "../http/server.ts";
import type { Logger } from "../log.ts";
import { newRequestContext, type RequestContext, runInRequest } from "../request-context.ts";

/** The hooks of an HTTP server that number its requests and log their ends. */
export function logRequests(log: Logger): Required<Pick<HttpServerOptions, "onRequest" | "onResponse" | "onError">> {
  const contexts = new WeakMap<IncomingMessage, RequestContext>();
  return {
    onRequest(request, _response, run) {
      // A socket that has closed knows its peer no more.
      const { remoteAddress = "" } = request.socket;
      const context = newRequestContext(randomUUID(), () => addressOf(request) || remoteAddress);
      contexts.set(request, context);
      runInRequest(context, run);
    },
    onResponse(request, _response, { status, durationMs, finished }) {
      const context = contexts.get(request);
      const level = levelOf(request.method, status, context);
      if (!log.isLevelEnabled(level)) return;
      log[level](
        {
          ...(context && {
            requestId: context.requestId,
            mounts: [...context.mounts],
            driverCalls: context.driverCalls,
            upstreamCalls: context.upstreamCalls,
          }),
          method: request.method,
          path: pathOf(request),
          address: context?.address?.(),
          status,
          durationMs: Math.round(durationMs * 10) / 10,
          ...(!finished && { broken: true }),
        },
        "request",
      );
    },
    onError(error, request) {
      const requestId = contexts.get(request)?.requestId;
      log.error(
        { requestId, method: request.method, path: pathOf(request), err: error },
        "a request failed by our fault",
      );
    },
  };
}

/** Methods that change nothing. */
const READING = new Set(["GET", "HEAD", "OPTIONS", "PROPFIND"]);

/**
 * What an owner wants to see: changes, refusals and failures, and whatever asked a service something.
 * A scan of a media server answered from the tree is thousands of lines that say nothing; they are at `debug`.
 */
function levelOf(method: string | undefined, status: number, context: RequestContext | undefined): "info" | "debug" {
  if (status >= 400 || !READING.has(method ?? "")) return "info";
  return context !== undefined && context.upstreamCalls > 0 ? "info" : "debug";
}

/** Without the query, which holds signatures. */
function pathOf(request: IncomingMessage): string {
  return (request.url ?? "").replace(/\?.*$/s, "");
}
