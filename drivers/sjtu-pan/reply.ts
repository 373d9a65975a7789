/** The only decoder of the service's answers: a value, or a StorageError that names code and request (sjtu-pan.md §1.4). */
import { z } from "zod";
import { StorageError, type StorageErrorDetails } from "../contract/errors.ts";
import { parseJson } from "../kit/json.ts";
import { type Meaning, meaningOf } from "./codes.ts";
import type { HttpReply } from "./http.ts";

/** The wait where a 429 names none, in milliseconds (sjtu-pan.md §1.5). */
const DEFAULT_PAUSE_MS = 60_000;

/** Longest text of the service's own in a message, in UTF-16 units. */
const MAX_WORDS = 200;

/** What a failure looks like; also an element of a batch or a task. */
export const failureSchema = z.object({
  status: z.coerce.number().optional().catch(undefined),
  code: z.string().optional().catch(undefined),
  message: z.string().optional().catch(undefined),
  requestId: z.string().optional().catch(undefined),
});

export type Failure = z.output<typeof failureSchema>;

/** The payload of a successful answer; undefined where it has none. Throws what a failure means. */
export function payloadOf(reply: HttpReply): unknown {
  // Bodies of deletions and the like may be empty or anything.
  const body = parseJson(reply.text);
  if (reply.status >= 400) throw errorOf(reply.status, toFailure(body), reply.headers);
  if (isFailure(body)) {
    const failure = toFailure(body);
    throw errorOf(failure.status ?? reply.status, failure, reply.headers);
  }
  return body;
}

/** The payload as the schema has it. Throws `upstream` when it is something else. */
export function readAs<S extends z.ZodType>(schema: S, payload: unknown, what: string): z.output<S> {
  const { success, data } = schema.safeParse(payload);
  if (success) return data;
  throw new StorageError("upstream", `SJTU Pan's answer to ${what} is not what it should be`);
}

/** What an error code means, as an error. `status` is HTTP's. */
export function errorOf(status: number, failure: Failure, headers: HttpReply["headers"] = {}): StorageError {
  const code = failure.code ?? "";
  const meaning = meaningOf(code, status);
  const requestId = failure.requestId ?? textOf(headers["x-request-id"]);
  const details: StorageErrorDetails = {
    ...(meaning.reason && { reason: meaning.reason }),
    ...(meaning.retryable && { retryable: true }),
    ...(meaning.kind === "rate-limited" && { retryAfterMs: pauseOf(headers) }),
    upstream: { status, ...(code !== "" && { code }), ...(requestId !== undefined && { requestId }) },
  };
  return new StorageError(meaning.kind, messageOf(meaning, status, failure, requestId), details);
}

function messageOf(meaning: Meaning, status: number, failure: Failure, requestId: string | undefined): string {
  const words = meaning.says ?? withoutTokens(failure.message ?? "the service refused the request");
  const source = [failure.code ?? `HTTP ${status}`, ...(requestId ? [`request ${requestId}`] : [])].join(", ");
  return `${words} (SJTU Pan: ${source})`;
}

/** A success carries no `status`, or 0 or 200; inner ones of lists and batches are none of its own. */
function isFailure(body: unknown): boolean {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return false;
  const { status, code, message } = body as Record<string, unknown>;
  if (typeof status !== "number" || status === 0 || status === 200) return false;
  return typeof code === "string" || typeof message === "string";
}

function toFailure(body: unknown): Failure {
  const { success, data } = failureSchema.safeParse(body);
  return success ? data : {};
}

/** The service's own words, less what a message must not hold. */
function withoutTokens(words: string): string {
  return words
    .replace(/\bacctk[0-9a-z]+|[0-9a-f]{64,}/gi, "[secret]")
    .replace(/\s+/g, " ")
    .slice(0, MAX_WORDS);
}

function pauseOf(headers: HttpReply["headers"]): number {
  const text = textOf(headers["retry-after"]);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) * 1000 : DEFAULT_PAUSE_MS;
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
