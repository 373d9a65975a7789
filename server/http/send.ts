/** Streams into responses: every way a body can end early closes the connection, none ends it cleanly short. */
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StorageError } from "#drivers/contract/errors.ts";

/** Bodies up to this many bytes are read before the headers go out: one write, and a failure is still a status. */
const SMALL_BODY = 64 * 1024;

/** A signal that aborts when the client leaves before its reply is complete. */
export function closeSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const onClose = () => {
    if (!response.writableFinished) controller.abort(new DOMException("the client left", "AbortError"));
  };
  // It closes once: `once` would wrap the listener, with every request.
  if (response.destroyed) onClose();
  else response.on("close", onClose);
  return controller.signal;
}

/** Status and headers (name and value in turn) of a streamed reply. */
export interface StreamHead {
  readonly status: number;
  readonly headers: readonly string[];
  /** Bytes that the body must have, sent as Content-Length; absent: chunked. */
  readonly length?: number;
}

/**
 * Sends a body. Throws before the headers are out when a small body fails (`incomplete` when it is short or long), so that the caller can
 * still answer a status; after that a failure destroys the connection and is thrown. Takes over `body`: it is destroyed in every case.
 */
export async function sendStream(
  response: ServerResponse,
  head: StreamHead,
  body: Readable,
  signal: AbortSignal,
): Promise<void> {
  // A pipeline into a response whose client is gone throws synchronously.
  if (response.destroyed || signal.aborted) {
    body.once("error", ignore).destroy();
    signal.throwIfAborted();
    throw new DOMException("the client left", "AbortError");
  }
  const { length } = head;
  if (length !== undefined && length <= SMALL_BODY) {
    const content = await collect(body, length, signal);
    if (response.destroyed) return;
    response.writeHead(head.status, [...head.headers, "Content-Length", String(length)] as never);
    response.end(content);
    return;
  }
  const headers = length === undefined ? head.headers : [...head.headers, "Content-Length", String(length)];
  response.writeHead(head.status, headers as never);
  let sent = 0;
  try {
    const done = pipeline(body, response, { end: false, signal });
    // Counted beside the pipe: a Transform between would cost a copy of the stream's state for every chunk.
    body.on("data", (chunk: Buffer) => {
      sent += chunk.length;
      if (length !== undefined && sent > length)
        body.destroy(new StorageError("incomplete", "the file is longer than it said"));
    });
    await done;
    if (length !== undefined && sent !== length) throw short(sent, length);
  } catch (error) {
    response.destroy();
    throw error;
  }
  response.end();
}

/** Waits until the response can take more, or its client is gone. */
export async function drained(response: ServerResponse): Promise<void> {
  if (!response.writableNeedDrain || response.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}

async function collect(body: Readable, length: number, signal: AbortSignal): Promise<Buffer> {
  return await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (error: unknown) => {
      signal.removeEventListener("abort", onAbort);
      body.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    body.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > length) return fail(new StorageError("incomplete", "the file is longer than it said"));
      chunks.push(chunk);
    });
    body.on("error", fail);
    body.on("close", () => {
      if (!body.readableEnded) fail(short(size, length));
    });
    body.on("end", () => {
      if (size !== length) return fail(short(size, length));
      signal.removeEventListener("abort", onAbort);
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size));
    });
  });
}

function short(size: number, length: number): StorageError {
  return new StorageError("incomplete", `the file ended after ${size} of ${length} bytes`);
}

function ignore(): void {}
