/**
 * One keep-alive connection that asks one request at a time and reads into one buffer. It understands what our contestants
 * answer (Content-Length and chunked bodies, RFC 9112 §6) and costs a fifth of what a general client costs: on two cores
 * the load generator must not be what is measured.
 */
import { connect, type Socket } from "node:net";
import { gunzipSync } from "node:zlib";

const ANSWER_WITHIN_MS = 120_000;
const BUFFER_BYTES = 1024 * 1024;
const HEAD_END = "\r\n\r\n";

export interface Answer {
  readonly status: number;
  /** Bytes of the body, its chunk framing excluded. */
  readonly length: number;
  /** Empty unless asked for; decompressed. */
  readonly body: string;
  readonly hasContentLength: boolean;
}

export interface Connection {
  /** Sends the bytes of a whole request and resolves with its answer. Rejects when the connection ends first. */
  ask(request: Buffer, keepBody: boolean): Promise<Answer>;
  close(): void;
}

/** A connection to an origin of this machine; opened by the first request. */
export function openConnection(origin: string): Connection {
  const { hostname, port } = new URL(origin);
  let waiting: { keepBody: boolean; resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  let parser = createParser(false);
  const settle = (error?: Error) => {
    const { resolve, reject } = waiting ?? {};
    waiting = undefined;
    if (error) reject?.(error);
    else resolve?.(parser.answer());
  };
  const socket: Socket = connect({
    host: hostname,
    port: Number(port),
    noDelay: true,
    onread: {
      buffer: Buffer.alloc(BUFFER_BYTES),
      callback(count, buffer) {
        try {
          if (parser.take(Buffer.from(buffer.buffer, buffer.byteOffset, count))) settle();
        } catch (error) {
          socket.destroy(error as Error);
        }
        return true;
      },
    },
  });
  socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new Error("no byte moved for two minutes")));
  socket.on("error", settle);
  socket.on("close", () => settle(new Error("the server closed the connection")));
  return {
    ask(request, keepBody) {
      parser = createParser(keepBody);
      return new Promise((resolve, reject) => {
        waiting = { keepBody, resolve, reject };
        socket.write(request);
      });
    },
    close: () => socket.destroy(),
  };
}

/** The bytes of a request. */
export function requestBytes(
  origin: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer = "",
): Buffer {
  const all = {
    host: new URL(origin).host,
    ...headers,
    ...((body.length > 0 || method === "PUT") && { "content-length": String(Buffer.byteLength(body)) }),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`), Buffer.from(body)]);
}

/** Takes the bytes of one answer as they come; `take` is true once it is whole. */
function createParser(keepBody: boolean) {
  let head = "";
  let status = 0;
  let length = 0;
  let hasContentLength = false;
  let isCompressed = false;
  const kept: Buffer[] = [];
  /** Bytes of the body, or of the present chunk, still to come. */
  let left = 0;
  let chunked: "no" | "size" | "data" | "data-end" = "no";
  let line = "";

  const takeData = (bytes: Buffer): number => {
    const count = Math.min(left, bytes.length);
    left -= count;
    length += count;
    if (keepBody) kept.push(Buffer.from(bytes.subarray(0, count)));
    return count;
  };

  /** Reads to the end of a line; undefined when it has not come whole. */
  const takeLine = (bytes: Buffer): { text: string; used: number } | undefined => {
    const end = bytes.indexOf(10);
    line += bytes.toString("latin1", 0, end < 0 ? bytes.length : end);
    if (end < 0) return undefined;
    const text = line.trimEnd();
    line = "";
    return { text, used: end + 1 };
  };

  const takeChunks = (bytes: Buffer): boolean => {
    for (let rest = bytes; rest.length > 0; ) {
      if (chunked === "data") {
        rest = rest.subarray(takeData(rest));
        if (left === 0) chunked = "data-end";
        continue;
      }
      const read = takeLine(rest);
      if (!read) return false;
      rest = rest.subarray(read.used);
      if (chunked === "data-end") {
        // The blank line after a chunk, or, after the last chunk (left is -1), the end of the answer.
        if (left < 0) return true;
        chunked = "size";
      } else {
        left = Number.parseInt(read.text, 16);
        if (Number.isNaN(left)) throw new Error(`not a chunk size: ${read.text.slice(0, 40)}`);
        chunked = left === 0 ? "data-end" : "data";
        if (left === 0) left = -1;
      }
    }
    return false;
  };

  const takeHead = (bytes: Buffer): Buffer | undefined => {
    const before = head.length;
    head += bytes.toString("latin1");
    const end = head.indexOf(HEAD_END);
    if (end < 0) return undefined;
    const rest = bytes.subarray(end + HEAD_END.length - before);
    head = head.slice(0, end);
    status = Number(head.slice(9, 12));
    const contentLength = /\r\ncontent-length: *(\d+)/i.exec(head);
    hasContentLength = contentLength !== null;
    isCompressed = /\r\ncontent-encoding: *gzip/i.test(head);
    if (contentLength) left = Number(contentLength[1]);
    else if (/\r\ntransfer-encoding: *chunked/i.test(head)) chunked = "size";
    return rest;
  };

  return {
    take(bytes: Buffer): boolean {
      let rest: Buffer | undefined = bytes;
      if (status === 0) {
        rest = takeHead(bytes);
        if (!rest) return false;
      }
      if (chunked !== "no") return takeChunks(rest);
      takeData(rest);
      return left === 0;
    },
    answer(): Answer {
      const bytes = Buffer.concat(kept);
      const body = isCompressed && bytes.length > 0 ? gunzipSync(bytes) : bytes;
      return { status, length, hasContentLength, body: body.toString() };
    },
  };
}
