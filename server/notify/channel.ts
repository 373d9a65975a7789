/** A way to tell a person something. */
import type { z } from "zod";
import { StorageError } from "#drivers/contract/errors.ts";
import type { UrlGuard } from "../upstream/url-guard.ts";
import type { Message } from "./words.ts";

/** What a channel may touch. */
export interface ChannelTools {
  readonly guard: Pick<UrlGuard, "request" | "connect">;
}

/** A message on its way: its words, and what programs read. */
export interface Delivery extends Message {
  /** For the webhook: subject, state, time and cause. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface Channel<S extends z.ZodObject = z.ZodObject> {
  readonly kind: string;
  readonly title: string;
  /** Secrets marked with `secret()`, which are sealed in the store. */
  readonly settings: S;
  /** Resolves when the service has taken it. Throws StorageErrors without secrets in them; `retryable` where another try may help. */
  send(settings: z.output<S>, delivery: Delivery, tools: ChannelTools, signal: AbortSignal): Promise<void>;
}

/** The definition, whose `send` is typed by its settings. */
export function defineChannel<S extends z.ZodObject>(channel: Channel<S>): Channel {
  return channel as unknown as Channel;
}

/** Longest reply that is read, in bytes. */
const MAX_REPLY = 64 * 1024;

/** Posts a body and gives what the service says; throws where its status says that it did not take it. */
export async function post(
  { guard }: ChannelTools,
  url: string,
  { body, headers = {}, signal }: { body: string; headers?: Readonly<Record<string, string>>; signal: AbortSignal },
): Promise<unknown> {
  const reply = await guard.request(url, {
    method: "POST",
    headers: { "content-type": "application/json; charset=utf-8", "user-agent": "Pandav", ...headers },
    body,
    signal,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of reply.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_REPLY) break; // leaving the loop destroys it
    chunks.push(chunk);
  }
  const said = parseJson(Buffer.concat(chunks).toString("utf8"));
  if (reply.status >= 200 && reply.status < 300) return said;
  throw refused(`status ${reply.status}`, said, isWorthAnotherTry(reply.status));
}

/** The service's refusal, in its own words where it has any. */
export function refused(what: string, said?: unknown, retryable = false): StorageError {
  const { message, description } = (said ?? {}) as { message?: unknown; description?: unknown };
  const words = [description, message].find((one): one is string => typeof one === "string" && one !== "");
  const text = `the service did not take the message (${what}${words ? `: ${words.slice(0, 200)}` : ""})`;
  return new StorageError("upstream", text, { retryable });
}

/** RFC 9110 §15.5.9, §15.6; RFC 6585 §4. */
function isWorthAnotherTry(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
