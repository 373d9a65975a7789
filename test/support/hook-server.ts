/** Takes what is posted to it, on loopback, and answers as a test wants. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Posted {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HookServer {
  readonly url: string;
  readonly posted: Posted[];
  /** Status and JSON of the next answers; the last one stays. */
  answers: { readonly status: number; readonly json?: unknown }[];
  close(): Promise<void>;
}

export async function startHook(): Promise<HookServer> {
  const server = createServer(async (request, response) => {
    hook.posted.push({ path: request.url ?? "", headers: request.headers, body: await text(request) });
    const { status, json } = (hook.answers.length > 1 ? hook.answers.shift() : hook.answers[0]) ?? { status: 204 };
    response
      .writeHead(status, { "content-type": "application/json" })
      .end(json === undefined ? "" : JSON.stringify(json));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const hook: HookServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posted: [],
    answers: [],
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return hook;
}
