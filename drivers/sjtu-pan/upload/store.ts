/** Sending bytes to the store, as the service has signed it (sjtu-pan.md §4.2, §4.4, §6). */
import { Readable } from "node:stream";
import type { DriverEnv } from "../../contract/driver.ts";
import { StorageError } from "../../contract/errors.ts";
import type { CallOptions } from "../../contract/mount.ts";
import { explainConnection } from "../http.ts";
import { checkStore, storeCodeOf } from "../link.ts";
import { startSilence } from "./silence.ts";

/** What the service signed: where to, and the headers that must go along unchanged. */
export interface Signed {
  readonly domain: string;
  /** A URL path as it is. */
  readonly path: string;
  /** With its question mark; absent for a whole object. */
  readonly query?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Bytes handed to the socket at a time. */
const PIECE_BYTES = 1024 * 1024;

/** Longest time in which the store takes no byte and gives no answer, in milliseconds. */
const SILENCE_MS = 60_000;

/** As much of a refusal as is read, in bytes. */
const MAX_REFUSAL_BYTES = 16_384;

/**
 * Stores bytes. Throws `unavailable` and `timeout` (retryable), and for a refusal its status and code in `upstream`.
 * `alive` is called for every piece that is taken. The bytes must not change before the call has ended.
 */
export async function putBytes(
  env: Pick<DriverEnv, "bytes" | "clock">,
  signed: Signed,
  bytes: Uint8Array,
  o: CallOptions,
  alive: () => void,
): Promise<void> {
  const url = new URL(`https://${signed.domain}`);
  checkStore(url);
  const silence = startSilence(env.clock, SILENCE_MS, o.signal);
  const piece = () => {
    silence.touch();
    alive();
  };
  try {
    const answer = await env.bytes.request({
      origin: url.origin,
      path: signed.path + (signed.query ?? ""),
      method: "PUT",
      headers: { ...signed.headers, "content-length": String(bytes.length) },
      body: bytes.length > 0 ? piecesOf(bytes, piece) : null,
      signal: silence.signal,
    });
    if (answer.statusCode >= 200 && answer.statusCode < 300) await answer.body.dump();
    else throw refusalOf(answer.statusCode, await textOf(answer.body));
  } catch (error) {
    o.signal.throwIfAborted();
    if (silence.signal.aborted) throw silence.signal.reason;
    throw toStoreError(error);
  } finally {
    silence.end();
  }
}

/** True for a refusal after which the part must be signed anew: what was signed is too old, or of an upload that is no more (sjtu-pan.md §4.6). */
export function needsSigning(error: unknown): boolean {
  if (!(error instanceof StorageError)) return false;
  const { status, code } = error.upstream ?? {};
  return status === 403 || code === "NoSuchUpload";
}

/** The failure itself, or where a fresh signature was refused, too, one that says so. */
export function asRefusal(error: unknown): unknown {
  if (!needsSigning(error)) return error;
  const { upstream } = error as StorageError;
  return new StorageError("upstream", "the store of SJTU Pan refuses what the service has signed", {
    ...(upstream && { upstream }),
    cause: error,
  });
}

function piecesOf(bytes: Uint8Array, piece: () => void): Readable {
  let at = 0;
  return new Readable({
    highWaterMark: PIECE_BYTES,
    read() {
      const next = bytes.subarray(at, at + PIECE_BYTES);
      at += next.length;
      piece();
      this.push(next);
      if (at >= bytes.length) this.push(null);
    },
  });
}

function refusalOf(status: number, xml: string): StorageError {
  const code = storeCodeOf(xml);
  const requestId = /<RequestId>([^<]{1,100})<\/RequestId>/.exec(xml)?.[1];
  const upstream = { status, ...(code !== undefined && { code }), ...(requestId !== undefined && { requestId }) };
  const what = [code ?? `HTTP ${status}`, ...(requestId === undefined ? [] : [`request ${requestId}`])].join(", ");
  if (status === 429 || status >= 500) {
    return new StorageError("unavailable", `the store of SJTU Pan is busy or failed (${what})`, {
      retryable: true,
      upstream,
    });
  }
  if (code === "EntityTooLarge")
    return new StorageError("too-large", `the store takes no such size (${what})`, { upstream });
  return new StorageError("upstream", `the store of SJTU Pan refused the bytes (${what})`, { upstream });
}

/** Transport failures as StorageErrors: the store may have the bytes or not, and sending them again does no harm. */
function toStoreError(error: unknown): unknown {
  if (error instanceof StorageError) return error;
  const explained = explainConnection(error);
  if (explained !== error) return explained;
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return error;
  return new StorageError("unavailable", `the connection to the store of SJTU Pan broke (${code})`, {
    retryable: true,
    cause: error,
  });
}

async function textOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size >= MAX_REFUSAL_BYTES) break;
    }
  } catch {
    // The status alone says enough when the body breaks.
  }
  body.on("error", () => {}).destroy();
  return Buffer.concat(chunks).toString("utf8");
}
