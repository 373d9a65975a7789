/** The one way in which commands speak to the server: HTTP over the owner's socket. */
import { type IncomingMessage, request } from "node:http";
import type { z } from "zod";
import type { ErrorKind } from "#drivers/contract/errors.ts";
import { type Envelope, envelope } from "./wire.ts";

/** A server that can be spoken to. */
export interface Reached {
  readonly socketPath: string;
  /** Ends it, if it runs in this process. */
  close(): Promise<void>;
}

/** Finds or becomes the server. */
export type Reach = (signal: AbortSignal) => Promise<Reached>;

export type Query = Readonly<Record<string, string | number | boolean>>;

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
}

/** The server refused. The message is its own. */
export class Refused extends Error {
  readonly kind: ErrorKind | undefined;

  constructor(message: string, kind: ErrorKind | undefined) {
    super(message);
    this.name = "Refused";
    this.kind = kind;
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
    if (response.statusCode === 200) return response;
    throw toRefused(response, call, envelope.safeParse(parseJson(await readText(response))).data);
  }

  async close(): Promise<void> {
    const reached = await this.#reached?.catch(() => undefined);
    await reached?.close();
  }

  /** Again where the server ended before it took the call: another process, or this one, is the server by then. */
  async #send(call: Call): Promise<IncomingMessage> {
    for (let tries = 1; ; tries++) {
      this.#reached ??= this.#reach(this.#signal);
      const { socketPath, close } = await this.#reached;
      try {
        return await send(socketPath, call, this.#signal);
      } catch (error) {
        if (tries === MOST_TRIES || !wasNotTaken(error, call)) throw error;
      }
      await close();
      this.#reached = undefined;
    }
  }
}

function toRefused(response: IncomingMessage, call: Call, reply: Envelope | undefined): Refused {
  if (!reply) return new Refused(`the server answered ${response.statusCode} to ${call.path}`, undefined);
  return new Refused(reply.message, reply.kind);
}

/** The server ended, or was ended, with the call in its hands. */
class BrokenCall extends Error {
  constructor(cause: Error) {
    super("the server ended before it answered: see whether it was done, and try again", { cause });
    this.name = "BrokenCall";
  }
}

/** A call that changes something is made again only when no server was there to take it. */
function wasNotTaken(error: unknown, call: Call): boolean {
  const code = (error as { code?: string }).code;
  return code === "ENOENT" || code === "ECONNREFUSED" || (error instanceof BrokenCall && call.method === "GET");
}

function send(socketPath: string, call: Call, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const query = new URLSearchParams(
      Object.entries(call.query ?? {}).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const sent = request(
      {
        socketPath,
        method: call.method,
        path: query.size > 0 ? `${call.path}?${query}` : call.path,
        headers: {
          host: "localhost",
          ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        },
        agent: false,
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
      if (signal.aborted) return reject(signal.reason);
      reject(error.code === "ECONNRESET" ? new BrokenCall(error) : error);
    });
    sent.end(body);
  });
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
