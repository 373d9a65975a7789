/** Faults that a test puts in, per route and counter (sjtu-pan.md §12.4). */
import { matchesRoute } from "./log.ts";
import type { SimRequest } from "./wire.ts";

export type Fault =
  /** Waits so many real milliseconds, then goes on. */
  | { readonly kind: "latency"; readonly ms: number }
  /** Cuts the connection: before anything is done (after `afterBytes` of the body, where given), or when all is done and only the answer is lost. */
  | { readonly kind: "reset"; readonly when: "before" | "after"; readonly afterBytes?: number }
  /** Reads the request and never answers. */
  | { readonly kind: "silence" }
  /** An error of the API: 429 (`retryAfterSeconds`), 5xx, or any code. */
  | { readonly kind: "error"; readonly status: number; readonly code?: string; readonly retryAfterSeconds?: number }
  /** A page for people instead of JSON; default status 502. */
  | { readonly kind: "html"; readonly status?: number }
  /** Status 200 with an error in the body; default 403 `NoPermission`. */
  | { readonly kind: "error-in-200"; readonly status?: number; readonly code?: string }
  /** All access tokens end just before this request is looked at. */
  | { readonly kind: "access-tokens-end" }
  /** All user tokens end just before this request is looked at; `cookiesToo` ends the cookies as well. */
  | { readonly kind: "user-tokens-end"; readonly cookiesToo?: boolean }
  /** The store says 403 AccessDenied "Request has expired". */
  | { readonly kind: "store-expired" }
  /** The store says 503 SlowDown. */
  | { readonly kind: "slow-down" }
  /** The download breaks after so many bytes. */
  | { readonly kind: "truncate"; readonly afterBytes: number }
  /** The byte at this offset of the object or part is wrong, as sent or as stored. */
  | { readonly kind: "corrupt"; readonly at: number }
  | { readonly kind: "wrong-etag" }
  | { readonly kind: "range-416" }
  /** Runs something of the test's, then goes on: a listing that changes between pages. */
  | { readonly kind: "run"; readonly action: (request: SimRequest) => void | Promise<void> };

export interface FaultRule {
  /** A route (`api.list`), all with a prefix (`store.`), or all (`""`). */
  readonly route: string;
  /** How many requests of the route pass first. Default 0. */
  readonly skip?: number;
  /** How many requests are hit then. Default 1. */
  readonly times?: number;
  /** Only requests for which this is true are counted. */
  readonly when?: (request: SimRequest) => boolean;
  readonly fault: Fault;
}

/** What became of a rule. */
export interface FaultHandle {
  /** Requests that were hit. */
  readonly hits: number;
  /** True when it will not hit any more. */
  readonly spent: boolean;
  remove(): void;
}

interface Armed {
  readonly rule: FaultRule;
  seen: number;
  hits: number;
}

export class Faults {
  readonly #armed = new Set<Armed>();

  add(rule: FaultRule): FaultHandle {
    const armed: Armed = { rule, seen: 0, hits: 0 };
    this.#armed.add(armed);
    return {
      get hits() {
        return armed.hits;
      },
      get spent() {
        return armed.hits >= (rule.times ?? 1);
      },
      remove: () => void this.#armed.delete(armed),
    };
  }

  /** Rules that have not hit as often as they should. */
  get pending(): number {
    return [...this.#armed].filter(({ rule, hits }) => hits < (rule.times ?? 1) && rule.times !== Infinity).length;
  }

  clear(): void {
    this.#armed.clear();
  }

  /** The fault for a request: every rule counts it, the first that hits wins; latency comes with another one. */
  take(route: string, request: SimRequest): readonly Fault[] {
    const taken: Fault[] = [];
    for (const armed of this.#armed) {
      const { rule } = armed;
      if (!matchesRoute(rule.route, route) || rule.when?.(request) === false) continue;
      armed.seen += 1;
      if (armed.seen <= (rule.skip ?? 0) || armed.hits >= (rule.times ?? 1)) continue;
      if (!passes(rule.fault) && taken.some((fault) => !passes(fault))) continue;
      armed.hits += 1;
      taken.push(rule.fault);
    }
    return taken;
  }
}

/** Faults after which the request goes on as usual. */
export function passes(fault: Fault): boolean {
  return ["latency", "run", "access-tokens-end", "user-tokens-end"].includes(fault.kind);
}
