/** The least that a proxy in Node can do: its own HTTP client piped to its own HTTP server, with nothing of ours. What the proxied GET is to be judged by. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import { answerQuestions } from "./forked.ts";
import type { StoreRequest } from "./pan-simulator.ts";

let target: StoreRequest | undefined;

const server = http.createServer((_request, response) => {
  if (!target) return response.writeHead(503).end();
  http.get(target.url, { headers: target.headers }, (upstream) => {
    const { statusCode = 502, headers } = upstream;
    response.writeHead(statusCode, { "content-length": headers["content-length"] });
    // Whoever reads short says so.
    pipeline(upstream, response, () => {});
  });
  return undefined;
});

const questions = {
  /** Fetches this for whoever asks it. Returns its own address. */
  async serve(request: StoreRequest): Promise<string> {
    target = request;
    if (!server.listening) await once(server.listen(0, "127.0.0.1"), "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  },
};

export type ProxyQuestions = typeof questions;

answerQuestions(questions, async () => void server.close());
