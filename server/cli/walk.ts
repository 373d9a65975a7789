/** Long listings from the server, row by row. */
import type { Client, Query } from "./client.ts";
import { Refused } from "./client.ts";
import type { Definer } from "./definer.ts";
import { about, cannot } from "./report.ts";
import { type FailedRow, type WalkedReply, walked } from "./wire.ts";

/** What lies at and below an absolute path, as `GET /api/pandav/fs/walk` answers `query`. Throws Refused. */
export function walk(client: Client, path: string, query: Query): AsyncGenerator<WalkedReply> {
  return client.rows({ method: "GET", path: "/api/pandav/fs/walk", query: { path, ...query } }, walked);
}

/** The failure of one of several things, as an error. */
export function refusedOf({ message, kind }: FailedRow): Refused {
  return new Refused(message, kind);
}

/** Complains about a directory that could not be listed. */
export function complainOf(define: Definer, verb: string, shown: string, failure: FailedRow): void {
  define.complain(about(cannot(verb, shown), refusedOf(failure)));
}
