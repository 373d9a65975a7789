/** What was asked of the simulator, without what is secret. */
import type { Query, Role } from "./wire.ts";

export interface LogEntry {
  readonly number: number;
  /** By the service's clock, ms since the epoch. */
  readonly at: number;
  readonly role: Role;
  /** `api.list`, `store.part`, …: the names are in README.md. */
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** 0: the connection was cut without an answer. */
  status: number;
  requestBytes: number;
  /** Bytes of the answer's body. */
  replyBytes: number;
  /** The kind of the fault that was put in, where one was. */
  readonly fault: string | undefined;
}

const SECRETS = /^(access_token|user_token|credential|code|sig|state|uuid|X-Amz-Signature|X-Amz-Credential)$/i;

/** Most entries kept; the counters go on. */
const LIMIT = 200_000;

export class RequestLog {
  readonly entries: LogEntry[] = [];
  readonly #counts = new Map<string, number>();

  add(entry: LogEntry): void {
    this.#counts.set(entry.route, (this.#counts.get(entry.route) ?? 0) + 1);
    if (this.entries.length < LIMIT) this.entries.push(entry);
  }

  /** Requests since the last `clear`: of all routes, of one (`api.list`), or of those that begin with a prefix (`api.`). */
  count(route = ""): number {
    let sum = 0;
    for (const [name, times] of this.#counts) if (matchesRoute(route, name)) sum += times;
    return sum;
  }

  /** Requests by route, in the order of their names. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  clear(): void {
    this.entries.length = 0;
    this.#counts.clear();
  }
}

/** True for the route itself; a pattern that is empty or ends with a dot matches what begins with it. */
export function matchesRoute(pattern: string, route: string): boolean {
  return pattern === "" || pattern.endsWith(".") ? route.startsWith(pattern) : route === pattern;
}

/** A query for people: secret values are left out. */
export function redactQuery(query: Query): string {
  return query.pairs.map(([name, value]) => `${name}=${SECRETS.test(name) ? "…" : value}`).join("&");
}
