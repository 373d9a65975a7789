/** What is known about the request that code runs for, wherever it is. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Log } from "#drivers/contract/driver.ts";
import { isLoginOver } from "#drivers/contract/errors.ts";
import type { Observation, Recorder } from "./layers/observe.ts";

/** Counted while one request of a client is served. */
export interface RequestContext {
  readonly requestId: string;
  /** Calls to mounts. */
  driverCalls: number;
  /** Requests that went out to services; a local folder makes none. */
  upstreamCalls: number;
  /** Mount paths that were called. */
  readonly mounts: Set<string>;
  /** The client's IP address. */
  readonly address?: () => string;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** A context with nothing counted. */
export function newRequestContext(requestId: string, address?: () => string): RequestContext {
  return { requestId, driverCalls: 0, upstreamCalls: 0, mounts: new Set(), ...(address && { address }) };
}

/** What `fn` returns, run so that `currentRequest()` in it and in all that it starts is `context`. */
export function runInRequest<T>(context: RequestContext, fn: () => T): T {
  return storage.run(context, fn);
}

/** Undefined outside any request (at start, in background work). */
export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}

/** Counts one request that goes out to a service: the `onRequest` of a `DriverEnv`. */
export function countUpstreamCall(): void {
  const context = storage.getStore();
  if (context) context.upstreamCalls += 1;
}

/** The recorder of the layer `observe`: counts into the current request and writes each call to the log, quietly unless it failed in a way that somebody should see. What it hears it tells `further`. */
export function createRecorder(log: Log, further?: Recorder): Recorder {
  return {
    begun(call) {
      further?.begun(call);
      const { mountPath } = call;
      const context = storage.getStore();
      if (!context) return;
      context.driverCalls += 1;
      context.mounts.add(mountPath);
    },
    ended(observation) {
      further?.ended(observation);
      const { operation, mountPath: mount, durationMs, outcome, entries, error } = observation;
      const fields = { operation, mount, durationMs, outcome, ...(entries !== undefined && { entries }) };
      if (isAlarming(outcome) && !isLoginOver(error)) log.warn({ ...fields, err: error }, "storage call failed");
      else log.debug(fields, "storage call");
    },
  };
}

/** Kinds that say something about the storage, not about what the client asked. */
const ALARMING: ReadonlySet<Observation["outcome"]> = new Set([
  "bug",
  "unauthenticated",
  "rate-limited",
  "blocked",
  "unavailable",
  "timeout",
  "incomplete",
  "upstream",
]);

function isAlarming(outcome: Observation["outcome"]): boolean {
  return ALARMING.has(outcome);
}
