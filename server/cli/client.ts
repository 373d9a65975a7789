/** The one way in which commands speak to the server: HTTP over the owner's socket, or to another machine. */
import { type Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import { pipeline, type Readable } from "node:stream";
import type { z } from "zod";
import { type ErrorKind, StorageError } from "#drivers/contract/errors.ts";
import { type Envelope, envelope, failedRow } from "./wire.ts";

/** A server that can be spoken to. `close` ends it, if it runs in this process, and lets go of connections. */
export type Reached = { close(): Promise<void> } & (LocalDoor | RemoteDoor);

/** The owner's socket: who can open it needs no login. */
interface LocalDoor {
  readonly socketPath: string;
  readonly origin?: undefined;
}

/** A server by its address, with or without a login. */
interface RemoteDoor {
  readonly origin: URL;
  readonly token: string | undefined;
  readonly agent: Agent;
  readonly request: typeof request;
}

/** Finds or becomes the server. */
export type Reach = (signal: AbortSignal) => Promise<Reached>;

export type Query = Readonly<Record<string, string | number | boolean>>;

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of `body`; read once, and destroyed when the call ends early. */
  readonly content?: Readable;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The server refused. The message is its own. */
export class Refused extends Error {
  readonly kind: ErrorKind | undefined;
  /** AList's code in the envelope (alist-api.md §3); 401 asks for a login at the server. */
  readonly code: number | undefined;

  constructor(message: string, kind: ErrorKind | undefined, code?: number) {
    super(message);
    this.name = "Refused";
    this.kind = kind;
    this.code = code;
  }
}

/** Longest wait for the beginning of an answer: a storage may ask its service first. */
const ANSWER_WITHIN_MS = 300_000;

/** Longest pause inside an answer. */
const SILENCE_MS = 120_000;

/** Servers that may end under one call: commands come and go. */
const MOST_TRIES = 5;

/** Longest answer that is read into memory, in bytes. */
const MAX_ANSWER = 64 * 1024 * 1024;

export class Client {
  readonly #reach: Reach;
  readonly #signal: AbortSignal;
  #reached: Promise<Reached> | undefined;

  constructor(reach: Reach, signal: AbortSignal) {
    this.#reach = reach;
    this.#signal = signal;
  }

  /** The `data` of the answer's envelope. Throws Refused. */
  async call<T>(call: Call, data: z.ZodType<T>): Promise<T> {
    const response = await this.#send(call);
    const reply = envelope.safeParse(parseJson(await readText(response)));
    if (!reply.success || reply.data.code !== 200) throw toRefused(response, call, reply.data);
    return data.parse(reply.data.data);
  }

  /** The body of the answer as it comes. Throws Refused; the stream fails where it breaks off. */
  async read(call: Call): Promise<IncomingMessage> {
    const response = await this.#send(call);
    if (response.statusCode === 200 || response.statusCode === 206) return response;
    throw toRefused(response, call, envelope.safeParse(parseJson(await readText(response))).data);
  }

  /**
   * The rows of a route that answers in lines (`api/stream.ts`), as they come. Throws Refused where the server refuses, or fails later on;
   * an answer that breaks off is an error too.
   */
  async *rows<T>(call: Call, row: z.ZodType<T>): AsyncGenerator<T> {
    const body = await this.read(call);
    try {
      for await (const line of linesOf(body)) {
        const value = parseJson(line) as { readonly end?: unknown; readonly error?: unknown } | undefined;
        if (value?.end === true) return;
        const failed = value && failedRow.safeParse(value.error);
        if (failed?.success) throw new Refused(failed.data.message, failed.data.kind);
        yield row.parse(value);
      }
      throw new BrokenCall(new Error("the lines end early"));
    } catch (error) {
      this.#signal.throwIfAborted();
      if ((error as { code?: string }).code === "ECONNRESET") throw new BrokenCall(error as Error);
      throw error;
    } finally {
      body.destroy();
    }
  }

  async close(): Promise<void> {
    const reached = await this.#reached?.catch(() => undefined);
    await reached?.close();
  }

  /** Again where the server ended before it took the call: another process, or this one, is the server by then. */
  async #send(call: Call): Promise<IncomingMessage> {
    for (let tries = 1; ; tries++) {
      this.#reached ??= this.#reach(this.#signal);
      const reached = await this.#reached;
      try {
        return await send(reached, call, this.#signal);
      } catch (error) {
        if (reached.origin) throw explain(reached.origin, error, this.#signal);
        if (tries === MOST_TRIES || !wasNotTaken(error, call)) throw error;
      }
      await reached.close();
      this.#reached = undefined;
    }
  }
}

function toRefused(response: IncomingMessage, call: Call, reply: Envelope | undefined): Refused {
  const [, size] = /^bytes \*\/(\d+)$/.exec(response.headers["content-range"] ?? "") ?? []; // RFC 9110 §15.5.17
  if (size !== undefined) return new Refused(`it has only ${size} bytes`, "range-not-satisfiable");
  if (!reply) return new Refused(`the server answered ${response.statusCode} to ${call.path}`, undefined);
  return new Refused(reply.message, reply.kind, reply.code);
}

/** Why another machine's server cannot be spoken to. */
function explain(origin: URL, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || error instanceof BrokenCall) return error;
  const { message, code } = error as Error & { code?: string };
  return new StorageError("unavailable", `${origin.origin} cannot be reached: ${message || code}`, { cause: error });
}

/** The server ended, or was ended, with the call in its hands. */
class BrokenCall extends Error {
  constructor(cause: Error) {
    super("the server ended before it answered: see whether it was done, and try again", { cause });
    this.name = "BrokenCall";
  }
}

/** A call that changes something is made again only when no server was there to take it; a stream is read only once. */
function wasNotTaken(error: unknown, call: Call): boolean {
  if (call.content) return false;
  const code = (error as { code?: string }).code;
  return code === "ENOENT" || code === "ECONNREFUSED" || (error instanceof BrokenCall && call.method === "GET");
}

function send(reached: Reached, call: Call, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const sent = (reached.origin ? reached.request : request)(
      {
        ...address(reached, call),
        method: call.method,
        headers: {
          ...(reached.origin ? reached.token && { authorization: reached.token } : { host: "localhost" }),
          ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
          ...call.headers,
        },
        signal,
        timeout: ANSWER_WITHIN_MS,
      },
      (response) => {
        sent.setTimeout(SILENCE_MS);
        resolve(response);
      },
    );
    sent.on("timeout", () => sent.destroy(new Error("the server does not answer")));
    sent.on("error", (error: Error & { code?: string }) => {
      call.content?.destroy();
      if (signal.aborted) return reject(signal.reason);
      reject(error.code === "ECONNRESET" ? new BrokenCall(error) : error);
    });
    if (!call.content) return void sent.end(body);
    // A refusal may come before the end of what is sent: it is the answer, and the rest is not wanted.
    pipeline(call.content, sent, (error) => {
      if (error) reject(signal.aborted ? signal.reason : error);
    });
  });
}

function address(reached: Reached, call: Call): RequestOptions {
  const query = new URLSearchParams(
    Object.entries(call.query ?? {}).map(([name, value]): [string, string] => [name, String(value)]),
  );
  const path = query.size > 0 ? `${call.path}?${query}` : call.path;
  if (!reached.origin) return { socketPath: reached.socketPath, path, agent: false };
  const { protocol, hostname, port, pathname } = reached.origin;
  return {
    protocol,
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    path: pathname.replace(/\/+$/, "") + path,
    agent: reached.agent,
  };
}

/** Longest line, in characters: one row. */
const MAX_LINE = 1024 * 1024;

async function* linesOf(body: Readable): AsyncGenerator<string> {
  let rest = "";
  body.setEncoding("utf8");
  for await (const chunk of body as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE) throw new Error(`a line of the server's answer is longer than ${MAX_LINE} characters`);
    yield* lines;
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER) throw new Error(`the server's answer is longer than ${MAX_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no envelope, which the caller reports with the status
  }
}
