/** Bare WebDAV requests over node:http, for tests that count or interrupt them. */
import { once } from "node:events";
import http from "node:http";
import { buffer } from "node:stream/consumers";
import type { RunningServer } from "#test/support/server.ts";

const ANSWER_WITHIN_MS = 30_000;

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request on a connection of its own, answered within 30 s. Rejects when the connection breaks. */
export async function request(
  server: Pick<RunningServer, "url" | "user" | "password">,
  method: string,
  path: string,
  body: Buffer = Buffer.alloc(0),
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const sent = http.request(new URL(path, server.url), {
    method,
    agent: false,
    auth: `${server.user}:${server.password}`,
    headers: { ...headers, ...(body.length > 0 && { "content-length": String(body.length) }) },
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  const answered = once(sent, "response") as Promise<[http.IncomingMessage]>;
  sent.end(body);
  const [answer] = await answered;
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await buffer(answer) };
}
