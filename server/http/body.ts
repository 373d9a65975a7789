/** Request bodies: read within a bound, let go of unread, and asked for only when wanted. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { HttpError } from "./errors.ts";

/** Unread body bytes that are read and thrown away to keep a connection (webdav.md §5). */
const DRAIN_LIMIT = 64 * 1024;
/** How long a client that still sends is listened to after its answer, so that it reads the answer before the connection closes. */
const LINGER_MS = 1000;

/** True when the request announces a body (RFC 9112 §6.3). */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers["content-length"];
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) > 0);
}

/** The body, chunked ones too. Throws HttpError 413 once it is longer than `limit` bytes, before reading when the length says so. */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  limit: number,
  signal: AbortSignal,
): Promise<Buffer> {
  if (!hasBody(request)) return Buffer.alloc(0);
  if (Number(request.headers["content-length"] ?? 0) > limit) throw tooLarge(limit);
  signal.throwIfAborted();
  sendContinue(request, response);
  return await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) return fail(tooLarge(limit));
      chunks.push(chunk);
    };
    // A request that has ended takes its listeners with it: letting go of them one by one is for those that fail.
    const onEnd = () => {
      signal.removeEventListener("abort", onAbort);
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size));
    };
    const onAbort = () => fail(signal.reason);
    const fail = (error: unknown) => {
      request.off("data", onData).off("end", onEnd).off("error", fail).pause();
      signal.removeEventListener("abort", onAbort);
      reject(error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    request.on("data", onData).on("end", onEnd).on("error", fail);
  });
}

/**
 * The body as a stream of its own: whoever destroys it does not destroy the connection, so an error can still be answered. The client's
 * `Expect: 100-continue` is answered when somebody first reads, and never when nobody does (RFC 9110 §10.1.1).
 */
export function openBody(request: IncomingMessage, response: ServerResponse): Readable {
  return new RequestBody(request, response);
}

/** True when the client waits for `100 Continue` before it sends the body. */
function expectsContinue(request: IncomingMessage): boolean {
  return /(?:^|\W)100-continue(?:$|\W)/i.test(request.headers.expect ?? "") && request.httpVersionMinor > 0;
}

/**
 * Sends a whole reply to a request whose body may be unread. Little that is left is read and thrown away; with more, the connection
 * is closed after the reply, and the client is heard out for a moment first, for a reset would take the reply from it.
 */
export function endReply(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: readonly string[],
  body: string | Buffer = "",
): void {
  if (response.destroyed) return;
  const content = typeof body === "string" ? Buffer.from(body) : body;
  const all = [...headers, "Content-Length", String(content.length)];
  if (isUnread(request)) {
    response.writeHead(status, [...all, "Connection", "close"] as never);
    if (content.length > 0 && request.method !== "HEAD") response.write(content);
    else response.flushHeaders();
    linger(request, response);
    return;
  }
  response.writeHead(status, all as never);
  response.end(request.method === "HEAD" ? undefined : content);
}

class RequestBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #started = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    super();
    this.#request = request;
    this.#response = response;
  }

  override _read(): void {
    if (!this.#started) {
      this.#started = true;
      sendContinue(this.#request, this.#response);
      if (this.#request.destroyed && !this.#request.readableEnded) this.#onClose();
      this.#request
        .on("data", this.#onData)
        .on("end", this.#onEnd)
        .on("error", this.#onError)
        .on("close", this.#onClose);
    }
    this.#request.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#detach();
    done(error);
  }

  #detach(): void {
    this.#request
      .off("data", this.#onData)
      .off("end", this.#onEnd)
      .off("error", this.#onError)
      .off("close", this.#onClose);
    if (this.#started) this.#request.pause();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#request.pause();
  };
  readonly #onEnd = (): void => {
    this.#detach();
    this.push(null);
  };
  readonly #onError = (error: Error): void => {
    this.destroy(error);
  };
  readonly #onClose = (): void => {
    this.destroy(new DOMException("the client left in the middle of its request", "AbortError"));
  };
}

function sendContinue(request: IncomingMessage, response: ServerResponse): void {
  if (expectsContinue(request) && !response.headersSent && !response.destroyed) response.writeContinue();
}

function isUnread(request: IncomingMessage): boolean {
  if (request.complete || !hasBody(request)) return false;
  if (expectsContinue(request)) return true;
  const length = request.headers["content-length"];
  return request.headers["transfer-encoding"] !== undefined || Number(length) > DRAIN_LIMIT;
}

function linger(request: IncomingMessage, response: ServerResponse): void {
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  request.once("end", end).once("error", end);
  response.once("close", () => clearTimeout(timer));
  if (expectsContinue(request) && request.readableFlowing === null) end();
  else request.resume();
}

function tooLarge(limit: number): HttpError {
  return new HttpError(413, `the request body is larger than ${limit} bytes`);
}
