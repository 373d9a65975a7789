/** Recorded exchanges as the project keeps them: what was asked, and the shape of what came back. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Shape } from "./shape.ts";

/** The servers that were recorded; AList's is driven in the dialect of its roles, OpenList's in that of numbers (alist-api.md §1). */
export const SERVERS = ["alist", "openlist"] as const;
export type ServerName = (typeof SERVERS)[number];

export interface Exchange {
  /** The route, and after a colon what is special about it; unique in its file. */
  readonly name: string;
  readonly method: string;
  /** With its query. `{storage:/local}`, `{user:alice}`, `{meta:/x}` and `{upload}` stand for what this server calls it. */
  readonly path: string;
  /** Whose token is sent; `token:` before one that is sent as it is. Absent: none. */
  readonly as?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body?: unknown;
  /** Bytes as text; `<N bytes>`: so many. */
  readonly raw?: string;
  readonly reply: {
    readonly status: number;
    readonly headers: readonly string[];
    /** The envelope's. */
    readonly code?: number;
    /** Of the envelope. */
    readonly data?: Shape;
    /** What clients look for in the message (alist-api.md §3). */
    readonly says?: readonly string[];
    /** Where no envelope came: whether it was another JSON, or text. */
    readonly other?: "json" | "text";
  };
}

/** What was recorded of a server, in the order of the session: later lines see the effects of earlier ones. */
export function readExchanges(server: ServerName): readonly Exchange[] {
  const text = readFileSync(join(import.meta.dirname, "shapes", `${server}.jsonl`), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Exchange);
}
