/**
 * Listens to every reply that a test gets over HTTP, without touching it: no head and no text of ours may hold a secret.
 * A set-up file of vitest: what was found fails the test in which it was.
 */
import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest, IncomingMessage } from "node:http";
import { afterAll, afterEach } from "vitest";
import { type CanaryKind, expectNoCanary, isWatchedService } from "./canaries.ts";

/** Where secrets are meant to be shown: to the administrator who logs in, and to whoever is sent to the store. */
const MEANT: readonly { readonly path: RegExp; readonly kinds: readonly CanaryKind[] }[] = [
  { path: /^\/api\/pandav\/logins/, kinds: ["QR code"] },
  { path: /^\/api\/pandav\/fs\/link$/, kinds: ["store signature"] },
];

/** Contents of files go by unread; what we write ourselves is one of these. */
const OURS = /json|xml|html/i;

/** Characters of a text that are kept, so that a secret on the edge of two pieces is found. */
const OVERLAP = 512;

const found: unknown[] = [];

/** One reply as it comes in. */
class Reply {
  readonly #place: string;
  readonly #kinds: readonly CanaryKind[];
  readonly #isText: boolean;
  #tail = "";

  constructor(method: string, path: string, head: readonly string[]) {
    const bare = path.replace(/\?.*$/s, "");
    this.#place = `the reply to ${method} ${bare}`;
    this.#kinds = MEANT.filter((one) => one.path.test(bare)).flatMap(({ kinds }) => kinds);
    const pairs = head.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), head[i + 1] ?? ""] as const] : []));
    this.#isText = pairs.some(([name, value]) => name === "content-type" && OURS.test(value));
    const [to, others] = [true, false].map((isTo) => pairs.filter(([name]) => (name === "location") === isTo));
    this.#check(String(others), []);
    if (to?.length) this.#check(String(to), ["store signature"]);
  }

  take(piece: Buffer | string): void {
    if (!this.#isText) return;
    const text = this.#tail + String(piece);
    this.#check(text, this.#kinds);
    this.#tail = text.slice(-OVERLAP);
  }

  #check(text: string, kinds: readonly CanaryKind[]): void {
    try {
      expectNoCanary(this.#place, text, kinds);
    } catch (error) {
      found.push(error);
    }
  }
}

interface UndiciRequest {
  readonly method: string;
  readonly path: string;
  readonly origin?: string | URL;
}

const replies = new WeakMap<object, Reply>();

subscribe("undici:request:headers", (message) => {
  const { request, response } = message as { request: UndiciRequest; response: { headers: readonly Buffer[] } };
  if (request.origin !== undefined && isWatchedService(Number(new URL(request.origin).port))) return;
  replies.set(request, new Reply(request.method, request.path, response.headers.map(String)));
});
subscribe("undici:request:bodyChunkReceived", (message) => {
  const { request, chunk } = message as { request: object; chunk: Buffer };
  replies.get(request)?.take(chunk);
});

subscribe("http.client.response.finish", (message) => {
  const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
  if (isWatchedService(response.socket?.remotePort ?? 0)) return;
  const reply = new Reply(request.method, request.path, response.rawHeaders);
  // The parser hands each piece to `push`: to listen for `data` would start the flow before the reader is there.
  const push = response.push.bind(response);
  response.push = (piece: Buffer | null, encoding?: BufferEncoding) => {
    if (piece !== null) reply.take(piece);
    return push(piece, encoding);
  };
});

/** What was found since the last call or the end of the last test: it counts no longer. */
export function takeFound(): readonly unknown[] {
  return found.splice(0);
}

const report = () => {
  const [first] = takeFound();
  if (first !== undefined) throw first;
};
afterEach(report);
afterAll(report);
